"""The built-in authorization server: its collaborators, built once by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request

from auth.addresses import client_address
from auth.clients.documents import ClientDocuments, Resolver, resolve
from auth.passwords import Passwords
from auth.resources import resources
from auth.signup_links import make_setup_link
from auth.tokens.access_tokens import AccessTokens
from auth.tokens.sealing import Sealer, secret_key
from auth.tokens.signing import SigningKeys
from server.config import Settings
from server.store.db import Database


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """What the endpoints and pages work with. They find it in `request.state.auth`.

    `on_revoked` is called with a grant's id after it was revoked, so that nobody who remembers it goes on.
    """

    settings: Settings
    db: Database
    now: Callable[[], datetime]
    on_revoked: Callable[[str], None]
    sealer: Sealer
    passwords: Passwords
    keys: SigningKeys
    tokens: AccessTokens
    documents: ClientDocuments

    @property
    def issuer(self) -> str:
        """The issuer, to the byte what the metadata says (RFC 8414)."""
        return self.settings.public_url

    async def start(self) -> str | None:
        """Make ready to sign. The setup link to print, as long as there is no admin; each start makes a new one."""
        await self.keys.signing()
        return await make_setup_link(self.db, self.issuer, self.now())


def build(
    settings: Settings,
    db: Database,
    now: Callable[[], datetime],
    on_revoked: Callable[[str], None],
    *,
    passwords: Passwords | None = None,
    resolver: Resolver = resolve,
) -> AuthorizationServer:
    """Put the authorization server together; does no I/O but for the secret key's file."""
    sealer = Sealer(secret_key(settings))
    keys = SigningKeys(db, sealer, now)
    return AuthorizationServer(
        settings=settings,
        db=db,
        now=now,
        on_revoked=on_revoked,
        sealer=sealer,
        passwords=passwords or Passwords(),
        keys=keys,
        tokens=AccessTokens(
            db=db,
            keys=keys,
            issuer=settings.public_url,
            audiences=resources(settings.public_url),
            lifetime=timedelta(minutes=settings.access_token_minutes),
            now=now,
        ),
        documents=ClientDocuments(db=db, now=now, allow_local=settings.oauth_local_documents, resolver=resolver),
    )


def server_of(request: Request) -> AuthorizationServer:
    """The authorization server of a request."""
    return request.state.auth


def address_of(request: Request) -> str:
    """The address that a request counts for."""
    return client_address(request, server_of(request).settings.trusted_proxies)
