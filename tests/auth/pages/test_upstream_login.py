"""People log in at a provider. respx answers for the provider; a real one is in tests/deployment."""

import asyncio
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlencode

import httpx
import jwt
import pytest
import sqlalchemy as sa

from auth.issuers.claims import GOOGLE_ISSUER
from auth.rfc import make_code_challenge
from auth.upstream.provider import GITHUB_ISSUER, AllowList, Provider
from auth.upstream.upstream import Upstream
from server.store.record.people.accounts import find_user
from server.store.tables.accounts import external_subjects, users
from tests.helpers.logins.fake_issuer import URL, FakeIssuer, make_key, open_fake_web
from tests.helpers.logins.flow import ON_BOTH, PASSWORD, Flow, read_fields, read_query

#: A server without any user asks to be set up.
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("ada")]

OIDC = Provider(id="oidc", name="Acme", issuer=URL, client_id="loci", client_secret="s: +", scopes="openid email")
GOOGLE = Provider(
    id="google", name="Google", issuer=GOOGLE_ISSUER, client_id="loci", client_secret="s", scopes="openid email"
)
GITHUB = Provider(id="github", name="GitHub", issuer=GITHUB_ISSUER, client_id="loci", client_secret="s", scopes="")


class FakeProvider(FakeIssuer):
    """An issuer at which people log in: its token endpoint makes an ID token for whoever `person` says."""

    def __init__(self, clock, url=URL):
        super().__init__(clock, url=url, audience="loci")
        self.metadata |= {"authorization_endpoint": f"{url}/auth", "userinfo_endpoint": f"{url}/me"}
        self.person = {"sub": "ada-7", "preferred_username": "Ada"}
        self.nonce = ""
        self.forms = []
        self.header = {}
        self.key_of_tokens = None
        self.user_info = {}

    def answer(self, router):
        super().answer(router)
        router.post(f"{self.url}/token").mock(side_effect=self.redeem)
        router.get(f"{self.url}/me").mock(side_effect=lambda _request: httpx.Response(200, json=self.user_info))

    def redeem(self, request):
        self.forms.append((parse_qs(request.content.decode()), request.headers.get("authorization")))
        instead = self.instead.get("token")
        if isinstance(instead, Exception):
            raise instead
        return instead or httpx.Response(200, json={"access_token": "opaque", "id_token": self.id_token()})

    def id_token(self):
        claims = {"nonce": self.nonce, "client_id": None, "scope": None} | self.person
        return self.token(header={"typ": None} | self.header, key=self.key_of_tokens, **claims)


@pytest.fixture
def provider(clock):
    return FakeProvider(clock)


@pytest.fixture(autouse=True)
def web(provider):
    with open_fake_web() as router:
        provider.answer(router)
        yield router


@pytest.fixture
async def site(make_server, clock, make_browser):
    """A function that makes browsers on a server with these providers."""
    made = []

    def make(*providers, allow_list=None, signup="open", login="both", seconds=5):
        upstream = Upstream(
            providers or [OIDC],
            allow_list or AllowList(),
            public_url="http://127.0.0.1:8080",
            algorithms=frozenset({"ES256"}),
            leeway=timedelta(seconds=60),
            now=clock,
            ca_file=None,
            seconds=seconds,
        )
        made.append(upstream)
        return make_browser(server=make_server(upstream=upstream, login=login, signup=signup))

    yield make
    for each in made:
        await each.close()


async def begin(http, provider, *, chosen="oidc", to="/apps", page="/login", connect=False):
    """Press the button; the query at the provider."""
    form = await http.get(page, params={"next": to} if page == "/login" else {})
    given = read_fields(form.text) | {"next": to, "provider": chosen} | ({"connect": "1"} if connect else {})
    answer = await http.post("/login/upstream", data=given)
    assert answer.status_code == 302, answer.text
    asked = read_query(answer)
    provider.nonce = asked.get("nonce", "")
    return asked


async def come_back(http, asked, *, chosen="oidc", **changes):
    query = {"code": "c0de", "state": asked["state"], "iss": URL} | changes
    kept = {name: value for name, value in query.items() if value is not None}
    return await http.get(f"/login/callback/{chosen}?{urlencode(kept)}")


async def log_in(http, provider, **options):
    return await come_back(http, await begin(http, provider, **options))


def title(page):
    found = re.search(r"<h1>([^<]+)</h1>", page.text)
    return found and found[1]


