"""Who is asking: the one answer that the guard gives and every operation asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

READ = "memory:read"
WRITE = "memory:write"
ADMIN = "admin"

#: What OAuth may grant; `admin` comes from the command line and the console only.
GRANTABLE = (READ, WRITE)

#: Each scope, and what holding it means.
IMPLIED: dict[str, frozenset[str]] = {
    READ: frozenset({READ}),
    WRITE: frozenset({READ, WRITE}),
    ADMIN: frozenset({READ, WRITE, ADMIN}),
}


def expand(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes with all that they imply; unknown ones give nothing."""
    return frozenset[str]().union(*(IMPLIED.get(scope, frozenset[str]()) for scope in scopes))


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller, and what it may touch. Immutable; `scopes` are already expanded.

    `credential_id` is the key's or the grant's id: revoking it ends this principal. `grant_id` is set where
    the credential hangs on an OAuth grant. `workspace_id` binds the credential to one workspace.
    """

    user_id: str
    account_id: str
    scopes: frozenset[str]
    via: Literal["api_key", "oauth"]
    credential_id: str
    client_id: str | None = None
    grant_id: str | None = None
    workspace_id: str | None = None
    expires_at: datetime | None = None
    audience: str | None = None
