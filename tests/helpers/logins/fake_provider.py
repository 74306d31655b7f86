"""A provider of logins without a server, whose answers respx gives, and a person who logs in there."""

import re
from urllib.parse import parse_qs, urlencode

import httpx
import sqlalchemy as sa

from auth.issuers.claims import GOOGLE_ISSUER
from auth.upstream.provider import GITHUB_ISSUER, Provider
from server.store.tables.accounts import external_subjects, users
from tests.helpers.logins.fake_issuer import URL, FakeIssuer
from tests.helpers.logins.flow import read_fields, read_query

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


async def begin_login(http, provider, *, chosen="oidc", to="/apps", page="/login", connect=False):
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
    return await come_back(http, await begin_login(http, provider, **options))


def read_title(page):
    found = re.search(r"<h1>([^<]+)</h1>", page.text)
    return found and found[1]


async def read_subjects(auth):
    async with auth.db.read() as connection:
        rows = await connection.execute(sa.select(external_subjects.c.subject, users.c.name).join(users))
        return sorted(tuple(row) for row in rows)
