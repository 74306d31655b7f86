"""Rows of the links that let somebody make an account. Only the SHA-256 of a link is kept."""

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables.oauth import signup_links

SignupLinkKind = Literal["setup", "invite"]


async def insert_link(
    connection: AsyncConnection, *, link_hash: str, kind: SignupLinkKind, now: datetime, expires_at: datetime
) -> None:
    """Store a new link."""
    await connection.execute(
        sa.insert(signup_links).values(link_hash=link_hash, kind=kind, created_at=now, expires_at=expires_at)
    )


async def is_link_valid(connection: AsyncConnection, link_hash: str, kind: SignupLinkKind, now: datetime) -> bool:
    """Whether a link is valid now."""
    query = sa.select(signup_links.c.link_hash).where(
        signup_links.c.link_hash == link_hash, signup_links.c.kind == kind, signup_links.c.expires_at > now
    )
    return (await connection.execute(query)).one_or_none() is not None


async def take_link(connection: AsyncConnection, link_hash: str, kind: SignupLinkKind, now: datetime) -> bool:
    """Use a link up. Return False if it was used before, has expired, or never existed."""
    query = sa.delete(signup_links).where(
        signup_links.c.link_hash == link_hash, signup_links.c.kind == kind, signup_links.c.expires_at > now
    )
    return (await connection.execute(query)).rowcount == 1


async def delete_links(connection: AsyncConnection, kind: SignupLinkKind) -> None:
    """Delete every link of a kind."""
    await connection.execute(sa.delete(signup_links).where(signup_links.c.kind == kind))
