"""Copies of an app that share a login: used refresh tokens start chains within the grace, and never end the grant."""

import asyncio
from datetime import timedelta

import pytest
import structlog.testing

from auth.grants.chains import MAX_CHAINS
from server.store.record.oauth.chains import list_chains
from server.store.record.people.accounts import create_user
from tests.helpers.logins.flow import ON_BOTH, PASSWORD, Flow, read_fields

pytestmark = [pytest.mark.anyio, ON_BOTH]


@pytest.fixture
def list_copies(auth, ada):
    """The chains of ada's only grant, the one used last first."""

    async def run():
        async with auth.db.read() as connection:
            (chains,) = (await list_chains(connection, ada.id, auth.now())).values()
        return chains

    return run


async def refresh(flow, tokens):
    answer = await flow.refresh(tokens["refresh_token"])
    assert answer.status_code == 200, answer.text
    return answer.json()


async def is_refused(flow, tokens):
    answer = await flow.refresh(tokens["refresh_token"])
    return (answer.status_code, answer.json().get("error")) == (400, "invalid_grant")


async def press(flow, **button):
    page = await flow.http.get("/apps")
    return await flow.http.post("/apps", data=read_fields(page.text) | button)


@pytest.mark.parametrize("pause", [timedelta(seconds=40), timedelta(minutes=7, seconds=45), timedelta(minutes=59)])
async def test_two_windows_with_one_token_both_stay_logged_in(flow, auth, clock, revoked_ids, pause):
    login = await flow.tokens()
    one = await refresh(flow, login)
    clock.time += pause
    other = await refresh(flow, login)
    for _ in range(5):
        clock.move(hours=20)
        one, other = await refresh(flow, one), await refresh(flow, other)
    for tokens in (one, other):
        assert await auth.tokens.verify(tokens["access_token"]) is not None
    assert revoked_ids == []


async def test_a_used_token_starts_a_chain_even_after_its_successor_was_used(flow, clock):
    login = await flow.tokens()
    one = await refresh(flow, await refresh(flow, login))
    clock.move(minutes=30)
    other = await refresh(flow, login)
    await refresh(flow, one)
    await refresh(flow, other)