async def subjects_of(auth):
    async with auth.db.read() as connection:
        rows = await connection.execute(sa.select(external_subjects.c.subject, users.c.name).join(users))
        return sorted(tuple(row) for row in rows)


@ON_BOTH
async def test_a_person_logs_in_and_is_the_same_the_next_time_under_another_name(site, provider, auth, ada):
    async with site() as http:
        answer = await log_in(http, provider)
        assert (answer.status_code, answer.headers["location"]) == (302, "/apps")
        assert "Ada-2" in (await http.get("/apps")).text
    provider.person |= {"preferred_username": ada.name, "email": "someone@else.example"}
    async with site() as http:
        assert (await log_in(http, provider)).status_code == 302
    assert await subjects_of(auth) == [("ada-7", "Ada-2")]


async def test_the_request_has_pkce_a_nonce_and_a_state_and_the_code_is_redeemed_with_the_secret(site, provider):
    async with site() as http:
        asked = await begin(http, provider)
        await come_back(http, asked)
    assert asked["redirect_uri"] == "http://127.0.0.1:8080/login/callback/oidc"
    assert (asked["code_challenge_method"], asked["scope"]) == ("S256", "openid email")
    ((form, authorization),) = provider.forms
    assert make_code_challenge(form["code_verifier"][0]) == asked["code_challenge"]
    assert authorization == "Basic bG9jaTpzJTNBJTIwJTJC"  # loci and `s: +`, each encoded as in a form


async def test_a_login_continues_the_request_of_an_app_and_the_person_consents(site, provider):
    async with site(login="upstream") as http:
        app = Flow(http, "http://127.0.0.1:8080")
        await app.register()
        to_login = await app.authorize()
        wanted = read_query(to_login)["next"]
        answer = await log_in(http, provider, to=wanted)
        assert answer.headers["location"] == wanted
        consent = await http.get(wanted)
        assert "Test App" in consent.text
        assert (await app.redeem(read_query(await app.decide(consent))["code"])).status_code == 200


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
async def test_an_id_token_with_a_wrong_claim_logs_nobody_in(site, provider, auth, change, reason):
    provider.person |= change
    async with site() as http:
        page = await log_in(http, provider)
        assert page.status_code == 403
        assert f"`{reason}`" in page.text
        assert (await http.get("/apps")).status_code == 302
    assert await subjects_of(auth) == []


async def test_an_id_token_that_another_key_or_nobody_signed_logs_nobody_in(site, provider, auth):
    provider.key_of_tokens = make_key("ES256", 2)
    async with site() as http:
        assert "not signed" in (await log_in(http, provider)).text
        unsigned = jwt.encode({"sub": "ada-7"}, "", "none")
        for token in (unsigned, "garbage", 7, None):
            provider.instead["token"] = httpx.Response(200, json={"access_token": "opaque", "id_token": token})
            page = await log_in(http, provider)
            assert (page.status_code, title(page)) == (403, "Log in")
    assert await subjects_of(auth) == []


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
    site, provider, auth, instead
):
    provider.instead["token"] = instead
    async with site() as http:
        page = await log_in(http, provider, to="/welcome")
        assert page.status_code in {403, 503}
        assert "Try again" in page.text
        assert read_fields(page.text)["next"] == "/welcome"
        assert await subjects_of(auth) == []
        del provider.instead["token"]
        assert (await log_in(http, provider)).status_code == 302


async def test_a_provider_that_is_down_before_the_login_gives_the_login_page(site, provider):
    provider.instead["metadata"] = httpx.ConnectError("down")
    async with site() as http:
        form = await http.get("/login")
        page = await http.post("/login/upstream", data=read_fields(form.text) | {"provider": "oidc"})
    assert (page.status_code, title(page)) == (503, "Log in")
    assert "Acme does not answer" in page.text


async def test_a_provider_that_never_ends_is_left_after_a_while(site, provider, web):
    async def hang(_request):
        await asyncio.Event().wait()

    web.post(f"{URL}/token").mock(side_effect=hang)
    async with site(seconds=0.5) as http:
        page = await log_in(http, provider)
    assert page.status_code == 503


async def test_an_endpoint_or_an_access_token_that_no_request_can_have_gives_a_page(site, provider):
    async with site(allow_list=AllowList(frozenset({"acme.example"}))) as http:
        asked = await begin(http, provider)
        tokens = {"access_token": "\u2603", "id_token": provider.id_token()}
        provider.instead["token"] = httpx.Response(200, json=tokens)
        assert "user info cannot be asked for" in (await come_back(http, asked)).text
        provider.metadata["token_endpoint"] = "https://issuer.example:99999/token"
    async with site() as http:
        assert "answer to the code cannot be asked for" in (await log_in(http, provider)).text


