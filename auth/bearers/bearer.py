"""The way from a bearer to its principal, for API keys and for tokens: our own, or those of issuers.

A verified principal is cached under the bearer's SHA-256 until it expires, is evicted, or the epoch is raised.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime

from auth.bearers.api_keys import looks_like_api_key, verify_api_key
from auth.principal import Principal
from server.clock import Clock
from server.store.db import Database
from server.store.epoch import Epoch
from server.store.forgetting_cache import ForgettingCache

MAX_CACHED = 10_000

#: Verifies a token: its signature, its claims, and that its grant or its user has not ended.
VerifyToken = Callable[[str], Awaitable[Principal | None]]


class Authenticator:
    """Finds the principal of a bearer. One per process."""

    def __init__(self, db: Database, now: Clock, epoch: Epoch, verify_token: VerifyToken) -> None:
        self._db = db
        self._now = now
        self._epoch = epoch
        self._verify_token = verify_token
        self._principals: ForgettingCache[bytes, Principal] = ForgettingCache(MAX_CACHED)
        self._last_uses: dict[str, datetime] = {}
        epoch.on_change(self._principals.forget)

    @property
    def cache_hits(self) -> int:
        """How many bearers were found in the cache."""
        return self._principals.hits

    @property
    def cache_misses(self) -> int:
        """How many bearers were looked up because the cache did not have them."""
        return self._principals.misses

    async def authenticate(self, bearer: str) -> Principal | None:
        """Return the principal of a bearer; None if the bearer is not valid now.

        Raises:
            Failure: `unauthorized`, a token is not valid and says why; `unavailable`, it cannot be checked now.
        """
        await self._epoch.check()
        now = self._now()
        bearer_hash = hashlib.sha256(bearer.encode()).digest()
        principal = self._principals.get(bearer_hash)
        if principal is None or (principal.verified_until is not None and principal.verified_until <= now):
            asked_at = self._principals.now()
            principal = await self._verify(bearer, now)
            if principal is None:
                return None
            self._principals.remember(bearer_hash, principal, asked_at)
        if principal.expires_at is not None and principal.expires_at <= now:
            self._principals.remove(bearer_hash)
            return None
        if principal.via == "api_key":
            self._last_uses[principal.credential_id] = now
        return principal

    async def _verify(self, bearer: str, now: datetime) -> Principal | None:
        if looks_like_api_key(bearer):
            return await verify_api_key(self._db, bearer, now)
        return await self._verify_token(bearer)

    def evict(self, ended_id: str) -> None:
        """Drop the cached principals of a key, a grant, a chain, a workspace or a user that has ended, by its id."""
        self._principals.forget_if(
            lambda each: ended_id in {each.credential_id, each.grant_id, each.chain_id, each.workspace_id, each.user_id}
        )

    def take_last_uses(self) -> dict[str, datetime]:
        """Return the time of each API key's last use since the last call, by the key's id."""
        last_uses, self._last_uses = self._last_uses, {}
        return last_uses
