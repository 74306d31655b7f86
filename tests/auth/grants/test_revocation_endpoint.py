"""Revocation works at once, for the client's own tokens only."""

import pytest
import sqlalchemy as sa

from server.store.tables.accounts import epoch
from tests.helpers.logins.flow import ON_BOTH

pytestmark = [pytest.mark.anyio, ON_BOTH]


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "something_else"])
async def test_revoking_either_token_ends_both_at_once_whatever_the_hint(flow, auth, revoked_ids, kind, hint):
    tokens = await flow.tokens()
    grant_id = (await auth.tokens.verify(tokens["access_token"])).grant_id
    answer = await flow.revoke(tokens[kind], token_type_hint=hint)
    assert answer.status_code == 200
    assert await auth.tokens.verify(tokens["access_token"]) is None
    assert (await flow.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert revoked_ids == [grant_id]


async def test_revoking_raises_the_epoch_so_that_other_processes_forget_too(flow, auth):
    tokens = await flow.tokens()
    await flow.revoke(tokens["access_token"])
    async with auth.db.read() as connection:
        assert (await connection.execute(sa.select(epoch.c.value))).scalar_one() == 1


async def test_an_access_token_that_has_expired_can_still_be_revoked(flow, clock):
    tokens = await flow.tokens()
    clock.move(hours=2)
    await flow.revoke(tokens["access_token"])
    assert (await flow.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_token_that_nobody_issued_is_answered_like_one_that_was_revoked(flow):
    assert (await flow.revoke("unknown")).status_code == 200


async def test_a_client_cannot_revoke_anothers_token(flow, auth):
    tokens = await flow.tokens()
    await flow.register()
    answer = await flow.revoke(tokens["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    await flow.revoke(tokens["refresh_token"])
    assert await auth.tokens.verify(tokens["access_token"]) is not None


async def test_a_client_must_be_known_and_must_send_a_token(flow):
    answer = await flow.revoke("x", client_id="forgotten")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    answer = await flow.revoke("")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_client_with_a_secret_must_show_it(flow):
    await flow.register(token_endpoint_auth_method="client_secret_post")
    assert (await flow.revoke("x")).status_code == 401
    assert (await flow.revoke("x", client_secret=flow.client["client_secret"])).status_code == 200