async def test_an_endpoint_without_https_is_not_used(site, provider):
    provider.metadata["authorization_endpoint"] = "http://issuer.example/auth"
    async with site() as http:
        form = await http.get("/login")
        page = await http.post("/login/upstream", data=read_fields(form.text) | {"provider": "oidc"})
    assert "https" in page.text
    assert page.status_code == 403


@ON_BOTH
async def test_a_state_works_once_in_its_browser_at_its_provider_and_for_ten_minutes(site, provider, clock, auth):
    async with site(OIDC, GITHUB) as http, site(OIDC, GITHUB) as other:
        asked = await begin(http, provider)
        assert (await come_back(http, asked)).status_code == 302
        replay = await come_back(http, asked)
        assert (replay.status_code, title(replay)) == (403, "This login has ended")
        await other.get("/login")
        assert title(await come_back(other, await begin(http, provider, page="/apps"))) == "This login has ended"
        mixed = await come_back(other, await begin(other, provider), chosen="github")
        assert title(mixed) == "This login has ended"
        late = await begin(other, provider)
        clock.move(minutes=10)
        assert title(await come_back(other, late)) == "This login has ended"
        assert title(await come_back(other, {"state": "made-up"})) == "This login has ended"
        assert title(await come_back(other, {"state": None})) == "This login has ended"
    assert len(provider.forms) == 1
    assert len(await subjects_of(auth)) == 1


@pytest.mark.parametrize("iss", ["https://elsewhere.example", f"{URL}/", ""])
async def test_an_answer_in_the_name_of_another_issuer_is_not_redeemed(site, provider, iss):
    async with site() as http:
        page = await come_back(http, await begin(http, provider), iss=iss)
    assert page.status_code == 403
    assert "`iss`" in page.text
    assert provider.forms == []


async def test_an_issuer_is_required_only_of_a_provider_that_always_names_it(site, provider):
    async with site() as http:
        assert (await come_back(http, await begin(http, provider), iss=None)).status_code == 302
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    async with site() as http:
        page = await come_back(http, await begin(http, provider), iss=None)
    assert page.status_code == 403


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("access_denied", 403, "stopped the login"),
        ("temporarily_unavailable", 503, "does not answer"),
        ("<b>made up</b>", 403, "answered with an error"),
    ],
)
async def test_an_error_of_the_provider_says_what_to_do(site, provider, error, status, words):
    async with site() as http:
        asked = await begin(http, provider, to="/welcome")
        page = await come_back(http, asked, code=None, error=error, error_description="<script>")
    assert page.status_code == status
    assert words in page.text
    assert "made up" not in page.text
    assert "script>" not in page.text
    assert read_fields(page.text)["next"] == "/welcome"


@pytest.mark.parametrize("query", ["", "state=a&state=b", "state=%00", "state=%ff&code=%ff", "code=c0de"])
async def test_a_malformed_answer_gives_a_page(site, query):
    async with site() as http:
        page = await http.get(f"/login/callback/oidc?{query}")
    assert 400 <= page.status_code < 500
    assert title(page)


async def test_an_unknown_provider_gives_a_page(site):
    async with site() as http:
        assert (await http.get("/login/callback/made-up")).status_code == 404


async def test_a_form_of_another_browser_begins_no_login(site):
    async with site() as http:
        assert (await http.post("/login/upstream", data={"provider": "oidc", "csrf": "x"})).status_code == 403


@pytest.mark.parametrize("signup", ["closed", "invite"])
async def test_on_a_server_that_is_not_open_an_unknown_person_gets_no_account(site, provider, auth, signup):
    async with site(signup=signup) as http:
        page = await log_in(http, provider)
    assert page.status_code == 403
    assert "connect it there" in page.text
    assert await subjects_of(auth) == []


