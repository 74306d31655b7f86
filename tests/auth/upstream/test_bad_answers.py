"""A provider that answers wrongly, late or not at all logs nobody in, and the person gets a page."""

import asyncio

import httpx
import jwt
import pytest

from auth.upstream.provider import AllowList
from tests.helpers.logins.fake_issuer import URL, make_key
from tests.helpers.logins.fake_provider import (
    begin_login,
    come_back,
    log_in,
    read_subjects,
    read_title,
)
from tests.helpers.logins.flow import read_fields

#: A server without any user asks to be set up.
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("ada")]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "https://elsewhere.example"}, "iss"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["loci", "another"]}, "azp"),
        ({"aud": None}, "aud"),
        ({"azp": "another"}, "azp"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"sub": None}, "sub"),
        ({"exp": None}, "exp"),
        ({"exp": 0}, "exp"),
        ({"iat": None}, "iat"),
        ({"iat": 4102444800}, "iat"),
        ({"at_hash": "another"}, "at_hash"),
    ],
)
async def test_an_id_token_with_a_wrong_claim_logs_nobody_in(open_browser, provider, auth, change, reason):
    provider.person |= change
    async with open_browser() as http:
        page = await log_in(http, provider)
        assert page.status_code == 403
        assert f"`{reason}`" in page.text
        assert (await http.get("/apps")).status_code == 302
    assert await read_subjects(auth) == []


async def test_an_id_token_that_another_key_or_nobody_signed_logs_nobody_in(open_browser, provider, auth):
    provider.key_of_tokens = make_key("ES256", 2)
    async with open_browser() as http:
        assert "not signed" in (await log_in(http, provider)).text
        unsigned = jwt.encode({"sub": "ada-7"}, "", "none")
        for token in (unsigned, "garbage", 7, None):
            provider.instead["token"] = httpx.Response(200, json={"access_token": "opaque", "id_token": token})
            page = await log_in(http, provider)
            assert (page.status_code, read_title(page)) == (403, "Log in")
    assert await read_subjects(auth) == []


@pytest.mark.parametrize(
    "instead",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, text="{", headers={"content-type": "application/json"}),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(400, json={"error": "invalid_grant"}),
        httpx.Response(500),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(200, json={"id_token": "x" * 300_000}),
        httpx.ConnectError("down"),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_a_provider_that_answers_garbage_or_nothing_gives_a_page_and_the_person_can_try_again(
    open_browser, provider, auth, instead
):
    provider.instead["token"] = instead
    async with open_browser() as http:
        page = await log_in(http, provider, to="/welcome")
        assert page.status_code in {403, 503}
        assert "Try again" in page.text
        assert read_fields(page.text)["next"] == "/welcome"
        assert await read_subjects(auth) == []
        del provider.instead["token"]
        assert (await log_in(http, provider)).status_code == 302


async def test_a_provider_that_is_down_before_the_login_gives_the_login_page(open_browser, provider):
    provider.instead["metadata"] = httpx.ConnectError("down")
    async with open_browser() as http:
        form = await http.get("/login")
        page = await http.post("/login/upstream", data=read_fields(form.text) | {"provider": "oidc"})
    assert (page.status_code, read_title(page)) == (503, "Log in")
    assert "Acme does not answer" in page.text


async def test_a_provider_that_never_ends_is_left_after_a_while(open_browser, provider, web):
    async def hang(_request):
        await asyncio.Event().wait()

    web.post(f"{URL}/token").mock(side_effect=hang)
    async with open_browser(seconds=0.5) as http:
        page = await log_in(http, provider)
    assert page.status_code == 503


async def test_an_endpoint_or_an_access_token_that_no_request_can_have_gives_a_page(open_browser, provider):
    async with open_browser(allow_list=AllowList(frozenset({"acme.example"}))) as http:
        asked = await begin_login(http, provider)
        tokens = {"access_token": "\u2603", "id_token": provider.id_token()}
        provider.instead["token"] = httpx.Response(200, json=tokens)
        assert "user info cannot be asked for" in (await come_back(http, asked)).text
        provider.metadata["token_endpoint"] = "https://issuer.example:99999/token"
    async with open_browser() as http:
        assert "answer to the code cannot be asked for" in (await log_in(http, provider)).text


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("access_denied", 403, "stopped the login"),
        ("temporarily_unavailable", 503, "does not answer"),
        ("<b>made up</b>", 403, "answered with an error"),
    ],
)
async def test_an_error_of_the_provider_says_what_to_do(open_browser, provider, error, status, words):
    async with open_browser() as http:
        asked = await begin_login(http, provider, to="/welcome")
        page = await come_back(http, asked, code=None, error=error, error_description="<script>")
    assert page.status_code == status
    assert words in page.text
    assert "made up" not in page.text
    assert "script>" not in page.text
    assert read_fields(page.text)["next"] == "/welcome"


@pytest.mark.parametrize("query", ["", "state=a&state=b", "state=%00", "state=%ff&code=%ff", "code=c0de"])
async def test_a_malformed_answer_gives_a_page(open_browser, query):
    async with open_browser() as http:
        page = await http.get(f"/login/callback/oidc?{query}")
    assert 400 <= page.status_code < 500
    assert read_title(page)
