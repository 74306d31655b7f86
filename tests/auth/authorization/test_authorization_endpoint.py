"""The checks before anything is shown, the decision of the person, and the answer to the app."""

import pytest

from auth.pages.browser import choose_cookie_name
from tests.helpers.logins.flow import REDIRECT, Flow, read_fields, read_query

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"client_id": "forgotten"}, "does not know the app"),
        ({"client_id": None}, "client_id is missing"),
        ({"redirect_uri": "http://127.0.0.1:33418/other"}, "did not register"),
        ({"redirect_uri": "https://evil.example/callback"}, "did not register"),
        ({"redirect_uri": "http://127.0.0.1:33418/callback?x=1"}, "did not register"),
        ({"redirect_uri": "http://localhost:33418/callback"}, "did not register"),
        ({"redirect_uri": ["http://127.0.0.1:1/callback", "https://evil.example"]}, "repeated"),
        ({"client_id": ["a", "b"]}, "repeated"),
    ],
)
async def test_a_request_whose_client_or_redirect_is_wrong_is_explained_and_never_redirected(flow, change, says):
    answer = await flow.authorize(**change)
    assert answer.status_code == 400
    assert says in answer.text
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "openid profile"}, "invalid_scope"),
        ({"scope": ["memory:read", "memory:write"]}, "invalid_request"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"resource": "http://127.0.0.1:8080"}, "invalid_target"),
        ({"resource": "http://127.0.0.1:8080/mcp/more"}, "invalid_target"),
        ({"resource": ["http://127.0.0.1:8080/mcp", "http://127.0.0.1:8080/v1/mcp"]}, "invalid_target"),
        ({"state": "x" * 2001}, "invalid_request"),
    ],
)
async def test_any_other_mistake_is_told_to_the_app_with_state_and_issuer(flow, auth, change, error):
    answer = await flow.authorize(**change)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(REDIRECT + "?")
    told = read_query(answer)
    assert (told["error"], told["iss"]) == (error, auth.issuer)
    assert told["state"] == change.get("state", "st4te")


async def test_a_mistake_is_told_before_anybody_is_asked_to_log_in(http, auth):
    flow = Flow(http, auth.issuer)
    await flow.register()
    assert read_query(await flow.authorize(code_challenge=None))["error"] == "invalid_request"


async def test_without_a_state_none_is_sent_back(flow):
    answer = await flow.decide(await flow.authorize(state=None))
    assert set(read_query(answer)) == {"code", "iss"}


async def test_a_loopback_app_may_listen_on_any_port(flow):
    other = "http://127.0.0.1:51004/callback"
    answer = await flow.decide(await flow.authorize(redirect_uri=other))
    assert answer.headers["location"].startswith(other + "?")


async def test_the_only_registered_redirect_is_meant_where_none_is_named(flow):
    answer = await flow.decide(await flow.authorize(redirect_uri=None))
    assert answer.headers["location"].startswith(REDIRECT)


async def test_an_app_with_a_scheme_of_its_own_is_answered_there(flow):
    uri = "cursor://anysphere.cursor-retrieval/oauth/callback"
    await flow.register(redirect_uris=[uri])
    answer = await flow.decide(await flow.authorize(redirect_uri=uri))
    assert answer.headers["location"].startswith(uri + "?code=")


async def test_the_query_of_a_registered_redirect_is_kept(flow):
    uri = "https://app.example/callback?tenant=7"
    await flow.register(redirect_uris=[uri])
    answer = await flow.decide(await flow.authorize(redirect_uri=uri))
    assert read_query(answer)["tenant"] == "7"
    assert "code" in read_query(answer)


async def test_the_person_is_shown_who_asks_for_what_and_where_the_answer_goes(flow):
    uri = "https://app.example/callback"
    await flow.register(redirect_uris=[uri], client_name="<b>Evil & Co</b>")
    page = await flow.authorize(redirect_uri=uri)
    assert "&lt;b&gt;Evil &amp; Co&lt;/b&gt;" in page.text
    assert "<b>Evil" not in page.text
    assert "app.example" in page.text
    assert "Nobody vouches" in page.text
    assert page.text.count('name="scope"') == page.text.count(" checked>") == 2


async def test_the_person_can_narrow_what_the_app_may_do(flow, auth):
    answer = await flow.redeem(await flow.code(scopes=("memory:read",)))
    assert answer.json()["scope"] == "memory:read"
    assert (await auth.tokens.verify(answer.json()["access_token"])).scopes == {"memory:read"}