@pytest.mark.parametrize(
    ("claims", "is_let_in"),
    [
        ({"email": "ada@acme.example", "email_verified": True}, True),
        ({"email": "ada@ACME.example", "email_verified": True}, True),
        ({"email": "ada@acme.example", "email_verified": False}, False),
        ({"email": "ada@acme.example", "email_verified": "true"}, False),
        ({"email": "ada@acme.example"}, False),
        ({"email": "ada@sub.acme.example", "email_verified": True}, False),
        ({"email": "ada@acme.example@evil.example", "email_verified": True}, False),
        ({"email": ["ada@acme.example"], "email_verified": True}, False),
        ({"groups": ["staff"]}, True),
        ({"groups": "staff"}, True),
        ({"groups": ["guests"]}, False),
        ({"groups": {"staff": True}}, False),
        ({}, False),
    ],
)
async def test_only_people_on_the_list_log_in_and_they_need_no_other_invitation(
    site, provider, auth, claims, is_let_in
):
    provider.person |= claims
    provider.user_info = {"sub": "ada-7"}
    listed = AllowList(frozenset({"acme.example"}), {"oidc": frozenset({"staff"}), "github": frozenset({"guests"})})
    async with site(allow_list=listed, signup="closed") as http:
        page = await log_in(http, provider)
    assert page.status_code == (302 if is_let_in else 403)
    assert len(await subjects_of(auth)) == is_let_in


async def test_a_person_who_leaves_the_list_cannot_log_in_any_more(site, provider):
    provider.person |= {"groups": ["staff"]}
    listed = AllowList(groups={"oidc": frozenset({"staff"})})
    async with site(allow_list=listed) as http:
        assert (await log_in(http, provider)).status_code == 302
    provider.person |= {"groups": []}
    async with site(allow_list=listed) as http:
        assert (await log_in(http, provider)).status_code == 403


async def test_claims_that_the_id_token_lacks_are_asked_for_and_must_be_of_the_same_person(site, provider):
    listed = AllowList(frozenset({"acme.example"}))
    provider.user_info = {"sub": "ada-7", "email": "ada@acme.example", "email_verified": True}
    async with site(allow_list=listed) as http:
        assert (await log_in(http, provider)).status_code == 302
    provider.user_info["sub"] = "bob-8"
    async with site(allow_list=listed) as http:
        assert "another person" in (await log_in(http, provider)).text


@pytest.mark.parametrize(
    ("claims", "is_let_in"),
    [
        ({"email": "ada@acme.example", "hd": "acme.example"}, True),
        ({"email": "ada@acme.example"}, False),
        ({"email": "ada@gmail.com", "hd": "acme.example"}, False),
    ],
)
async def test_at_google_the_domain_is_the_workspace_of_the_company(site, web, clock, claims, is_let_in):
    google = FakeProvider(clock, GOOGLE_ISSUER)
    google.answer(web)
    google.person |= {"email_verified": True} | claims
    async with site(GOOGLE, allow_list=AllowList(frozenset({"acme.example"}))) as http:
        asked = await begin(http, google, chosen="google")
        page = await come_back(http, asked, chosen="google", iss=None)
    assert page.status_code == (302 if is_let_in else 403)


@pytest.fixture
def github(web):
    """GitHub's API: the user, and the state of memberships."""
    state = {"user": {"id": 583231, "login": "octocat"}, "memberships": {}}

    def show(_request, org):
        found = state["memberships"].get(org)
        return httpx.Response(200, json={"state": found}) if found else httpx.Response(404, json={})

    web.post("https://github.com/login/oauth/access_token").mock(
        side_effect=lambda _request: httpx.Response(200, json=state.get("tokens", {"access_token": "gho_x"}))
    )
    web.get("https://api.github.com/user").mock(side_effect=lambda _request: httpx.Response(200, json=state["user"]))
    web.get(url__regex=r"https://api\.github\.com/user/memberships/orgs/(?P<org>.+)").mock(side_effect=show)
    return state


async def test_a_person_of_github_is_their_number(site, provider, github, auth):
    async with site(GITHUB) as http:
        asked = await begin(http, provider, chosen="github")
        assert (await come_back(http, asked, chosen="github", iss=None)).status_code == 302
    github["user"]["login"] = "renamed"
    async with site(GITHUB) as http:
        asked = await begin(http, provider, chosen="github")
        assert (await come_back(http, asked, chosen="github", iss=GITHUB_ISSUER)).status_code == 302
    assert await subjects_of(auth) == [("583231", "octocat")]
    for wrong in ({"id": None}, {"id": "583231"}, {"id": True}, {}):
        github["user"] = wrong
        async with site(GITHUB) as http:
            asked = await begin(http, provider, chosen="github")
            assert (await come_back(http, asked, chosen="github", iss=None)).status_code == 403
    github["tokens"] = {"error": "bad_verification_code"}
    async with site(GITHUB) as http:
        asked = await begin(http, provider, chosen="github")
        assert "refused the code" in (await come_back(http, asked, chosen="github", iss=None)).text


