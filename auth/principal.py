"""The caller of a request: the guard finds it, and every operation checks it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from server.ids import UserId

READ = "memory:read"
WRITE = "memory:write"
ADMIN = "admin"

#: The scopes that OAuth may grant. `admin` comes from the command line and the console only.
GRANTABLE = (READ, WRITE)

#: For each scope, all the scopes that it includes.
IMPLIED: dict[str, frozenset[str]] = {
    READ: frozenset({READ}),
    WRITE: frozenset({READ, WRITE}),
    ADMIN: frozenset({READ, WRITE, ADMIN}),
}


def expand_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Return the scopes with all those that they include. An unknown scope includes nothing, not even itself."""
    return frozenset[str]().union(*(IMPLIED.get(scope, frozenset[str]()) for scope in scopes))


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller and its permissions. Immutable.

    Attributes:
        user_id: the user that the credential belongs to.
        account_id: the user's personal account.
        scopes: the scopes, with all that they include.
        via: the kind of credential.
        credential_id: the id of the API key, of the grant or of the external subject; its end ends this principal. In
            the console, the user's own.
        client_id: the OAuth client, for a token. It says nothing about the person: people share clients.
        grant_id: the OAuth grant that the credential depends on, if there is one.
        chain_id: the chain of that grant that an access token belongs to.
        workspace_id: the only workspace that the credential may touch; None for all of its user's.
        expires_at: the time at which the credential ends, if it does.
        verified_until: the time after which the credential is verified again; None if we are told of its end.
        audience: the resource that a token is for; None for an API key.
        requests_per_minute: the calls of a minute that this key may send; None: as many as the server allows.
    """

    user_id: UserId
    account_id: str
    scopes: frozenset[str]
    via: Literal["api_key", "oauth", "issuer", "browser"]
    credential_id: str
    client_id: str | None = None
    grant_id: str | None = None
    chain_id: str | None = None
    workspace_id: str | None = None
    expires_at: datetime | None = None
    verified_until: datetime | None = None
    audience: str | None = None
    requests_per_minute: int | None = None
