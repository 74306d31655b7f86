"""A client, a browser and a clock: what the tests of the authorization server act with."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from auth.rfc import make_code_challenge

#: For modules whose tests are about what SQL does.
ON_BOTH = pytest.mark.parametrize("db", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
VERIFIER = "v" * 64
REDIRECT = "http://127.0.0.1:33418/callback"
PASSWORD = "correct horse battery"


def read_fields(html: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', html)
    return {name: unescape(value) for name, value in found}


def read_query(response: httpx.Response) -> dict[str, str]:
    """The query of where a response redirects to."""
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


@dataclass
class Flow:
    """Drives the server as an app and a person would."""

    http: httpx.AsyncClient
    base: str
    client: dict[str, Any] = field(default_factory=dict)

    async def register(self, **metadata):
        body = {"client_name": "Test App", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"} | metadata
        answer = await self.http.post("/oauth/register", json=body)
        if answer.status_code == 201:
            self.client = answer.json()
        return answer

    def request(self, **changes):
        """The parameters of an authorization request; None leaves one out."""
        parameters = {
            "response_type": "code",
            "client_id": self.client.get("client_id"),
            "redirect_uri": REDIRECT,
            "state": "st4te",
            "scope": "memory:read memory:write",
            "resource": f"{self.base}/mcp",
            "code_challenge": make_code_challenge(VERIFIER),
            "code_challenge_method": "S256",
        } | changes
        return {name: value for name, value in parameters.items() if value is not None}

    async def authorize(self, **changes):
        return await self.http.get("/oauth/authorize?" + urlencode(self.request(**changes), doseq=True))

    async def log_in(self, username="ada", password=PASSWORD, to="/apps"):
        form = await self.http.get("/login", params={"next": to})
        if form.status_code == 302:  # logged in already; every form has the token that the login takes
            form = await self.http.get("/logout")
        return await self.http.post(
            "/login",
            data=read_fields(form.text) | {"next": to, "username": username, "password": password, "action": "login"},
        )

    async def decide(self, page, decision="allow", scopes=("memory:read", "memory:write")):
        return await self.http.post(
            "/oauth/authorize", data=read_fields(page.text) | {"scope": list(scopes), "decision": decision}
        )

    async def code(self, *, scopes=("memory:read", "memory:write"), **changes):
        """A code, for whoever is logged in."""
        page = await self.authorize(**changes)
        assert page.status_code == 200, page.headers.get("location", page.text)
        answer = await self.decide(page, scopes=scopes)
        assert answer.status_code == 302, answer.text
        return read_query(answer)["code"]

    async def redeem(self, code, **changes):
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client["client_id"],
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            "resource": f"{self.base}/mcp",
        } | changes
        return await self.http.post(
            "/oauth/token", data={name: value for name, value in form.items() if value is not None}
        )

    async def refresh(self, refresh_token, **changes):
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self.client["client_id"],
        } | changes
        return await self.http.post("/oauth/token", data=form)

    async def revoke(self, token, **changes):
        return await self.http.post(
            "/oauth/revoke", data={"token": token, "client_id": self.client["client_id"]} | changes
        )

    async def tokens(self, **changes):
        """A token response, for whoever is logged in."""
        answer = await self.redeem(await self.code(**changes))
        assert answer.status_code == 200, answer.text
        return answer.json()
