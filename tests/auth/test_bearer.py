"""Revocation as it reaches the guard of a server that runs, which caches the principals it has verified."""

import httpx
import pytest

from server.store.record.people.accounts import create_user
from tests.helpers.logins.flow import PASSWORD, Flow, read_fields
from tests.helpers.site import PATIENCE

pytestmark = pytest.mark.anyio


@pytest.fixture
async def flow(site):
    """An app that is connected to a server on loopback, and the person who connected it."""
    auth = site.running.auth
    password_hash = await auth.passwords.hash(PASSWORD)
    async with auth.db.write() as connection:
        await create_user(connection, name="ada", password_hash=password_hash, is_admin=False, now=auth.now())
    async with httpx.AsyncClient(base_url=site.url, timeout=PATIENCE) as http:
        flow = Flow(http, site.url)
        await flow.register()
        await flow.log_in()
        yield flow


async def status(flow, tokens):
    """The status of the guard's answer to this access token; 405 for a valid one."""
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    return (await flow.http.get("/mcp", headers=bearer)).status_code


async def test_an_app_that_was_disconnected_is_shut_out_with_its_next_request(flow):
    tokens = await flow.tokens()
    assert await status(flow, tokens) == 405
    page = (await flow.http.get("/apps")).text
    grant = page.split('name="grant" value="')[1].split('"')[0]
    await flow.http.post("/apps", data=read_fields(page) | {"grant": grant})
    assert await status(flow, tokens) == 401


async def test_a_token_that_was_revoked_is_shut_out_with_its_next_request(flow):
    tokens = await flow.tokens()
    assert await status(flow, tokens) == 405
    await flow.revoke(tokens["refresh_token"])
    assert await status(flow, tokens) == 401


async def test_a_refresh_token_that_comes_again_too_late_does_not_shut_the_app_out_and_a_replayed_code_does(
    flow, clock
):
    code = await flow.code()
    tokens = (await flow.redeem(code)).json()
    later = (await flow.refresh(tokens["refresh_token"])).json()
    assert await status(flow, later) == 405
    clock.move(minutes=61)
    later = (await flow.refresh(later["refresh_token"])).json()
    assert (await flow.refresh(tokens["refresh_token"])).status_code == 400
    assert await status(flow, later) == 405
    await flow.redeem(code)
    assert await status(flow, later) == 401
