"""From a bearer to a principal, for every kind of bearer there is.

What was verified is remembered by the bearer's SHA-256 until it expires, is evicted, or the epoch is raised.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime

from auth.api_keys import is_key, recognise
from auth.principal import Principal
from server.store.db import Database
from server.store.epoch import Epoch
from server.store.forgetting_cache import ForgettingCache

REMEMBERED = 10_000

#: Verifies an access token: its signature, its claims and that its grant still lives.
Verify = Callable[[str], Awaitable[Principal | None]]


class Authenticator:
    """Recognises bearers. One per process."""

    def __init__(self, db: Database, now: Callable[[], datetime], epoch: Epoch, verify: Verify) -> None:
        self._db = db
        self._now = now
        self._epoch = epoch
        self._verify = verify
        self._known: ForgettingCache[bytes, Principal] = ForgettingCache(REMEMBERED)
        self._used: dict[str, datetime] = {}
        epoch.on_change(self._known.forget)

    async def authenticate(self, bearer: str) -> Principal | None:
        """Whom the bearer stands for, or None."""
        await self._epoch.check()
        now = self._now()
        known_as = hashlib.sha256(bearer.encode()).digest()
        principal = self._known.get(known_as)
        if principal is None:
            asked_at = self._known.now()
            principal = await (recognise(self._db, bearer, now) if is_key(bearer) else self._verify(bearer))
            if principal is None:
                return None
            self._known.remember(known_as, principal, asked_at)
        if principal.expires_at is not None and principal.expires_at <= now:
            self._known.remove(known_as)
            return None
        if principal.via == "api_key":
            self._used[principal.credential_id] = now
        return principal

    def evict(self, ended: str) -> None:
        """Forget a credential that was revoked, and what hangs on it; or on a workspace that was deleted."""
        self._known.forget_if(lambda each: ended in {each.credential_id, each.grant_id, each.workspace_id})

    def take_used(self) -> dict[str, datetime]:
        """When which key was last used, since the last call."""
        used, self._used = self._used, {}
        return used
