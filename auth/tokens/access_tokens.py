"""Access tokens: JWTs of RFC 9068, signed with ES256.

Verifying a token also checks in SQL that its grant and its chain have not ended. That costs two queries, so that
revoking works at once.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from auth.principal import Principal, expand_scopes
from auth.tokens.signing import ALGORITHM, SigningKeys
from server.clock import Clock
from server.store.db import Database
from server.store.record.oauth.chains import get_chain
from server.store.record.oauth.grants import Grant, find_live_grant

TYPE = "at+jwt"
LEEWAY = timedelta(seconds=30)
REQUIRED = ["iss", "aud", "exp", "iat", "sub", "jti", "client_id", "gid", "sid"]
MAX_LENGTH = 4096


class AccessTokens:
    """Signs and verifies access tokens. One per process."""

    def __init__(
        self,
        *,
        db: Database,
        keys: SigningKeys,
        issuer: str,
        audiences: tuple[str, ...],
        lifetime: timedelta,
        now: Clock,
    ) -> None:
        self._db = db
        self.keys = keys
        self._issuer = issuer
        self._audiences = audiences
        self._now = now
        self.lifetime = lifetime

    async def sign(self, grant: Grant, chain_id: str, scopes: str) -> str:
        """Return a token for a chain of a grant. Its scopes are the given ones, all or some of the grant's."""
        key = await self.keys.get_signing_key()
        now = self._now()
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": grant.resource,
            "sub": grant.user_id,
            "client_id": grant.client_id,
            "scope": scopes,
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
            "jti": secrets.token_urlsafe(16),
            "gid": grant.id,
            "sid": chain_id,
        }
        return jwt.encode(claims, key.private_key, ALGORITHM, headers={"typ": TYPE, "kid": key.kid})

    async def verify(self, token: str) -> Principal | None:
        """Return the principal of a token; None if it is not valid now, or its grant, chain or user has ended."""
        claims = await self.read_claims(token)
        if claims is None:
            return None
        now = self._now()
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        if expires_at + LEEWAY <= now or datetime.fromtimestamp(claims["iat"], UTC) - LEEWAY > now:
            return None
        async with self._db.read() as connection:
            found = await find_live_grant(connection, claims["gid"], now)
            chain = await get_chain(connection, claims["sid"])
        if found is None or chain is None or chain.grant_id != claims["gid"]:
            return None
        grant, account_id = found
        if (grant.user_id, grant.client_id, grant.resource) != (claims["sub"], claims["client_id"], claims["aud"]):
            return None
        return _make_principal(grant, account_id, claims, expires_at)

    async def read_claims(self, token: str) -> Mapping[str, Any] | None:
        """Return the claims of a token that this server signed, even if it has expired; None for any other token."""
        try:
            header = jwt.get_unverified_header(token) if len(token) <= MAX_LENGTH else {}
            if header.get("typ") != TYPE or header.get("alg") != ALGORITHM or not isinstance(header.get("kid"), str):
                return None
            key = await self.keys.find_verifying_key(header["kid"])
            return None if key is None else self._decode(token, key.private_key.public_key())
        except (jwt.InvalidTokenError, ValueError):
            return None

    def _decode(self, token: str, public_key: EllipticCurvePublicKey) -> Mapping[str, Any] | None:
        # The caller compares the times with our clock, so PyJWT does not compare them with its own.
        claims = jwt.decode(
            token,
            public_key,
            algorithms=[ALGORITHM],
            audience=list(self._audiences),
            issuer=self._issuer,
            options={"require": REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        has_texts = all(isinstance(claims[name], str) for name in ("aud", "sub", "client_id", "gid", "sid", "jti"))
        has_times = all(type(claims[name]) is int for name in ("exp", "iat"))
        return claims if has_texts and has_times and isinstance(claims.get("scope"), str) else None


def _make_principal(grant: Grant, account_id: str, claims: Mapping[str, Any], expires_at: datetime) -> Principal:
    granted = set(grant.scopes.split())
    return Principal(
        user_id=grant.user_id,
        account_id=account_id,
        scopes=expand_scopes(scope for scope in claims["scope"].split() if scope in granted),
        via="oauth",
        credential_id=grant.id,
        client_id=grant.client_id,
        grant_id=grant.id,
        chain_id=claims["sid"],
        expires_at=expires_at,
        audience=grant.resource,
    )
