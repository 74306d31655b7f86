"""Two people of one app: everybody who uses it has its client id, and still each is a principal of their own.

A client id that is the address of a metadata document is the same on every machine of the world. The tests are done
with our own tokens and with those of an issuer.
"""

import asyncio

import pytest

from auth.grants.revocation import end_grant
from server.ids import UserId
from server.store.record.oauth.grants import list_grants
from tests.helpers.doors import call_tool, send_rpc
from tests.helpers.logins.fake_issuer import URL, FakeIssuer, open_fake_web
from tests.helpers.logins.tokens import make_access_token
from tests.helpers.site import Person, open_site

pytestmark = pytest.mark.anyio

CLIENT_ID = "https://app.example/client.json"
LIMIT = 30


@pytest.fixture(params=["ours", "an issuer's"])
def maker(request):
    """Who issues the tokens."""
    return request.param


@pytest.fixture
async def site(settings, clock, maker):
    settings = settings.model_copy(update={"rate_limit": LIMIT})
    if maker != "ours":
        settings = settings.model_copy(update={"auth_issuer": [URL]})
    async with open_site(settings, clock) as site:
        yield site


@pytest.fixture
async def people(site, clock, maker):
    """Two people with tokens for one client."""
    if maker == "ours":
        known = [await site.add_person(name) for name in ("ann", "bob")]
        tokens = [await make_access_token(site, each, client_id=CLIENT_ID, client_name="App") for each in known]
        yield [
            Person(each.name, each.user_id, each.account_id, token, site.url, site.client(token))
            for each, token in zip(known, tokens, strict=True)
        ]
        return
    issuer = FakeIssuer(clock, audience=f"{site.url}/mcp")
    with open_fake_web() as router:
        issuer.answer(router)
        tokens = [
            issuer.token(sub=name, client_id=CLIENT_ID, azp=CLIENT_ID, email="shared@example.org") for name in "ab"
        ]
        yield [
            Person(name, UserId(""), "", token, site.url, site.client(token))
            for name, token in zip("ab", tokens, strict=True)
        ]


async def test_at_every_door_each_finds_their_own_memories_and_no_others(people):
    ann, bob = people
    mine = [await each.store(f"{each.name} keeps the heron's diary") for each in people]
    for person, own, foreign in ((ann, *mine), (bob, *reversed(mine))):
        for path, hits in (("/mcp", "results"), ("/v1/mcp", "observations")):
            found = (await call_tool(person, "search", {"query": "heron's diary"}, path=path)).body
            assert [each["id"] for each in found[hits]] == [own]
        assert (await call_tool(person, "fetch", {"id": foreign})).error == "not_found"
        listed = (await person.http.get("/v1/memories")).json()["memories"]
        assert [each["id"] for each in listed] == [own]
        for method in ("GET", "DELETE"):
            assert (await person.http.request(method, f"/v1/memories/{foreign}")).status_code == 404
        assert own in (await person.http.get("/v1/memories/export")).text
        assert foreign not in (await person.http.get("/v1/memories/export")).text
        assert (await person.http.get(f"/v1/memories/{own}")).status_code == 200


async def test_over_one_connection_and_one_session_id_the_bearer_alone_says_who_it_is(site, people):
    mine = {each.key: await each.store(f"{each.name} keeps the heron's diary") for each in people}
    headers = {"mcp-session-id": "s" * 32}
    shared = Person("", UserId(""), "", "", site.url, site.client())

    async def whose(key):
        answer = await call_tool(
            shared, "search", {"query": "diary"}, headers=headers | {"authorization": f"Bearer {key}"}
        )
        return [each["id"] for each in answer.body["results"]] == [mine[key]]

    assert all(await asyncio.gather(*(whose(each.key) for _ in range(10) for each in people)))


async def test_an_argument_that_names_another_person_changes_nothing(people):
    ann, bob = people
    await ann.store("ann keeps the heron's diary")
    for name in ("user_id", "user", "sub", "client_id", "account_id"):
        answer = await call_tool(bob, "search", {"query": "diary", name: ann.user_id or "a"})
        assert answer.error is not None or answer.body["results"] == []
    spoofed = {"x-user-id": ann.user_id or "a", "x-client-id": CLIENT_ID}
    assert (await bob.http.get("/v1/memories", headers=spoofed)).json()["memories"] == []


async def test_one_who_has_used_up_their_limit_takes_nothing_from_the_other(people):
    ann, bob = people
    for _ in range(LIMIT):
        assert (await ann.http.get("/v1/memories")).status_code == 200
    assert (await ann.http.get("/v1/memories")).status_code == 429
    assert (await send_rpc(bob, "tools/list")).status_code == 200
    assert (await bob.http.get("/v1/memories")).status_code == 200


@pytest.mark.parametrize("maker", ["ours"])
async def test_an_app_that_one_disconnects_stays_connected_for_the_other(site, people):
    ann, bob = people
    auth = site.running.auth
    async with auth.db.read() as connection:
        (grant,) = await list_grants(connection, ann.user_id, auth.now())
        (other,) = await list_grants(connection, bob.user_id, auth.now())
    assert grant.client_id == other.client_id == CLIENT_ID
    async with auth.db.write() as connection:
        ended = await end_grant(auth, connection, other.id, user_id=ann.user_id)
    assert not ended
    assert (await bob.http.get("/v1/memories")).status_code == 200
    async with auth.db.write() as connection:
        await end_grant(auth, connection, grant.id, user_id=ann.user_id)
    auth.on_revoked(grant.id)
    assert (await ann.http.get("/v1/memories")).status_code == 401
    assert (await bob.http.get("/v1/memories")).status_code == 200
