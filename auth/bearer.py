"""From a bearer to a principal, for every kind of bearer there is.

What was verified is remembered by the bearer's SHA-256 until it expires, is evicted, or the epoch is raised.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime

from auth.api_keys import is_key, recognise
from auth.principal import Principal
from server.store.db import Database
from server.store.epoch import Epoch

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
        self._known: OrderedDict[bytes, Principal] = OrderedDict()
        self._used: dict[str, datetime] = {}
        self._forgotten = 0
        epoch.on_change(self._forget)

    async def authenticate(self, bearer: str) -> Principal | None:
        """Whom the bearer stands for, or None."""
        await self._epoch.check()
        now = self._now()
        known_as = hashlib.sha256(bearer.encode()).digest()
        principal = self._known.get(known_as)
        if principal is None:
            asked_at = self._forgotten
            principal = await (recognise(self._db, bearer, now) if is_key(bearer) else self._verify(bearer))
            if principal is None:
                return None
            # What was read before something ended may be what ended.
            if asked_at == self._forgotten:
                self._remember(known_as, principal)
        if principal.expires_at is not None and principal.expires_at <= now:
            self._known.pop(known_as, None)
            return None
        if principal.via == "api_key":
            self._used[principal.credential_id] = now
        return principal

    def _remember(self, known_as: bytes, principal: Principal) -> None:
        self._known[known_as] = principal
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _forget(self) -> None:
        self._forgotten += 1
        self._known.clear()

    def evict(self, ended: str) -> None:
        """Forget a credential that was revoked, and what hangs on it; or on a workspace that was deleted."""
        self._forgotten += 1
        gone = [k for k, p in self._known.items() if ended in {p.credential_id, p.grant_id, p.workspace_id}]
        for known_as in gone:
            del self._known[known_as]

    def take_used(self) -> dict[str, datetime]:
        """When which key was last used, since the last call."""
        used, self._used = self._used, {}
        return used
