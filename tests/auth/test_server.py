"""The authorization server as a whole: registering, logging in, consent, and the use of the tokens."""

import jwt
import pytest
from structlog.testing import capture_logs

from tests.helpers.logins.flow import PASSWORD, REDIRECT, Flow, read_fields, read_query

pytestmark = pytest.mark.anyio


async def test_a_person_who_is_not_logged_in_goes_from_the_app_through_login_and_consent_back_to_it(http, auth, ada):
    flow = Flow(http, auth.issuer)
    await flow.register()
    to_login = await flow.authorize()
    assert to_login.status_code == 302
    login = await http.get(to_login.headers["location"])
    assert 'name="username"' in login.text
    assert 'value="login"' in login.text
    form = read_fields(login.text) | {"username": "ada", "password": "correct horse battery", "action": "login"}
    logged_in = await http.post("/login", data=form)
    assert logged_in.status_code == 302
    consent = await http.get(logged_in.headers["location"])
    assert "Test App" in consent.text
    assert 'value="allow"' in consent.text
    assert 'value="deny"' in consent.text
    answer = await flow.decide(consent)
    assert answer.headers["location"].startswith(REDIRECT)
    answered = read_query(answer)
    assert (answered["state"], answered["iss"]) == ("st4te", auth.issuer)
    tokens = (await flow.redeem(answered["code"])).json()
    principal = await auth.tokens.verify(tokens["access_token"])
    assert (principal.user_id, principal.account_id) == (ada.id, ada.account_id)
    assert principal.scopes == {"memory:read", "memory:write"}
    assert principal.via == "oauth"
    assert principal.client_id == flow.client["client_id"]
    assert principal.credential_id == principal.grant_id


async def test_a_token_response_says_what_was_granted_and_may_not_be_stored(flow, auth):
    answer = await flow.redeem(await flow.code())
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 1800, "memory:read memory:write")
    assert body["refresh_token"]
    header = jwt.get_unverified_header(body["access_token"])
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert claims["aud"] == f"{auth.issuer}/mcp"
    assert claims["iss"] == auth.issuer


async def test_what_is_logged_names_people_and_apps_but_holds_no_secret(flow):
    with capture_logs() as entries:
        await flow.register(token_endpoint_auth_method="client_secret_post")
        secret = flow.client["client_secret"]
        await flow.log_in()
        await flow.log_in(password="a wrong password")
        code = await flow.code()
        tokens = (await flow.redeem(code, client_secret=secret)).json()
        await flow.redeem(code, client_secret=secret)
    written = str(entries)
    assert {entry["event"] for entry in entries} >= {
        "client.registered",
        "login.succeeded",
        "login.failed",
        "tokens.issued",
    }
    secrets = [secret, PASSWORD, "a wrong password", code, tokens["access_token"], tokens["refresh_token"]]
    assert [kept for kept in secrets if kept in written] == []
    assert flow.http.cookies["loci"] not in written
