"""The audit of what people and apps do beside the operations: they log in, let an app in, get tokens, and are refused.

Whoever cannot be told is in the log alone: a name that nobody has, a bearer that was never given.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from starlette.requests import HTTPConnection

from auth.principal import Principal
from server.ids import UserId
from server.store.audit.acts import EFFECTS, Act
from server.store.audit.entry import OK, DoorName, Entry
from server.store.audit.log import AuditLog

#: How many refused acts of one person are noted in a minute. Anybody can be refused under a name, at any rate.
MOST_REFUSED = 60
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Holder:
    """A person as the audit names them, with a credential that may have ended. It allows nothing.

    Attributes:
        user_id: the person.
        account_id: the person's account.
        credential_id: the id of the key or of the grant.
        via: the kind of credential.
        client_id: the OAuth client, if there is one.
    """

    user_id: UserId
    account_id: str
    credential_id: str
    via: Literal["api_key", "oauth"] = "oauth"
    client_id: str | None = None


class Acts:
    """Notes acts in the audit of the person's account. One per process.

    Args:
        audit: the audit; None: nobody wants it.
    """

    def __init__(self, audit: AuditLog | None = None) -> None:
        self._audit = audit
        self._refused: Counter[str] = Counter()
        self._minute: datetime | None = None

    @property
    def wants_refusals(self) -> bool:
        """Whether bearers that are refused are noted."""
        return self._audit is not None and self._audit.wants(is_read=EFFECTS["use_bearer"] == "read")

    async def note(
        self,
        request: HTTPConnection,
        act: Act,
        who: Principal | Holder,
        *,
        outcome: str = OK,
        door: DoorName = "console",
    ) -> None:
        """Note what somebody did, or was refused. If it was done, it is on the disk when this returns.

        `outcome` is `ok`, or the code of the refusal.
        """
        audit, effect = self._audit, EFFECTS[act]
        if audit is None or not audit.wants(is_read=effect == "read"):
            return
        if outcome != OK and self._are_too_many(who.user_id, audit.now()):
            return
        entry = Entry(
            account_id=who.account_id,
            at=audit.now(),
            request_id=getattr(request.state, "request_id", ""),
            user_id=who.user_id,
            credential_id=who.credential_id,
            client_id=who.client_id,
            via=who.via,
            door=door,
            workspace_id=None,
            operation=act,
            effect=effect,
            outcome=outcome,
            count=1 if outcome == OK else None,
        )
        if outcome == OK:
            await audit.write(entry)
        else:
            audit.note(entry)

    def _are_too_many(self, user_id: str, now: datetime) -> bool:
        if self._minute is None or abs(now - self._minute) >= _MINUTE:
            self._minute = now
            self._refused.clear()
        self._refused[user_id] += 1
        return self._refused[user_id] > MOST_REFUSED
