"""Login at an OpenID provider: its answer is a code, and the code becomes an ID token, which is verified."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from auth.fetching import UnusableAnswerError
from auth.issuers.claims import (
    RefusedTokenError,
    check_times,
    find_claim,
    read_domain,
    read_name,
    read_subject,
    read_texts,
)
from auth.issuers.connections import Connections
from auth.issuers.discovery import is_as_safe
from auth.issuers.issuer import Issuer
from auth.issuers.signatures import check_algorithm, check_signature, read_unverified
from auth.rfc import check_id_token_claims
from auth.upstream.provider import AllowList, ExternalPerson, Provider
from server.clock import Clock

MAX_LENGTH = 32 * 1024


class OpenIdClient:
    """This server as a client of one OpenID provider."""

    def __init__(
        self,
        provider: Provider,
        allow_list: AllowList,
        connections: Connections,
        now: Clock,
        algorithms: frozenset[str],
        leeway: timedelta,
    ) -> None:
        self._provider = provider
        self._connections = connections
        self._now = now
        self._algorithms = algorithms
        self._leeway = leeway
        self._wanted = (["email"] if allow_list.domains else []) + (
            [provider.groups_claim] if allow_list.groups.get(provider.id) else []
        )
        self._issuer = Issuer(provider.issuer, connections.fetch_state, now)

    async def close(self) -> None:
        """End what is under way."""
        await self._issuer.close()

    async def find_authorization_endpoint(self) -> str:
        """Return the URL at which people log in. Raises as `identify`."""
        return self._find_endpoint(await self._issuer.get_metadata(), "authorization_endpoint")

    async def names_itself(self) -> bool:
        """Whether the provider's answers always have the parameter `iss` (RFC 9207)."""
        return (await self._issuer.get_metadata()).get("authorization_response_iss_parameter_supported") is True

    async def identify(self, form: Mapping[str, str], nonce: str) -> ExternalPerson:
        """Return the person for whom the provider issued the code of a form.

        Raises:
            UnusableAnswerError: the provider's answer cannot be used.
            RefusedTokenError: the ID token is not accepted.
            Failure: `unavailable`, the provider's metadata or keys cannot be fetched.
            httpx.HTTPError: the provider does not answer.
        """
        metadata = await self._issuer.get_metadata()
        tokens = await self._redeem(metadata, form)
        access_token, id_token = tokens.get("access_token"), tokens.get("id_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str):
            raise UnusableAnswerError("Its answer has no ID token and access token.")
        claims = await self._verify(id_token, nonce, access_token)
        if any(find_claim(claims, name) is None for name in self._wanted) and "userinfo_endpoint" in metadata:
            claims = await self._fetch_user_info(metadata, access_token, claims)
        return self._make_person(claims)

    async def _redeem(self, metadata: Mapping[str, Any], form: Mapping[str, str]) -> dict[str, Any]:
        url, provider = self._find_endpoint(metadata, "token_endpoint"), self._provider
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        form, headers = dict(form), dict[str, str]()
        if not provider.client_secret or "client_secret_basic" not in methods:
            form |= {"client_id": provider.client_id}
            form |= {"client_secret": provider.client_secret} if provider.client_secret else {}
        else:
            pair = f"{quote(provider.client_id, safe='')}:{quote(provider.client_secret, safe='')}"
            headers = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        return await self._connections.fetch_answer(url, subject="answer to the code", headers=headers, form=form)

    async def _verify(self, id_token: str, nonce: str, access_token: str) -> Mapping[str, Any]:
        """Return the claims of an ID token (OpenID Connect Core, section 3.1.3.7)."""
        unverified = read_unverified(id_token, MAX_LENGTH)
        if unverified is None:
            raise RefusedTokenError("is no JWT")
        header, claims = unverified
        check_algorithm(header, self._algorithms)
        if str(header.get("typ", "JWT")).upper() != "JWT":
            raise RefusedTokenError("is of another type (`typ`)")
        check_times(claims, self._leeway, self._now())
        await check_signature(id_token, self._issuer, header)
        problem = check_id_token_claims(
            claims,
            header,
            issuer=self._provider.issuer,
            client_id=self._provider.client_id,
            nonce=nonce,
            access_token=access_token,
            at=int(self._now().timestamp()),
            leeway=int(self._leeway.total_seconds()),
        )
        if problem is not None:
            raise RefusedTokenError(f"has a missing or wrong claim (`{problem}`)")
        return claims

    async def _fetch_user_info(
        self, metadata: Mapping[str, Any], access_token: str, claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the claims of an ID token with those that the provider keeps for its user info."""
        url = self._find_endpoint(metadata, "userinfo_endpoint")
        bearer = {"authorization": f"Bearer {access_token}"}
        more = await self._connections.fetch_answer(url, subject="user info", headers=bearer)
        if more.get("sub") != claims["sub"]:
            raise UnusableAnswerError("Its user info is about another person.")
        return {**more, **claims}

    def _find_endpoint(self, metadata: Mapping[str, Any], name: str) -> str:
        url = metadata.get(name)
        if not isinstance(url, str) or not is_as_safe(url, self._provider.issuer):
            raise UnusableAnswerError(f"Its metadata have no `{name}` with https.")
        return url

    def _make_person(self, claims: Mapping[str, Any]) -> ExternalPerson:
        return ExternalPerson(
            issuer=self._provider.issuer,
            subject=read_subject(claims),
            name=read_name(claims),
            domain=read_domain(claims, self._provider.issuer),
            groups=frozenset(read_texts(find_claim(claims, self._provider.groups_claim), must_split=False)),
        )
