"""The ES256 keys that access tokens are signed with: made, published ahead, rotated by age, retired.

A key lies in SQL, encrypted. It is published before it signs, so that whoever caches the key set knows it in
time, and stays published until nothing it signed can be valid.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.tokens.sealing import Sealer
from server.store.db import Database
from server.store.record.oauth.signing_keys import (
    SigningKeyRow,
    insert_signing_key,
    list_signing_keys,
    retire_signing_keys,
)

ALGORITHM = "ES256"
MAX_AGE = timedelta(days=90)
#: How long the key set may be cached, and how long before it signs a key is in there.
CACHE_SECONDS = 300
PUBLISH_AHEAD = timedelta(hours=1)
#: The longest that `access_token_minutes` allows, and the leeway.
LONGEST_TOKEN = timedelta(minutes=61)
RELOAD_INTERVAL = timedelta(seconds=30)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that was decrypted."""

    kid: str
    private_key: EllipticCurvePrivateKey
    activates_at: datetime
    retires_at: datetime | None

    def public_jwk(self) -> dict[str, str]:
        """The public half, as it stands in the key set (RFC 7517)."""
        return _jwk(self.private_key) | {"kid": self.kid, "use": "sig", "alg": ALGORITHM}


class SigningKeys:
    """The keys of one server, remembered for half a minute. One per process."""

    def __init__(self, db: Database, sealer: Sealer, now: Callable[[], datetime]) -> None:
        self._db = db
        self._sealer = sealer
        self._now = now
        self._keys: list[SigningKey] = []
        self._loaded_at: datetime | None = None

    async def signing(self) -> SigningKey:
        """The key to sign with now. Makes the first one, and a successor for one that is old."""
        await self._reload_if_stale()
        newest = self._keys[-1] if self._keys else None
        if newest is None or newest.activates_at + MAX_AGE <= self._now():
            await self._add(only_if_due=True)
        now = self._now()
        active = [key for key in self._keys if key.activates_at <= now]
        # None is active where the first key was made a moment ago on a host whose clock is ahead.
        return (active or self._keys[:1])[-1]

    async def verifying(self, kid: str) -> SigningKey | None:
        """The key with this id; where it is unknown another process may have made it, so look, but not too often."""
        found = self._find(kid)
        if found is None:
            await self._reload_if_stale()
            found = self._find(kid)
        return found

    def _find(self, kid: str) -> SigningKey | None:
        now = self._now()
        held = (key for key in self._keys if key.kid == kid and (key.retires_at is None or key.retires_at > now))
        return next(held, None)

    async def published(self) -> dict[str, list[dict[str, str]]]:
        """The key set (RFC 7517, section 5)."""
        await self.signing()
        return {"keys": [key.public_jwk() for key in self._keys]}

    async def rotate(self) -> str:
        """Make a successor now, whatever the age of the newest key; its id. It signs after `PUBLISH_AHEAD`."""
        return await self._add(only_if_due=False)

    async def _reload_if_stale(self) -> None:
        now = self._now()
        if self._loaded_at is None or now - self._loaded_at >= RELOAD_INTERVAL:
            async with self._db.read() as connection:
                await self._load(connection, now)

    async def _load(self, connection: AsyncConnection, now: datetime) -> None:
        keys: list[SigningKey] = []
        for row in await list_signing_keys(connection, now):
            pem = self._sealer.unseal(row.private_key)
            key = None if pem is None else load_pem_private_key(pem, None)
            if isinstance(key, EllipticCurvePrivateKey):
                keys.append(SigningKey(row.kid, key, row.activates_at, row.retires_at))
            else:
                # LOCI_SECRET_KEY has changed since the key was stored.
                log.warning("signing_key.unreadable", kid=row.kid)
        self._keys, self._loaded_at = keys, now

    async def _add(self, *, only_if_due: bool) -> str:
        """Make a key in one transaction with the look whether it is needed; the newest key's id."""
        now = self._now()
        async with self._db.write() as connection:
            await self._load(connection, now)
            newest = self._keys[-1] if self._keys else None
            if newest is None or not only_if_due or newest.activates_at + MAX_AGE <= now:
                # One that can be signed with must always be there, so the first one is not published ahead.
                activates_at = now if newest is None else now + PUBLISH_AHEAD
                row = self._new_row(activates_at, now)
                await insert_signing_key(connection, row)
                await retire_signing_keys(connection, row.kid, activates_at + LONGEST_TOKEN)
                await self._load(connection, now)
        return self._keys[-1].kid

    def _new_row(self, activates_at: datetime, now: datetime) -> SigningKeyRow:
        key = generate_private_key(SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return SigningKeyRow(_thumbprint(key), self._sealer.seal(pem), now, activates_at, None)


def _jwk(key: EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {"crv": "P-256", "kty": "EC", "x": _base64url(numbers.x), "y": _base64url(numbers.y)}


def _base64url(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def _thumbprint(key: EllipticCurvePrivateKey) -> str:
    """The JWK thumbprint (RFC 7638), which is the key's id."""
    members: dict[str, Any] = dict(sorted(_jwk(key).items()))
    canonical = json.dumps(members, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