async def test_writing_includes_reading(flow, auth):
    tokens = await flow.tokens(scopes=("memory:write",))
    assert (await auth.tokens.verify(tokens["access_token"])).scopes == {"memory:read", "memory:write"}


async def test_the_person_cannot_be_made_to_grant_more_than_was_asked(flow):
    page = await flow.authorize(scope="memory:read")
    answer = await flow.decide(page, scopes=("memory:read", "memory:write", "admin"))
    tokens = await flow.redeem(read_query(answer)["code"])
    assert tokens.json()["scope"] == "memory:read"


async def test_with_nothing_chosen_the_page_comes_again_and_says_so(flow):
    answer = await flow.decide(await flow.authorize(), scopes=())
    assert answer.status_code == 400
    assert "at least one" in answer.text
    assert (await flow.decide(answer)).status_code == 302


async def test_a_request_without_scopes_asks_for_both_and_unknown_ones_are_left_out(flow):
    assert (await flow.tokens(scope=None))["scope"] == "memory:read memory:write"
    assert (await flow.tokens(scope="memory:read offline_access admin"))["scope"] == "memory:read"


@pytest.mark.parametrize("decision", ["deny", "", "ALLOW"])
async def test_anything_but_allow_is_a_no_that_the_app_is_told(flow, auth, decision):
    told = read_query(await flow.decide(await flow.authorize(), decision=decision))
    assert told["error"] == "access_denied"
    assert (told["state"], told["iss"]) == ("st4te", auth.issuer)
    assert "code" not in told


async def test_a_decision_without_the_forms_token_is_refused(flow):
    page = await flow.authorize()
    for csrf in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        form = {"request": read_fields(page.text)["request"], "decision": "allow", "scope": "memory:read"} | csrf
        answer = await flow.http.post("/oauth/authorize", data=form)
        assert answer.status_code == 403
        assert "out of date" in answer.text


async def test_a_decision_with_the_token_of_another_browser_is_refused(flow, make_browser):
    page = await flow.authorize()
    async with make_browser() as other:
        theirs = read_fields((await other.get("/login")).text)["csrf"]
    answer = await flow.http.post(
        "/oauth/authorize", data=read_fields(page.text) | {"csrf": theirs, "decision": "allow"}
    )
    assert answer.status_code == 403


async def test_the_request_in_the_form_is_checked_again(flow):
    page = await flow.authorize()
    form = read_fields(page.text)
    form["request"] = form["request"].replace("33418%2Fcallback", "33418%2Fother")
    answer = await flow.http.post("/oauth/authorize", data=form | {"decision": "allow", "scope": "memory:read"})
    assert answer.status_code == 400
    assert "did not register" in answer.text


async def test_who_was_logged_out_meanwhile_logs_in_and_decides_again(flow, clock):
    page = await flow.authorize()
    clock.move(days=7)
    answer = await flow.decide(page)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/login?next=%2Foauth%2Fauthorize%3F")


async def test_a_registered_app_is_asked_for_every_time(flow):
    uri = "https://app.example/callback"
    await flow.register(redirect_uris=[uri])
    await flow.code(redirect_uri=uri)
    assert (await flow.authorize(redirect_uri=uri)).status_code == 200


async def test_pages_may_not_be_stored_or_framed_and_run_no_scripts(flow):
    page = await flow.authorize()
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "form-action" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert "<script" not in page.text
    assert "style=" not in page.text


async def test_a_form_in_another_encoding_is_refused_with_a_page(flow):
    answer = await flow.http.post("/oauth/authorize", json={})
    assert answer.status_code == 400
    assert "x-www-form-urlencoded" in answer.text


async def test_the_cookie_is_bound_to_the_site_where_the_site_is_secure(flow, auth):
    assert choose_cookie_name(auth) == "loci"
    cookie = (await flow.http.get("/apps")).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie


@pytest.mark.parametrize("query", ["?x=%ff", "?x=%FF&y", "?a=1&a=2", "?", "?q=a%20b+c", "?x=1&", "?%zz=;", ""])
async def test_the_query_of_a_redirect_uri_is_kept_as_it_is(flow, query):
    uri = f"https://app.example/callback{query}"
    await flow.register(redirect_uris=[uri])
    for decision in ("allow", "deny"):
        answer = await flow.decide(await flow.authorize(redirect_uri=uri), decision)
        kept, _, ours = answer.headers["location"].partition("code=" if decision == "allow" else "error=")
        assert kept.rstrip("&") == (uri.rstrip("&") if "?" in uri else f"{uri}?")
        assert "state=st4te" in ours
