"""Logins, consents, tokens and refused bearers are in the audit of the person; nobody else's name is."""

import pytest

from auth.acts import MOST_REFUSED
from auth.throttle import LOGIN_BY_NAME_AND_ADDRESS
from server.store.record.people.accounts import set_password
from tests.helpers.audit import read_audit, settle
from tests.helpers.console import send
from tests.helpers.doors import call_rest, send_rpc
from tests.helpers.logins.flow import PASSWORD, Flow, read_query

pytestmark = pytest.mark.anyio


@pytest.fixture
async def flow(site, ann):
    """Ann's browser; she has a password."""
    hashed = await site.running.auth.passwords.hash(PASSWORD)
    async with site.services.db.write() as connection:
        await set_password(connection, ann.user_id, hashed)
    return Flow(site.client(), site.url)


async def list_acts(site, who, **filters):
    await settle(site)
    return [(each["operation"], each["door"], each["outcome"]) for each in await read_audit(who, filters)]


async def test_logins_right_wrong_and_throttled_and_the_logout_are_noted(site, ann, flow):
    await flow.log_in("nobody", "wrong password")
    await flow.log_in("ann", "wrong password")
    await flow.log_in("ann")
    await send(flow.http, "/logout")
    other = Flow(site.client(), site.url)
    for _ in range(LOGIN_BY_NAME_AND_ADDRESS.count):
        await other.log_in("ann", "wrong password")
    acts = await list_acts(site, ann)
    refused = ("log_in", "console", "unauthorized")
    assert acts[:3] == [refused, ("log_in", "console", "ok"), ("log_out", "console", "ok")]
    assert acts[3:] == [refused] * (len(acts) - 4) + [("log_in", "console", "too_many_requests")]


async def test_a_consent_given_and_refused_and_the_life_of_its_tokens_are_noted(site, ann, flow):
    await flow.register()
    await flow.log_in("ann")
    await flow.decide(await flow.authorize(), "deny")
    code = await flow.code()
    tokens = (await flow.redeem(code)).json()
    tokens = (await flow.refresh(tokens["refresh_token"])).json()
    await flow.refresh(tokens["refresh_token"], scope="admin")
    await flow.revoke(tokens["refresh_token"])
    await flow.redeem(code)
    app = site.client(tokens["access_token"])
    assert (await app.get("/v1/memories/recent")).status_code == 401
    await flow.tokens()
    (grant,) = (await flow.http.get("/apps")).text.split('name="grant" value="')[1:]
    await send(flow.http, "/apps", grant=grant.split('"')[0])
    assert await list_acts(site, ann) == [
        ("log_in", "console", "ok"),
        ("allow_app", "console", "forbidden"),
        ("allow_app", "console", "ok"),
        ("issue_tokens", "oauth", "ok"),
        ("refresh_tokens", "oauth", "ok"),
        ("refresh_tokens", "oauth", "unauthorized"),
        ("end_app", "oauth", "ok"),
        ("use_bearer", "rest", "unauthorized"),
        ("allow_app", "console", "ok"),
        ("issue_tokens", "oauth", "ok"),
        ("end_app", "console", "ok"),
    ]
    entries = await read_audit(ann)
    assert {each["client_id"] for each in entries if each["operation"] != "log_in" and each["door"] != "rest"} == {
        flow.client["client_id"]
    }


async def test_a_code_for_another_verifier_is_noted(site, ann, flow):
    await flow.register()
    await flow.log_in("ann")
    answer = await flow.decide(await flow.authorize())
    await flow.redeem(read_query(answer)["code"], code_verifier="w" * 64)
    assert (await list_acts(site, ann))[-1] == ("issue_tokens", "oauth", "unauthorized")


async def test_a_key_that_has_ended_is_noted_and_one_that_was_never_given_is_not(site, ann, clock):
    made = (await call_rest(ann, "create_key", {"name": "old", "expires_in_days": 1})).body
    old = site.client(made["api_key"])
    clock.move(days=2)
    assert (await old.get("/v1/memories/recent")).status_code == 401
    await send_rpc(type("Old", (), {"http": old}), "tools/list")
    assert (await site.client("mp_live_" + "0" * 32).get("/v1/memories/recent")).status_code == 401
    await settle(site)
    refused = await read_audit(ann, {"outcome": "refused"})
    assert [(each["operation"], each["door"], each["app"]) for each in refused] == [
        ("use_bearer", "rest", "old"),
        ("use_bearer", "mcp", "old"),
    ]


async def test_whoever_is_refused_under_a_name_fills_no_audit(site, ann, clock):
    made = (await call_rest(ann, "create_key", {"expires_in_days": 1})).body
    old = site.client(made["api_key"])
    clock.move(days=2)
    for _ in range(MOST_REFUSED + 5):
        await old.get("/v1/memories/recent")
    assert len(await list_acts(site, ann, outcome="refused")) == MOST_REFUSED
    clock.move(minutes=1)
    await old.get("/v1/memories/recent")
    assert len(await list_acts(site, ann, outcome="refused")) == MOST_REFUSED + 1
