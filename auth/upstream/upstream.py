"""The providers at which people log in: the URL to send a browser to, and the person who comes back with a code."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import httpx

from auth.fetching import UnusableAnswerError
from auth.issuers.claims import RefusedTokenError
from auth.issuers.connections import Connections
from auth.page_refusals import TitledFailure
from auth.rfc import add_query, make_code_challenge
from auth.texts import say
from auth.upstream.github import GitHubClient
from auth.upstream.openid import OpenIdClient
from auth.upstream.provider import GITHUB_ISSUER, AllowList, ExternalPerson, Provider
from auth.upstream.refusals import make_unreachable, make_unusable
from server.clock import Clock
from server.errors import Failure

CALLBACK = "/login/callback"
#: The seconds that all requests of one step may take together.
TOTAL_SECONDS = 15.0


class Upstream:
    """Logs people in at providers. One per process.

    Args:
        providers: the providers, in the order of their buttons.
        allow_list: the people who may log in.
        public_url: the URL of this server, to which people come back.
        algorithms: the signature algorithms of ID tokens that are accepted.
        leeway: by how much the clocks of a provider and of this server may differ.
        now: the clock.
        ca_file: certificates of authorities that are trusted beside the usual ones; None for those alone.
        seconds: the bound of one step.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        allow_list: AllowList,
        *,
        public_url: str,
        algorithms: frozenset[str],
        leeway: timedelta,
        now: Clock,
        ca_file: Path | None,
        seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.providers = {provider.id: provider for provider in providers}
        self.allow_list = allow_list
        self._public_url = public_url
        self._seconds = seconds
        self._connections = Connections(ca_file)
        self._clients: dict[str, OpenIdClient | GitHubClient] = {
            provider.id: GitHubClient(provider, allow_list, self._connections)
            if provider.issuer == GITHUB_ISSUER
            else OpenIdClient(provider, allow_list, self._connections, now, algorithms, leeway)
            for provider in providers
        }

    async def build_location(self, provider: Provider, *, state: str, nonce: str, verifier: str) -> str:
        """Return the URL at which a person logs in (OpenID Connect Core, section 3.1.2.1; RFC 7636).

        Raises:
            TitledFailure: the provider cannot be used now.
        """
        parameters = [
            ("response_type", "code"),
            ("client_id", provider.client_id),
            ("redirect_uri", self._make_redirect_uri(provider)),
            ("scope", provider.scopes),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", make_code_challenge(verifier)),
            ("code_challenge_method", "S256"),
        ]
        try:
            async with asyncio.timeout(self._seconds):
                endpoint = await self._clients[provider.id].find_authorization_endpoint()
        except UnusableAnswerError as error:
            raise make_unusable(provider, str(error)) from None
        except (Failure, TimeoutError):
            raise make_unreachable(provider) from None
        return add_query(endpoint, parameters)

    async def identify(
        self, provider: Provider, parameters: Mapping[str, str], *, nonce: str, verifier: str
    ) -> ExternalPerson:
        """Return the person whom a provider sent back with these parameters.

        Raises:
            TitledFailure: the person said no, or the provider's answer cannot be used.
        """
        client = self._clients[provider.id]
        try:
            async with asyncio.timeout(self._seconds):
                await self._check_issuer(provider, parameters)
                form = {
                    "grant_type": "authorization_code",
                    "code": _read_code(provider, parameters),
                    "redirect_uri": self._make_redirect_uri(provider),
                    "code_verifier": verifier,
                }
                return await client.identify(form, nonce)
        except UnusableAnswerError as error:
            raise make_unusable(provider, str(error)) from None
        except RefusedTokenError as error:
            raise make_unusable(provider, f"Its ID token {error}.") from None
        except TitledFailure:
            raise
        except (Failure, TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError):
            raise make_unreachable(provider) from None

    async def close(self) -> None:
        """End what is under way."""
        for client in self._clients.values():
            await client.close()
        await self._connections.close()

    async def _check_issuer(self, provider: Provider, parameters: Mapping[str, str]) -> None:
        """Check that the answer is the provider's own, and not another's that was mixed up with it (RFC 9207)."""
        named = parameters.get("iss")
        if named is None and not await self._clients[provider.id].names_itself():
            return
        if named != provider.issuer:
            raise UnusableAnswerError("Its answer does not name it as the issuer (`iss`).")

    def _make_redirect_uri(self, provider: Provider) -> str:
        return f"{self._public_url}{CALLBACK}/{provider.id}"


def _read_code(provider: Provider, parameters: Mapping[str, str]) -> str:
    """Return the code of an answer.

    Raises:
        TitledFailure: the answer is an error.
        UnusableAnswerError: there is neither a code nor an error.
    """
    if "error" in parameters:
        raise _make_refusal(provider, parameters["error"])
    if not parameters.get("code"):
        raise UnusableAnswerError("Its answer has no code.")
    return parameters["code"]


def _make_refusal(provider: Provider, error: str) -> TitledFailure:
    if error == "access_denied":
        message = say(
            "You or %(provider)s stopped the login, so nothing has changed. Try again, or log in another way.",
            provider=provider.name,
        )
        return TitledFailure("forbidden", say("You are not logged in"), message)
    known = {"temporarily_unavailable", "server_error"}
    return make_unreachable(provider) if error in known else make_unusable(provider, "It answered with an error.")
