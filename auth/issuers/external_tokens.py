"""External tokens: JWTs that an issuer signed, and the way from one to its principal.

Everything that is cheap is checked before the signature, because only a signature can need a fetch of keys. Nothing of
a token is used before its signature was verified.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import jwt

from auth.issuers.claims import (
    RefusedTokenError,
    check_times,
    find_audience,
    read_client_id,
    read_name,
    read_scopes,
    read_subject,
)
from auth.issuers.discovery import IssuerState, fetch_state
from auth.issuers.issuer import Issuer
from auth.issuers.keys import ASYMMETRIC
from auth.issuers.rules import IssuerRules
from auth.issuers.subjects import find_or_make_subject
from auth.principal import Principal
from server.clock import Clock
from server.errors import Failure
from server.loopback import is_proxy_allowed
from server.store.db import Database
from server.store.record.outbox import Outbox

#: Tokens that list a person's groups are long.
MAX_LENGTH = 16 * 1024
#: For how long a verified token is trusted before its signature and its user are looked up again.
VERIFIED_FOR = timedelta(minutes=5)
#: The type of a token that names none.
NO_TYPE = "jwt"

_JWS = jwt.PyJWS(algorithms=list(ASYMMETRIC))


class ExternalTokens:
    """Verifies external tokens. One per process.

    Args:
        rules: how tokens are read.
        db: the record.
        now: the clock.
        make_tls_context: returns the TLS context of connections to issuers; called in a thread.
        outbox: gets the events of new accounts; None if nobody wants events.
    """

    def __init__(
        self,
        rules: IssuerRules,
        db: Database,
        now: Clock,
        make_tls_context: Callable[[], ssl.SSLContext],
        outbox: Outbox | None = None,
    ) -> None:
        self._rules = rules
        self._db = db
        self._now = now
        self._make_tls_context = make_tls_context
        self._outbox = outbox
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self._making = asyncio.Lock()
        self.issuers = {url: Issuer(url, self._fetch_state, now) for url in rules.issuers}

    async def verify(self, token: str) -> Principal | None:
        """Return the principal of a token; None if the text is no token.

        Raises:
            Failure: `unauthorized`, with the reason; `unavailable` if the issuer's keys cannot be fetched.
        """
        try:
            header = jwt.get_unverified_header(token) if len(token) <= MAX_LENGTH else {}
            claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False}) if header else {}
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            return None
        if not claims:
            return None
        try:
            return await self._verify(token, header, claims)
        except RefusedTokenError as refused:
            raise Failure("unauthorized", f"Invalid or missing API key: this token {refused}.") from None

    async def close(self) -> None:
        """End what is under way."""
        for issuer in self.issuers.values():
            await issuer.close()
        for client in self._clients.values():
            await client.aclose()

    async def _verify(self, token: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Principal:
        algorithm, now = header.get("alg"), self._now()
        if algorithm not in self._rules.algorithms:
            raise RefusedTokenError("is not signed by an algorithm that this server accepts (`alg`)")
        self._check_type(header)
        named = claims.get("iss")
        issuer = self.issuers.get(named) if isinstance(named, str) else None
        if issuer is None:
            raise RefusedTokenError("comes from another issuer (`iss`)")
        expires_at = check_times(claims, self._rules, now)
        audience = find_audience(claims, self._rules)
        subject = read_subject(claims, self._rules)
        await self._check_signature(token, issuer, header.get("kid"), algorithm)
        name = read_name(claims, self._rules)
        found = await find_or_make_subject(self._db, issuer.url, subject, name, now, self._outbox)
        if found.is_disabled:
            raise RefusedTokenError("belongs to a user who was disabled")
        return Principal(
            user_id=found.user_id,
            account_id=found.account_id,
            scopes=read_scopes(claims, self._rules),
            via="issuer",
            credential_id=found.id,
            client_id=read_client_id(claims),
            expires_at=expires_at,
            verified_until=now + VERIFIED_FOR,
            audience=audience,
        )

    def _check_type(self, header: Mapping[str, Any]) -> None:
        given = header.get("typ", NO_TYPE)
        kind = given.lower().removeprefix("application/") if isinstance(given, str) else ""
        if kind not in self._rules.token_types:
            raise RefusedTokenError("is of a type that this server does not accept (`typ`)")

    async def _check_signature(self, token: str, issuer: Issuer, kid: str | None, algorithm: str) -> None:
        keys = await issuer.find_keys(kid, algorithm)
        if not keys:
            raise RefusedTokenError("names a key that its issuer does not publish (`kid`)")
        for key in keys:
            try:
                _JWS.decode(token, key.public_key, algorithms=[algorithm])
            except (jwt.InvalidTokenError, ValueError, TypeError):
                continue
            return
        raise RefusedTokenError("is not signed by its issuer")

    async def _fetch_state(self, url: str) -> IssuerState:
        return await fetch_state(await self._find_client(is_proxied=is_proxy_allowed(url)), url)

    async def _find_client(self, *, is_proxied: bool) -> httpx.AsyncClient:
        """Return the client for issuers on this machine, or for others. It is kept, because it takes long to make."""
        async with self._making:
            if is_proxied not in self._clients:
                context = await asyncio.to_thread(self._make_tls_context)
                limits = httpx.Limits(keepalive_expiry=1)  # the next fetch is minutes away
                self._clients[is_proxied] = httpx.AsyncClient(
                    verify=context, follow_redirects=False, trust_env=is_proxied, limits=limits
                )
            return self._clients[is_proxied]
