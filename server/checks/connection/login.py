"""The hops of a login: a client registers, sends the person to the server, and gets a token for the code."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from server.checks.connection.discovery import MCP, SERVER_METADATA
from server.checks.connection.hop import Hop, HopBroken
from server.checks.connection.visitor import Visitor

CLIENT_NAME = "Loci's connection check"
SCOPE = "memory:read"
#: Where the person's browser comes back to: the page of the check.
CALLBACK = "/connection-check"
_OK, _CREATED, _TOO_MANY = 200, 201, 429


@dataclass(frozen=True, slots=True)
class Exchange:
    """The values that a browser brought back from the consent page, and the secret that the check kept (PKCE)."""

    client_id: str
    code: str
    verifier: str


def make_authorization_path(url: str, client_id: str, verifier: str | None, state: str) -> str:
    """Return the path and the query of the consent page, for the check's client. `verifier`: None for no PKCE."""
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": f"{url}{CALLBACK}",
        "scope": SCOPE,
        "state": state,
        "resource": f"{url}{MCP}",
    }
    if verifier is not None:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return f"/oauth/authorize?{urlencode(asked)}"


async def register_client(visitor: Visitor) -> str:
    """Register a client, as most clients do at their first login."""
    if "registration_endpoint" not in (await visitor.ask("GET", SERVER_METADATA)).read_object():
        raise HopBroken(
            "Clients may not register themselves here (LOCI_OAUTH_REGISTRATION).",
            "Clients with a description of their own (Claude Code, Codex) can log in, others need a key.",
            is_warning=True,
            is_end=True,
        )
    asked = {
        "client_name": CLIENT_NAME,
        "redirect_uris": [f"{visitor.url}{CALLBACK}"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code"],
    }
    answer = await visitor.ask("POST", "/oauth/register", json=asked)
    client_id: Any = answer.read_object().get("client_id")
    if answer.status != _CREATED or not isinstance(client_id, str):
        cure = "Let the proxy pass POST /oauth/register on, with its body."
        if answer.status == _TOO_MANY:
            cure = "Wait, as it says. If many people come from one address, set LOCI_TRUSTED_PROXIES to your proxy's."
        raise HopBroken(f"The registration got {answer.status}: {answer.message}", cure)
    visitor.client_id = client_id
    return "A client can register itself."


async def refuse_without_pkce(visitor: Visitor) -> str:
    """Ask for a code without PKCE, which must be refused."""
    path = make_authorization_path(visitor.url, visitor.client_id, None, "check")
    answer = await visitor.ask("GET", path, may_redirect=True)
    location: str = answer.headers.get("location", "")
    if parse_qs(urlsplit(location).query).get("error") != ["invalid_request"]:
        detail = f"A login without PKCE got {answer.status}, and should be refused."
        raise HopBroken(detail, "Let the proxy pass /oauth/authorize on with its query, and rewrite no Location.")
    return "A login with PKCE is asked for, and one without it is refused."


async def open_login(visitor: Visitor) -> str:
    """Begin a login as a browser does that is not logged in: it is sent to the login page, and gets a cookie."""
    path = make_authorization_path(visitor.url, visitor.client_id, "v" * 43, "check")
    answer = await visitor.ask("GET", path, may_redirect=True)
    location = answer.headers.get("location", "")
    if not location.startswith(("/login?", f"{visitor.url}/login?")):
        detail = f"The login leads to {location[:200] or answer.status}, and not to the login page."
        raise HopBroken(detail, "Let the proxy rewrite no Location (nginx: `proxy_redirect off`).")
    page = await visitor.ask("GET", "/login")
    cookies = page.headers.get_list("set-cookie")
    name = "__Host-loci=" if visitor.url.startswith("https://") else "loci="
    if not any(each.startswith(name) and "path=/" in each.lower() for each in cookies):
        raise HopBroken(
            "The cookie of the login page does not arrive, so every login begins again.",
            "Let the proxy neither drop nor change Set-Cookie, and cache no page.",
        )
    return "The login page opens, with its cookie."


async def get_token(visitor: Visitor, exchange: Exchange) -> str:
    """Exchange the code that the browser brought for a token."""
    visitor.client_id = exchange.client_id
    form = {
        "grant_type": "authorization_code",
        "code": exchange.code,
        "client_id": exchange.client_id,
        "redirect_uri": f"{visitor.url}{CALLBACK}",
        "code_verifier": exchange.verifier,
        "resource": f"{visitor.url}{MCP}",
    }
    answer = await visitor.ask("POST", "/oauth/token", data=form)
    token: Any = answer.read_object().get("access_token")
    if answer.status != _OK or not isinstance(token, str):
        cure = "Let the proxy pass POST /oauth/token on, with its body."
        if answer.code == "invalid_grant":
            cure = "A code is good for one minute and one use. Begin the check again."
        raise HopBroken(f"The code was refused: {answer.message}", cure)
    visitor.token = token
    return "The code is exchanged for a token."


async def log_out(visitor: Visitor) -> str:
    """Give the token back, which ends the check's access."""
    form = {"token": visitor.token, "client_id": visitor.client_id}
    answer = await visitor.ask("POST", "/oauth/revoke", data=form)
    if answer.status != _OK:
        cure = "End it under connected apps."
        raise HopBroken(f"The token could not be given back ({answer.status}).", cure, is_warning=True)
    return "The token is given back, and the check's access ended."


HOPS = (
    Hop("registration", register_client),
    Hop("PKCE", refuse_without_pkce),
    Hop("login page", open_login),
)
