"""People log in at a provider. respx answers for the provider; a real one is in tests/deployment."""

import pytest
import sqlalchemy as sa

from auth.rfc import make_code_challenge
from server.store.record.people.accounts import find_user
from server.store.tables.accounts import users
from tests.helpers.logins.fake_issuer import URL
from tests.helpers.logins.fake_provider import GITHUB, OIDC, begin_login, come_back, log_in, read_subjects, read_title
from tests.helpers.logins.flow import ON_BOTH, PASSWORD, Flow, read_fields, read_query

#: A server without any user asks to be set up.
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("ada")]


@ON_BOTH
async def test_a_person_logs_in_and_is_the_same_the_next_time_under_another_name(open_browser, provider, auth, ada):
    async with open_browser() as http:
        answer = await log_in(http, provider)
        assert (answer.status_code, answer.headers["location"]) == (302, "/apps")
        assert "Ada-2" in (await http.get("/apps")).text
    provider.person |= {"preferred_username": ada.name, "email": "someone@else.example"}
    async with open_browser() as http:
        assert (await log_in(http, provider)).status_code == 302
    assert await read_subjects(auth) == [("ada-7", "Ada-2")]


async def test_the_request_has_pkce_a_nonce_and_a_state_and_the_code_is_redeemed_with_the_secret(
    open_browser, provider
):
    async with open_browser() as http:
        asked = await begin_login(http, provider)
        await come_back(http, asked)
    assert asked["redirect_uri"] == "http://127.0.0.1:8080/login/callback/oidc"
    assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "openid email")
    ((form, authorization),) = provider.forms
    assert make_code_challenge(form["code_verifier"][0]) == asked["code_challenge"]
    assert authorization == "Basic bG9jaTpzJTNBJTIwJTJC"  # loci and `s: +`, each encoded as in a form


async def test_a_login_continues_the_request_of_an_app_and_the_person_consents(open_browser, provider):
    async with open_browser(login="upstream") as http:
        app = Flow(http, "http://127.0.0.1:8080")
        await app.register()
        to_login = await app.authorize()
        wanted = read_query(to_login)["next"]
        answer = await log_in(http, provider, to=wanted)
        assert answer.headers["location"] == wanted
        consent = await http.get(wanted)
        assert "Test App" in consent.text
        assert (await app.redeem(read_query(await app.decide(consent))["code"])).status_code == 200


async def test_an_endpoint_without_https_is_not_used(open_browser, provider):
    provider.metadata["authorization_endpoint"] = "http://issuer.example/auth"
    async with open_browser() as http:
        form = await http.get("/login")
        page = await http.post("/login/upstream", data=read_fields(form.text) | {"provider": "oidc"})
    assert "https" in page.text
    assert page.status_code == 403


@ON_BOTH
async def test_a_state_works_once_in_its_browser_at_its_provider_and_for_ten_minutes(
    open_browser, provider, clock, auth
):
    async with open_browser(OIDC, GITHUB) as http, open_browser(OIDC, GITHUB) as other:
        asked = await begin_login(http, provider)
        assert (await come_back(http, asked)).status_code == 302
        replay = await come_back(http, asked)
        assert (replay.status_code, read_title(replay)) == (403, "This login has ended")
        await other.get("/login")
        assert (
            read_title(await come_back(other, await begin_login(http, provider, page="/apps")))
            == "This login has ended"
        )
        mixed = await come_back(other, await begin_login(other, provider), chosen="github")
        assert read_title(mixed) == "This login has ended"
        late = await begin_login(other, provider)
        clock.move(minutes=10)
        assert read_title(await come_back(other, late)) == "This login has ended"
        assert read_title(await come_back(other, {"state": "made-up"})) == "This login has ended"
        assert read_title(await come_back(other, {"state": None})) == "This login has ended"
    assert len(provider.forms) == 1
    assert len(await read_subjects(auth)) == 1


@pytest.mark.parametrize("iss", ["https://elsewhere.example", f"{URL}/", ""])
async def test_an_answer_in_the_name_of_another_issuer_is_not_redeemed(open_browser, provider, iss):
    async with open_browser() as http:
        page = await come_back(http, await begin_login(http, provider), iss=iss)
    assert page.status_code == 403
    assert "`iss`" in page.text
    assert provider.forms == []


async def test_an_issuer_is_required_only_of_a_provider_that_always_names_it(open_browser, provider):
    async with open_browser() as http:
        assert (await come_back(http, await begin_login(http, provider), iss=None)).status_code == 302
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    async with open_browser() as http:
        page = await come_back(http, await begin_login(http, provider), iss=None)
    assert page.status_code == 403


async def test_an_unknown_provider_gives_a_page(open_browser):
    async with open_browser() as http:
        assert (await http.get("/login/callback/made-up")).status_code == 404


async def test_a_form_of_another_browser_begins_no_login(open_browser):
    async with open_browser() as http:
        assert (await http.post("/login/upstream", data={"provider": "oidc", "csrf": "x"})).status_code == 403


async def test_a_disabled_user_cannot_log_in_at_the_provider(open_browser, provider, auth, clock):
    async with open_browser() as http:
        await log_in(http, provider)
    async with auth.db.write() as connection:
        await connection.execute(sa.update(users).values(disabled_at=clock()))
    async with open_browser() as http:
        assert "disabled" in (await log_in(http, provider)).text


async def test_the_login_page_has_the_ways_that_the_settings_name(open_browser, auth):
    async with open_browser(OIDC, GITHUB) as http:
        page = (await http.get("/login")).text
        assert 'name="password"' in page
        assert page.index("Continue with Acme") < page.index("Continue with GitHub")
    async with open_browser(login="upstream") as http:
        page = await http.get("/login")
        assert 'name="password"' not in page.text
        assert (await http.get("/signup")).headers["location"] == "/login"
        form = read_fields(page.text) | {"username": "ada", "password": PASSWORD, "action": "login"}
        assert (await http.post("/login", data=form)).status_code == 403
    async with auth.db.read() as connection:
        assert await find_user(connection, "ada") is not None


async def test_too_many_logins_from_one_address_are_refused(open_browser):
    async with open_browser() as http:
        form = read_fields((await http.get("/login")).text) | {"provider": "oidc"}
        answers = [await http.post("/login/upstream", data=form) for _ in range(61)]
    assert [answer.status_code for answer in answers[-2:]] == [302, 429]
