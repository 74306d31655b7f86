"""Puts the authorization server together, for the composition root. Nothing here does I/O."""

from collections.abc import Callable

from auth.accounts.passwords import Passwords
from auth.acts import Acts
from auth.clients.documents import ClientDocuments, Resolver, resolve_host
from auth.grants.table import GRANTS
from auth.issuers.assertions import Assertions
from auth.issuers.external_tokens import ExternalTokens
from auth.resources import list_resources
from auth.server import AuthorizationServer, AuthSettings
from auth.tokens.access_tokens import AccessTokens
from auth.tokens.sealing import Sealer
from auth.tokens.signing import SigningKeys
from auth.upstream.upstream import Upstream
from server.clock import Clock
from server.store.audit.log import AuditLog
from server.store.db import Database
from server.store.record.works.outbox import Outbox


def build_access_tokens(settings: AuthSettings, db: Database, now: Clock) -> AccessTokens:
    """Return the access tokens of this server. The guard verifies with them, so they are built before the server."""
    return AccessTokens(
        db=db,
        keys=SigningKeys(db, Sealer(settings.secret_key), now),
        issuer=settings.public_url,
        audiences=list_resources(settings.public_url),
        lifetime=settings.access_token_lifetime,
        now=now,
    )


def build_authorization_server(
    settings: AuthSettings,
    db: Database,
    now: Clock,
    *,
    tokens: AccessTokens,
    on_revoked: Callable[[str], None],
    passwords: Passwords,
    external: ExternalTokens | None = None,
    outbox: Outbox | None = None,
    audit: AuditLog | None = None,
    assertions: Assertions | None = None,
    upstream: Upstream | None = None,
    resolver: Resolver = resolve_host,
) -> AuthorizationServer:
    """Return the authorization server.

    Args:
        settings: its settings.
        db: the record.
        now: the clock.
        tokens: the access tokens, from `build_access_tokens`.
        on_revoked: called with the id of each grant that was revoked.
        passwords: hashes and verifies passwords.
        external: the tokens of issuers, if they take the place of the server's own.
        outbox: gets the events of new accounts; None if nobody wants events.
        audit: gets what people and apps do here; None if nobody wants it.
        assertions: verifies identity assertions; None if no provider of them is trusted.
        upstream: logs people in at providers; None if people log in with a password alone.
        resolver: returns the addresses of a host, for client metadata documents.
    """
    return AuthorizationServer(
        settings=settings,
        db=db,
        now=now,
        on_revoked=on_revoked,
        sealer=Sealer(settings.secret_key),
        passwords=passwords,
        keys=tokens.keys,
        tokens=tokens,
        outbox=outbox,
        acts=Acts(audit),
        assertions=assertions,
        upstream=upstream,
        documents=ClientDocuments(
            db=db,
            now=now,
            grant_types=tuple(GRANTS),
            allows_local=settings.allows_local_documents,
            resolver=resolver,
            ca_file=settings.ca_file,
        ),
        external=external,
    )
