"""Rows of the keys that access tokens are signed with. They are encrypted before they come here."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables.oauth import signing_keys


@dataclass(frozen=True, slots=True)
class SigningKeyRow:
    """A key: it signs from `activates_at` on, and nothing it signed is valid after `retires_at`."""

    kid: str
    private_key: str
    created_at: datetime
    activates_at: datetime
    retires_at: datetime | None


async def list_signing_keys(connection: AsyncConnection, now: datetime) -> list[SigningKeyRow]:
    """Return the keys that have not retired, in the order in which they sign."""
    query = (
        sa.select(
            signing_keys.c.kid,
            signing_keys.c.private_key,
            signing_keys.c.created_at,
            signing_keys.c.activates_at,
            signing_keys.c.retires_at,
        )
        .where(sa.or_(signing_keys.c.retires_at.is_(None), signing_keys.c.retires_at > now))
        .order_by(signing_keys.c.activates_at, signing_keys.c.kid)
    )
    return [SigningKeyRow(*row) for row in await connection.execute(query)]


async def hold_signing_keys(connection: AsyncConnection) -> None:
    """Keep other transactions from making keys until this one ends. On SQLite there is one writer anyway."""
    if connection.dialect.name != "sqlite":
        await connection.execute(sa.text("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE"))


async def insert_signing_key(connection: AsyncConnection, row: SigningKeyRow) -> None:
    """Store a new key."""
    await connection.execute(
        sa.insert(signing_keys).values(
            kid=row.kid,
            private_key=row.private_key,
            created_at=row.created_at,
            activates_at=row.activates_at,
            retires_at=row.retires_at,
        )
    )


async def retire_signing_keys(connection: AsyncConnection, successor: str, at: datetime) -> None:
    """Set the end of the keys before `successor`, for those that have none yet."""
    query = (
        sa.update(signing_keys)
        .where(signing_keys.c.kid != successor, signing_keys.c.retires_at.is_(None))
        .values(retires_at=at)
    )
    await connection.execute(query)
