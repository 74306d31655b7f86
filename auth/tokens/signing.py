"""The ES256 keys that sign access tokens: each is made, published ahead, replaced at an age, and retired.

A key is stored in SQL, encrypted. It is published before it signs, so that everybody who caches the key set has it
in time, and it stays published until no token that it signed can be valid.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.jwk import ECKey
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.tokens.sealing import Sealer
from server.clock import Clock
from server.store.db import Database
from server.store.record.oauth.signing_keys import (
    SigningKeyRow,
    hold_signing_keys,
    insert_signing_key,
    list_signing_keys,
    retire_signing_keys,
)

#: A public key as JSON (RFC 7517).
Jwk = dict[str, str | list[str]]

ALGORITHM = "ES256"
MAX_AGE = timedelta(days=90)
#: The number of seconds for which the key set may be cached.
CACHE_SECONDS = 300
#: The time that a key is in the key set before it signs.
PUBLISH_AHEAD = timedelta(hours=1)
#: The longest lifetime that `access_token_minutes` allows, and the leeway.
LONGEST_TOKEN = timedelta(minutes=61)
RELOAD_INTERVAL = timedelta(seconds=30)

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, decrypted."""

    kid: str
    private_key: EllipticCurvePrivateKey
    activates_at: datetime
    retires_at: datetime | None

    def to_public_jwk(self) -> Jwk:
        """Return the public half, as it is in the key set (RFC 7517)."""
        return ECKey.import_key(self.private_key.public_key()).as_dict(kid=self.kid, use="sig", alg=ALGORITHM)


class SigningKeys:
    """The keys of one server, cached for half a minute. One per process."""

    def __init__(self, db: Database, sealer: Sealer, now: Clock) -> None:
        self._db = db
        self._sealer = sealer
        self._now = now
        self._keys: list[SigningKey] = []
        self._loaded_at: datetime | None = None

    async def get_signing_key(self) -> SigningKey:
        """Return the key to sign with now. Makes the first key, and a successor if the newest key is old."""
        await self._reload_if_stale()
        newest = self._keys[-1] if self._keys else None
        if newest is None or newest.activates_at + MAX_AGE <= self._now():
            await self._add_key(must_be_due=True)
        now = self._now()
        active = [key for key in self._keys if key.activates_at <= now]
        # No key is active if the first one was made a moment ago on a host whose clock is ahead.
        return (active or self._keys[:1])[-1]

    async def find_verifying_key(self, kid: str) -> SigningKey | None:
        """Return the key with this id; None if there is none.

        Another process may have made an unknown key, so SQL is read for it, but only if the cache is old.
        """
        key = self._find_cached_key(kid)
        if key is None:
            await self._reload_if_stale()
            key = self._find_cached_key(kid)
        return key

    def _find_cached_key(self, kid: str) -> SigningKey | None:
        now = self._now()
        matches = (key for key in self._keys if key.kid == kid and (key.retires_at is None or key.retires_at > now))
        return next(matches, None)

    async def get_key_set(self) -> dict[str, list[Jwk]]:
        """Return the public keys (RFC 7517, section 5)."""
        await self.get_signing_key()
        return {"keys": [key.to_public_jwk() for key in self._keys]}

    async def rotate(self) -> str:
        """Make a successor now, whatever the age of the newest key, and return its id. It signs after an hour."""
        return await self._add_key(must_be_due=False)

    async def _reload_if_stale(self) -> None:
        now = self._now()
        if self._loaded_at is None or now - self._loaded_at >= RELOAD_INTERVAL:
            async with self._db.read() as connection:
                await self._load_keys(connection, now)

    async def _load_keys(self, connection: AsyncConnection, now: datetime) -> None:
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

    async def _add_key(self, *, must_be_due: bool) -> str:
        """Make a key, and return the newest key's id. Whether a key is due is looked up in the same transaction."""
        now = self._now()
        async with self._db.write() as connection:
            # Servers that start at the same moment must agree on the first key: it signs at once.
            await hold_signing_keys(connection)
            await self._load_keys(connection, now)
            newest = self._keys[-1] if self._keys else None
            if newest is None or not must_be_due or newest.activates_at + MAX_AGE <= now:
                # There must always be a key to sign with, so the first one is not published ahead.
                activates_at = now if newest is None else now + PUBLISH_AHEAD
                row = self._make_row(activates_at, now)
                await insert_signing_key(connection, row)
                await retire_signing_keys(connection, row.kid, activates_at + LONGEST_TOKEN)
                await self._load_keys(connection, now)
        return self._keys[-1].kid

    def _make_row(self, activates_at: datetime, now: datetime) -> SigningKeyRow:
        key = generate_private_key(SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        kid = ECKey.import_key(key.public_key()).thumbprint()  # RFC 7638
        return SigningKeyRow(kid, self._sealer.seal(pem), now, activates_at, None)