async def test_one_token_five_times_within_a_second_and_again_minutes_later_logs_nobody_out(flow, clock, list_copies):
    login = await flow.tokens()
    answers = await asyncio.gather(*(flow.refresh(login["refresh_token"]) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    clock.move(minutes=7, seconds=45)
    answers.append(await flow.refresh(login["refresh_token"]))
    assert len(await list_copies()) == 6
    clock.move(hours=2)
    for answer in answers:
        await refresh(flow, answer.json())


async def test_a_token_that_comes_again_after_four_days_is_refused_alone_and_its_reuse_is_told(
    flow, auth, clock, revoked_ids, list_copies
):
    login = await flow.tokens()
    tokens = await refresh(flow, login)
    clock.move(days=4)
    tokens = await refresh(flow, tokens)
    with structlog.testing.capture_logs() as lines:
        assert await is_refused(flow, login)
    (line,) = [line for line in lines if line["event"] == "refresh_token.reused"]
    (chain,) = await list_copies()
    assert (line["log_level"], line["chain"], line["grant"]) == ("warning", chain.id, chain.grant_id)
    assert line["address"] == chain.reused_from == "127.0.0.1"
    assert chain.reused_at == clock()
    assert "sent again on 2026-11-25 12:00 UTC from 127.0.0.1" in (await flow.http.get("/apps")).text
    assert await auth.tokens.verify(tokens["access_token"]) is not None
    await refresh(flow, tokens)
    assert revoked_ids == []


async def test_the_grace_is_a_setting_and_zero_means_once(make_server, make_browser, ada, clock):
    for grace, last in ((timedelta(0), None), (timedelta(minutes=2), timedelta(seconds=119))):
        server = make_server(refresh_grace=grace)
        async with make_browser(server=server) as http:
            flow = Flow(http, server.issuer)
            await flow.register()
            await flow.log_in(ada.name)
            login = await flow.tokens()
            tokens = await refresh(flow, login)
            if last is not None:
                clock.time += last
                await refresh(flow, login)
                clock.move(seconds=1)
            assert await is_refused(flow, login)
            await refresh(flow, tokens)


async def test_a_grant_has_at_most_eight_chains_and_the_one_longest_unused_ends(flow, auth, clock, list_copies):
    login = await flow.tokens()
    copies = [await refresh(flow, login)]
    for _ in range(MAX_CHAINS - 1):
        clock.move(minutes=1)
        copies.append(await refresh(flow, login))
    clock.move(minutes=1)
    copies[0] = await refresh(flow, copies[0])
    clock.move(minutes=1)
    copies.append(await refresh(flow, login))
    assert len(await list_copies()) == MAX_CHAINS
    ended = copies.pop(1)
    assert await auth.tokens.verify(ended["access_token"]) is None
    assert await is_refused(flow, ended)
    for tokens in copies:
        assert await auth.tokens.verify(tokens["access_token"]) is not None
        await refresh(flow, tokens)


async def test_chains_that_start_in_one_moment_are_bounded_as_well(flow, list_copies):
    login = await flow.tokens()
    answers = await asyncio.gather(*(flow.refresh(login["refresh_token"]) for _ in range(MAX_CHAINS + 4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await list_copies()) == MAX_CHAINS
    refused = [await is_refused(flow, answer.json()) for answer in answers]
    assert refused.count(True) == 4


@pytest.mark.parametrize(
    ("first", "second", "is_elsewhere"),
    [
        ("192.0.2.7", "192.0.2.200", False),
        ("192.0.2.7", "192.0.3.7", True),
        ("2001:db8:1:2::7", "2001:db8:1:3::9", False),
        ("2001:db8:1::7", "2001:db8:2::7", True),
        ("192.0.2.7", "2001:db8::1", True),
        ("unknown", "unknown", False),
    ],
)
async def test_a_chain_from_another_network_is_marked(flow, make_browser, list_copies, first, second, is_elsewhere):
    login, client, page = await flow.tokens(), flow.client, flow.http
    async with make_browser(first) as one, make_browser(second) as two:
        await refresh(Flow(one, flow.base, client), login)
        await refresh(Flow(two, flow.base, client), login)
    marks = {chain.is_from_elsewhere for chain in await list_copies()}
    assert marks == ({True, False} if is_elsewhere else {False})
    assert ("Came from another network" in (await page.get("/apps")).text) == is_elsewhere


async def test_a_marked_chain_marks_the_chains_that_branch_off_it(flow, make_browser, list_copies):
    login, client = await flow.tokens(), flow.client
    await refresh(flow, login)
    async with make_browser("192.0.2.7") as http:
        thief = Flow(http, flow.base, client)
        stolen = await refresh(thief, login)
        await refresh(thief, stolen)
        await refresh(thief, stolen)
    assert {(chain.first_address, chain.is_from_elsewhere) for chain in await list_copies()} == {
        ("127.0.0.1", False),
        ("192.0.2.7", True),
    }


async def test_a_chain_that_goes_on_from_another_network_is_told_to_have_moved(flow, make_browser):
    login = await flow.tokens()
    assert "moved to another network" not in (await flow.http.get("/apps")).text
    async with make_browser("192.0.2.7") as http:
        await refresh(Flow(http, flow.base, flow.client), login)
    assert "moved to another network" in (await flow.http.get("/apps")).text


async def test_a_copy_that_was_ended_does_not_come_back_with_the_token_it_began_with(flow, make_browser, list_copies):
    login = await flow.tokens()
    mine = await refresh(flow, login)
    async with make_browser("192.0.2.7") as http:
        thief = Flow(http, flow.base, flow.client)
        await refresh(thief, login)
        (stolen,) = [chain for chain in await list_copies() if chain.is_from_elsewhere]
        await press(flow, chain=stolen.id)
        assert await is_refused(thief, login)
    (left,) = await list_copies()
    assert left.reused_from == "192.0.2.7"
    await refresh(flow, mine)


async def test_each_copy_is_shown_with_its_times_and_addresses(flow, make_browser, clock):
    login = await flow.tokens()
    clock.move(minutes=5)
    async with make_browser("192.0.2.7") as http:
        other = Flow(http, flow.base, flow.client)
        await refresh(flow, login)
        tokens = await refresh(other, login)
        clock.move(days=2)
        await refresh(other, tokens)
    page = (await flow.http.get("/apps")).text
    assert "2 copies of this app" in page
    assert "Last used 2026-11-23 12:05 UTC from 192.0.2.7" in page
    assert "First used 2026-11-21 12:05 UTC from 192.0.2.7" in page
    assert "First used 2026-11-21 12:00 UTC from 127.0.0.1" in page


async def test_one_copy_is_ended_by_itself_and_at_once(flow, auth, revoked_ids, list_copies):
    login = await flow.tokens()
    one, other = await refresh(flow, login), await refresh(flow, login)
    chain_id = (await auth.tokens.verify(other["access_token"])).chain_id
    assert (await press(flow, chain=chain_id)).status_code == 302
    assert revoked_ids == [chain_id]
    assert await auth.tokens.verify(other["access_token"]) is None
    assert await is_refused(flow, other)
    assert await auth.tokens.verify(one["access_token"]) is not None
    one = await refresh(flow, one)
    (left,) = await list_copies()
    await press(flow, chain=left.id)
    assert await auth.tokens.verify(one["access_token"]) is None
    assert "Test App" not in (await flow.http.get("/apps")).text


async def test_nobody_ends_a_copy_of_anothers_app(flow, auth, list_copies, clock):
    tokens = await flow.tokens()
    (chain,) = await list_copies()
    password_hash = await auth.passwords.hash(PASSWORD)
    async with auth.db.write() as connection:
        await create_user(connection, name="eve", password_hash=password_hash, is_admin=True, now=clock())
    await flow.log_in("eve")
    page = await flow.http.get("/logout")
    await flow.http.post("/apps", data=read_fields(page.text) | {"chain": chain.id})
    assert await auth.tokens.verify(tokens["access_token"]) is not None


async def test_a_worthless_token_ends_nothing_when_it_is_revoked(flow, clock, revoked_ids):
    login = await flow.tokens()
    tokens = await refresh(flow, login)
    clock.move(hours=1)
    assert (await flow.revoke(login["refresh_token"])).status_code == 200
    assert revoked_ids == []
    tokens = await refresh(flow, tokens)
    assert (await flow.revoke(tokens["refresh_token"])).status_code == 200
    assert await is_refused(flow, tokens)
