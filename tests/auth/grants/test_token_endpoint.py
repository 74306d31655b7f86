"""The token endpoint: codes are used once, refresh tokens rotate, and a thief is found out."""

import asyncio

import pytest
import sqlalchemy as sa

from auth.bearers.api_keys import issue_key, verify_api_key
from server.store.tables.accounts import users
from server.store.tables.oauth import oauth_codes, oauth_grants, oauth_refresh_tokens
from tests.helpers.logins.flow import ON_BOTH, REDIRECT

pytestmark = [pytest.mark.anyio, ON_BOTH]


def error_of(answer):
    return answer.status_code, answer.json()["error"]


async def test_a_code_that_is_used_again_is_refused_and_ends_what_it_gave(flow, auth, revoked_ids):
    code = await flow.code()
    tokens = (await flow.redeem(code)).json()
    assert error_of(await flow.redeem(code)) == (400, "invalid_grant")
    assert await auth.tokens.verify(tokens["access_token"]) is None
    assert error_of(await flow.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert len(revoked_ids) == 1


async def test_of_two_that_redeem_a_code_at_once_one_gets_tokens_and_both_lose_them(flow, auth, revoked_ids):
    code = await flow.code()
    answers = await asyncio.gather(flow.redeem(code), flow.redeem(code))
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    (given,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert await auth.tokens.verify(given["access_token"]) is None
    assert len(revoked_ids) == 1


async def test_another_client_can_neither_use_a_code_nor_end_what_it_gave(flow, auth):
    code, owner = await flow.code(), flow.client
    await flow.register()
    assert error_of(await flow.redeem(code)) == (400, "invalid_grant")
    flow.client, thief = owner, flow.client
    tokens = (await flow.redeem(code)).json()
    assert error_of(await flow.redeem(code, client_id=thief["client_id"])) == (400, "invalid_grant")
    assert await auth.tokens.verify(tokens["access_token"]) is not None


async def test_a_code_holds_for_a_minute(flow, clock):
    code = await flow.code()
    clock.move(seconds=60)
    assert error_of(await flow.redeem(code)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:33419/callback"}, "invalid_grant"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"resource": "http://127.0.0.1:8080/v1/mcp"}, "invalid_target"),
    ],
)
async def test_a_code_that_is_redeemed_wrongly_is_used_up(flow, change, error):
    code = await flow.code()
    assert error_of(await flow.redeem(code, **change)) == (400, error)
    assert error_of(await flow.redeem(code)) == (400, "invalid_grant")


@pytest.mark.parametrize("verifier", [None, "short", "v" * 129, "ü" * 64])
async def test_a_request_without_a_well_formed_verifier_is_refused_before_the_code_is_touched(flow, verifier):
    code = await flow.code()
    assert error_of(await flow.redeem(code, code_verifier=verifier)) == (400, "invalid_request")
    assert (await flow.redeem(code)).status_code == 200


@pytest.mark.parametrize("resource", [None, "http://127.0.0.1:8080/mcp/", "http://127.0.0.1:8080/mcp?workspace=notes"])
async def test_the_resource_may_be_left_out_or_written_as_people_paste_it(flow, auth, resource):
    tokens = await flow.redeem(await flow.code(resource=resource), resource=resource)
    assert (await auth.tokens.verify(tokens.json()["access_token"])).audience == "http://127.0.0.1:8080/mcp"


async def test_a_token_for_the_recall_link_has_its_audience(flow, auth):
    recall = f"{auth.issuer}/v1/mcp"
    tokens = await flow.redeem(await flow.code(resource=recall), resource=recall)
    assert (await auth.tokens.verify(tokens.json()["access_token"])).audience == recall


async def test_the_redirect_uri_may_be_left_out_of_the_token_request(flow):
    assert (await flow.redeem(await flow.code(), redirect_uri=None)).status_code == 200


async def test_a_client_that_is_not_known_is_told_so_with_401_so_that_it_registers_again(flow):
    assert error_of(await flow.redeem("x", client_id="forgotten")) == (401, "invalid_client")
    assert error_of(await flow.redeem("x", client_id=None)) == (401, "invalid_client")
    assert error_of(await flow.redeem("x", client_id="https://app.example/client.json")) == (401, "invalid_client")


async def test_another_grant_type_is_refused(flow):
    for grant_type in ("password", "client_credentials", None):
        answer = await flow.redeem("x", grant_type=grant_type)
        assert error_of(answer) == (400, "unsupported_grant_type")


async def test_a_parameter_that_is_repeated_is_refused(flow):
    body = f"grant_type=authorization_code&client_id={flow.client['client_id']}&code=a&code=b&code_verifier={'v' * 64}"
    answer = await flow.http.post(
        "/oauth/token", content=body, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert error_of(answer) == (400, "invalid_request")


async def test_a_token_request_must_be_a_form_of_some_kilobytes(flow):
    assert (await flow.http.post("/oauth/token", json={"grant_type": "refresh_token"})).status_code == 415
    assert (await flow.http.post("/oauth/token", data={"code": "x" * 70_000})).status_code == 413
    not_utf8 = {"content-type": "application/x-www-form-urlencoded"}
    assert (await flow.http.post("/oauth/token", content=b"code=%ff", headers=not_utf8)).status_code == 400
    assert (await flow.http.post("/oauth/token", content=b"code=\xff", headers=not_utf8)).status_code == 400


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_with_a_secret_must_show_it_in_the_header_or_the_body(flow, method):
    await flow.register(token_endpoint_auth_method=method)
    client_id, secret = flow.client["client_id"], flow.client["client_secret"]
    code = await flow.code()
    assert error_of(await flow.redeem(code)) == (401, "invalid_client")
    assert error_of(await flow.redeem(code, client_secret="wrong")) == (401, "invalid_client")
    assert (await flow.redeem(code, client_secret=secret)).status_code == 200
    form = {"grant_type": "authorization_code", "code": await flow.code(), "code_verifier": "v" * 64}
    answer = await flow.http.post("/oauth/token", data=form, auth=(client_id, secret))
    assert answer.status_code == 200


@pytest.mark.parametrize("header", ["Basic ", "Basic %%%", "Basic /w==", "Bearer x", "Basic eDp5"])
async def test_a_broken_authorization_header_is_an_unknown_client(flow, header):
    answer = await flow.http.post(
        "/oauth/token", data={"grant_type": "refresh_token"}, headers={"authorization": header}
    )
    assert error_of(answer) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_two_clients_in_one_request_are_refused(flow):
    answer = await flow.http.post("/oauth/token", data={"client_id": flow.client["client_id"]}, auth=("other", "x"))
    assert error_of(answer) == (401, "invalid_client")


async def test_a_client_that_did_not_ask_for_refresh_tokens_gets_none(flow):
    await flow.register(grant_types=["authorization_code"])
    assert "refresh_token" not in await flow.tokens()
    assert error_of(await flow.refresh("x")) == (400, "unauthorized_client")


async def test_a_refresh_token_is_exchanged_for_the_next_one(flow, auth, clock):
    first = await flow.tokens()
    clock.move(hours=1)
    second = (await flow.refresh(first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert await auth.tokens.verify(second["access_token"]) is not None
    clock.move(hours=1)
    assert (await flow.refresh(second["refresh_token"])).status_code == 200


async def test_two_windows_that_refresh_at_once_both_go_on(flow, clock):
    first = await flow.tokens()
    answers = await asyncio.gather(*(flow.refresh(first["refresh_token"]) for _ in range(2)))
    clock.move(seconds=29)
    answers.append(await flow.refresh(first["refresh_token"]))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    clock.move(hours=1)
    for answer in answers:
        assert (await flow.refresh(answer.json()["refresh_token"])).status_code == 200


async def test_a_refresh_token_that_lies_idle_for_thirty_days_expires(flow, clock):
    first = await flow.tokens()
    clock.move(days=29)
    second = (await flow.refresh(first["refresh_token"])).json()
    clock.move(days=30)
    assert error_of(await flow.refresh(second["refresh_token"])) == (400, "invalid_grant")


async def test_a_grant_ends_after_ninety_days_however_often_it_is_used(flow, auth, clock):
    tokens = await flow.tokens()
    for _ in range(8):
        clock.move(days=11)
        tokens = (await flow.refresh(tokens["refresh_token"])).json()
    clock.move(days=2)
    assert error_of(await flow.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert await auth.tokens.verify(tokens["access_token"]) is None


async def test_a_refresh_may_narrow_the_scopes_and_never_widen_them(flow):
    tokens = await flow.tokens(scopes=("memory:read",))
    assert tokens["scope"] == "memory:read"
    both = (await flow.refresh(tokens["refresh_token"], scope="memory:read memory:write offline_access")).json()
    assert both["scope"] == "memory:read"
    assert error_of(await flow.refresh(both["refresh_token"], scope="memory:write")) == (400, "invalid_scope")
    assert (await flow.refresh(both["refresh_token"])).status_code == 200


async def test_a_refresh_for_another_resource_is_refused_and_uses_nothing_up(flow):
    tokens = await flow.tokens()
    answer = await flow.refresh(tokens["refresh_token"], resource="https://elsewhere.example")
    assert error_of(answer) == (400, "invalid_target")
    assert (await flow.refresh(tokens["refresh_token"])).status_code == 200


async def test_another_client_cannot_use_a_refresh_token_and_does_no_harm_by_trying(flow):
    tokens, owner = await flow.tokens(), flow.client
    await flow.register()
    assert error_of(await flow.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    flow.client = owner
    assert (await flow.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_disabled_user_cannot_refresh(flow, auth, ada, clock):
    tokens = await flow.tokens()
    async with auth.db.write() as connection:
        await connection.execute(sa.update(users).where(users.c.id == ada.id).values(disabled_at=clock()))
    assert error_of(await flow.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


async def test_no_code_and_no_token_is_kept_as_itself(flow, auth):
    code = await flow.code()
    async with auth.db.read() as connection:
        kept = str((await connection.execute(sa.select(oauth_codes))).all())
    tokens = (await flow.redeem(code)).json()
    async with auth.db.read() as connection:
        for table in (oauth_grants, oauth_refresh_tokens):
            kept += str((await connection.execute(sa.select(table))).all())
    for secret in (code, tokens["access_token"], tokens["refresh_token"]):
        assert secret not in kept
    assert REDIRECT in kept


async def test_a_key_made_through_a_grant_dies_with_it(flow, auth, ada, clock):
    tokens = await flow.tokens()
    grant_id = (await auth.tokens.verify(tokens["access_token"])).grant_id
    async with auth.db.write() as connection:
        key, _ = await issue_key(
            connection, user_id=ada.id, scopes=["memory:read"], name="", now=clock(), grant_id=grant_id
        )
    assert await verify_api_key(auth.db, key, clock()) is not None
    await flow.revoke(tokens["refresh_token"])
    assert await verify_api_key(auth.db, key, clock()) is None