async def test_only_active_members_of_an_organization_log_in(site, provider, github):
    listed = AllowList(groups={"github": frozenset({"acme"})})
    for state, status in (("active", 302), ("pending", 403), (None, 403)):
        github["memberships"] = {"acme": state}
        async with site(GITHUB, allow_list=listed) as http:
            asked = await begin(http, provider, chosen="github")
            assert (await come_back(http, asked, chosen="github", iss=None)).status_code == status


@ON_BOTH
async def test_a_person_who_is_logged_in_connects_a_provider_logs_in_with_it_and_disconnects_it(
    site, provider, auth, ada
):
    async with site(signup="closed") as http:
        await Flow(http, "http://127.0.0.1:8080").log_in()
        asked = await begin(http, provider, page="/apps", connect=True)
        assert (await come_back(http, asked)).headers["location"] == "/apps"
    assert await subjects_of(auth) == [("ada-7", ada.name)]
    async with site(signup="closed") as http:
        assert (await log_in(http, provider)).status_code == 302
        page = await http.get("/apps")
        assert "Connect Acme" not in page.text
        subject = re.findall(r'name="subject" value="([^"]+)"', page.text)[0]
        assert (await http.post("/apps", data=read_fields(page.text) | {"subject": subject})).status_code == 302
    assert await subjects_of(auth) == []


async def test_an_account_of_another_user_cannot_be_connected(site, provider, auth):
    async with site() as http:
        await log_in(http, provider)
    before = await subjects_of(auth)
    async with site() as http:
        await Flow(http, "http://127.0.0.1:8080").log_in()
        page = await come_back(http, await begin(http, provider, page="/apps", connect=True))
    assert title(page) == "This account is connected already"
    assert await subjects_of(auth) == before


async def test_a_connection_that_was_begun_by_another_user_is_not_made(site, provider, auth):
    async with site() as http:
        flow = Flow(http, "http://127.0.0.1:8080")
        await flow.log_in()
        asked = await begin(http, provider, page="/apps", connect=True)
        await http.post("/logout", data=read_fields((await http.get("/logout")).text))
        assert (await come_back(http, asked)).status_code == 403
    assert await subjects_of(auth) == []


async def test_the_last_way_to_log_in_cannot_be_disconnected(site, provider, auth):
    async with site() as http:
        await log_in(http, provider)
        page = await http.get("/apps")
        subject = re.findall(r'name="subject" value="([^"]+)"', page.text)[0]
        answer = await http.post("/apps", data=read_fields(page.text) | {"subject": subject})
    assert title(answer) == "This is your only way to log in"
    assert len(await subjects_of(auth)) == 1


async def test_nobody_disconnects_the_provider_of_another_user(site, provider, auth):
    async with site() as http:
        await log_in(http, provider)
        page = await http.get("/apps")
        subject = re.findall(r'name="subject" value="([^"]+)"', page.text)[0]
    async with site() as http:
        await Flow(http, "http://127.0.0.1:8080").log_in()
        page = await http.get("/apps")
        assert (await http.post("/apps", data=read_fields(page.text) | {"subject": subject})).status_code == 302
    assert len(await subjects_of(auth)) == 1


async def test_a_disabled_user_cannot_log_in_at_the_provider(site, provider, auth, clock):
    async with site() as http:
        await log_in(http, provider)
    async with auth.db.write() as connection:
        await connection.execute(sa.update(users).values(disabled_at=clock()))
    async with site() as http:
        assert "disabled" in (await log_in(http, provider)).text


async def test_the_login_page_has_the_ways_that_the_settings_name(site, auth):
    async with site(OIDC, GITHUB) as http:
        page = (await http.get("/login")).text
        assert 'name="password"' in page
        assert page.index("Continue with Acme") < page.index("Continue with GitHub")
    async with site(login="upstream") as http:
        page = await http.get("/login")
        assert 'name="password"' not in page.text
        assert (await http.get("/signup")).headers["location"] == "/login"
        form = read_fields(page.text) | {"username": "ada", "password": PASSWORD, "action": "login"}
        assert (await http.post("/login", data=form)).status_code == 403
    async with auth.db.read() as connection:
        assert await find_user(connection, "ada") is not None


async def test_too_many_logins_from_one_address_are_refused(site):
    async with site() as http:
        form = read_fields((await http.get("/login")).text) | {"provider": "oidc"}
        answers = [await http.post("/login/upstream", data=form) for _ in range(61)]
    assert [answer.status_code for answer in answers[-2:]] == [302, 429]
