"""Rows of authorization codes.

A code may be redeemed once, so one statement deletes its row and returns it: of two callers, one gets the row.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.tables.oauth import oauth_codes


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code: a person's consent, for the minute until the client redeems it."""

    code_hash: str
    user_id: UserId
    client_id: str
    client_name: str
    redirect_uri: str
    scopes: str
    resource: str
    code_challenge: str
    expires_at: datetime


async def insert_code(connection: AsyncConnection, code: Code) -> None:
    """Store a new code."""
    await connection.execute(
        sa.insert(oauth_codes).values(
            code_hash=code.code_hash,
            user_id=code.user_id,
            client_id=code.client_id,
            client_name=code.client_name,
            redirect_uri=code.redirect_uri,
            scopes=code.scopes,
            resource=code.resource,
            code_challenge=code.code_challenge,
            expires_at=code.expires_at,
        )
    )


async def take_code(connection: AsyncConnection, code_hash: str, client_id: str, now: datetime) -> Code | None:
    """Delete a client's code and return it. None if the client has no such code, or it has expired."""
    query = (
        sa.delete(oauth_codes)
        .where(
            oauth_codes.c.code_hash == code_hash, oauth_codes.c.client_id == client_id, oauth_codes.c.expires_at > now
        )
        .returning(*oauth_codes.c)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Code(*row)
