"""Deleting rows of the authorization server: those that expired, and clients that nobody uses."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables.oauth import (
    auth_attempts,
    browser_sessions,
    oauth_chains,
    oauth_clients,
    oauth_codes,
    oauth_documents,
    oauth_grants,
    oauth_refresh_tokens,
    password_resets,
    signing_keys,
    signup_links,
    upstream_logins,
)

NEVER_AUTHORIZED = timedelta(hours=24)
UNUSED = timedelta(days=90)
#: How long a revoked grant is kept, so that a replay of its code or its tokens is still recognised.
REVOKED = timedelta(days=30)
#: As long as the longest window that is counted in.
ATTEMPTS = timedelta(days=1)


async def collect_garbage(connection: AsyncConnection, now: datetime) -> int:
    """Delete the rows that are of no use any more, and return the number of rows deleted."""
    granted = sa.exists().where(oauth_grants.c.client_id == oauth_clients.c.id)
    named = sa.exists().where(oauth_grants.c.client_id == oauth_documents.c.url)
    statements = [
        sa.delete(oauth_codes).where(oauth_codes.c.expires_at <= now),
        sa.delete(oauth_refresh_tokens).where(oauth_refresh_tokens.c.expires_at <= now),
        sa.delete(oauth_chains).where(oauth_chains.c.expires_at <= now),
        sa.delete(oauth_grants).where(
            sa.or_(oauth_grants.c.expires_at <= now, oauth_grants.c.revoked_at <= now - REVOKED)
        ),
        sa.delete(oauth_clients).where(
            ~granted,
            sa.or_(
                sa.and_(oauth_clients.c.last_used_at.is_(None), oauth_clients.c.created_at <= now - NEVER_AUTHORIZED),
                oauth_clients.c.last_used_at <= now - UNUSED,
            ),
        ),
        # A grant's client is read from its document at the token endpoint, however old the document is.
        sa.delete(oauth_documents).where(oauth_documents.c.expires_at <= now, ~named),
        sa.delete(signing_keys).where(signing_keys.c.retires_at <= now),
        sa.delete(browser_sessions).where(browser_sessions.c.expires_at <= now),
        sa.delete(password_resets).where(password_resets.c.expires_at <= now),
        sa.delete(upstream_logins).where(upstream_logins.c.expires_at <= now),
        sa.delete(signup_links).where(signup_links.c.expires_at <= now),
        sa.delete(auth_attempts).where(auth_attempts.c.started_at <= now - ATTEMPTS),
    ]
    return sum([(await connection.execute(statement)).rowcount for statement in statements])
