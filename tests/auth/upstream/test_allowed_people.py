"""The people who may log in at a provider: the lists, the domains of Google, the organizations of GitHub."""

import httpx
import pytest

from auth.issuers.claims import GOOGLE_ISSUER
from auth.upstream.provider import GITHUB_ISSUER, AllowList
from tests.helpers.logins.fake_provider import (
    GITHUB,
    GOOGLE,
    FakeProvider,
    begin_login,
    come_back,
    log_in,
    read_subjects,
)

#: A server without any user asks to be set up.
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("ada")]


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


@pytest.mark.parametrize("signup", ["closed", "invite"])
async def test_on_a_server_that_is_not_open_an_unknown_person_gets_no_account(open_browser, provider, auth, signup):
    async with open_browser(signup=signup) as http:
        page = await log_in(http, provider)
    assert page.status_code == 403
    assert "connect it there" in page.text
    assert await read_subjects(auth) == []


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
    open_browser, provider, auth, claims, is_let_in
):
    provider.person |= claims
    provider.user_info = {"sub": "ada-7"}
    listed = AllowList(frozenset({"acme.example"}), {"oidc": frozenset({"staff"}), "github": frozenset({"guests"})})
    async with open_browser(allow_list=listed, signup="closed") as http:
        page = await log_in(http, provider)
    assert page.status_code == (302 if is_let_in else 403)
    assert len(await read_subjects(auth)) == is_let_in


async def test_a_person_who_leaves_the_list_cannot_log_in_any_more(open_browser, provider):
    provider.person |= {"groups": ["staff"]}
    listed = AllowList(groups={"oidc": frozenset({"staff"})})
    async with open_browser(allow_list=listed) as http:
        assert (await log_in(http, provider)).status_code == 302
    provider.person |= {"groups": []}
    async with open_browser(allow_list=listed) as http:
        assert (await log_in(http, provider)).status_code == 403


async def test_claims_that_the_id_token_lacks_are_asked_for_and_must_be_of_the_same_person(open_browser, provider):
    listed = AllowList(frozenset({"acme.example"}))
    provider.user_info = {"sub": "ada-7", "email": "ada@acme.example", "email_verified": True}
    async with open_browser(allow_list=listed) as http:
        assert (await log_in(http, provider)).status_code == 302
    provider.user_info["sub"] = "bob-8"
    async with open_browser(allow_list=listed) as http:
        assert "another person" in (await log_in(http, provider)).text


@pytest.mark.parametrize(
    ("claims", "is_let_in"),
    [
        ({"email": "ada@acme.example", "hd": "acme.example"}, True),
        ({"email": "ada@acme.example"}, False),
        ({"email": "ada@gmail.com", "hd": "acme.example"}, False),
    ],
)
async def test_at_google_the_domain_is_the_workspace_of_the_company(open_browser, web, clock, claims, is_let_in):
    google = FakeProvider(clock, GOOGLE_ISSUER)
    google.answer(web)
    google.person |= {"email_verified": True} | claims
    async with open_browser(GOOGLE, allow_list=AllowList(frozenset({"acme.example"}))) as http:
        asked = await begin_login(http, google, chosen="google")
        page = await come_back(http, asked, chosen="google", iss=None)
    assert page.status_code == (302 if is_let_in else 403)


async def test_a_person_of_github_is_their_number(open_browser, provider, github, auth):
    async with open_browser(GITHUB) as http:
        asked = await begin_login(http, provider, chosen="github")
        assert (await come_back(http, asked, chosen="github", iss=None)).status_code == 302
    github["user"]["login"] = "renamed"
    async with open_browser(GITHUB) as http:
        asked = await begin_login(http, provider, chosen="github")
        assert (await come_back(http, asked, chosen="github", iss=GITHUB_ISSUER)).status_code == 302
    assert await read_subjects(auth) == [("583231", "octocat")]
    for wrong in ({"id": None}, {"id": "583231"}, {"id": True}, {}):
        github["user"] = wrong
        async with open_browser(GITHUB) as http:
            asked = await begin_login(http, provider, chosen="github")
            assert (await come_back(http, asked, chosen="github", iss=None)).status_code == 403
    github["tokens"] = {"error": "bad_verification_code"}
    async with open_browser(GITHUB) as http:
        asked = await begin_login(http, provider, chosen="github")
        assert "refused the code" in (await come_back(http, asked, chosen="github", iss=None)).text


async def test_only_active_members_of_an_organization_log_in(open_browser, provider, github):
    listed = AllowList(groups={"github": frozenset({"acme"})})
    for state, status in (("active", 302), ("pending", 403), (None, 403)):
        github["memberships"] = {"acme": state}
        async with open_browser(GITHUB, allow_list=listed) as http:
            asked = await begin_login(http, provider, chosen="github")
            assert (await come_back(http, asked, chosen="github", iss=None)).status_code == status
