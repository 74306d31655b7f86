"""Rows that count attempts, such as logins and sign-ups, within a window of time."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.tables.oauth import auth_attempts


async def count_attempt(
    connection: AsyncConnection, key: str, window: timedelta, now: datetime
) -> tuple[int, datetime]:
    """Count one more attempt. Return the number of attempts in this window, and the end of the window.

    It is one statement, so that attempts at the same time are all counted.
    """
    over = auth_attempts.c.started_at <= now - window
    query = (
        insert_into(connection, auth_attempts)
        .values(key=key, count=1, started_at=now)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "count": sa.case((over, 1), else_=auth_attempts.c.count + 1),
                "started_at": sa.case((over, now), else_=auth_attempts.c.started_at),
            },
        )
        .returning(auth_attempts.c.count, auth_attempts.c.started_at)
    )
    count, started_at = (await connection.execute(query)).one()
    return count, started_at + window


async def uncount_attempt(connection: AsyncConnection, key: str) -> None:
    """Take one attempt back, because it was a legitimate one."""
    await connection.execute(
        sa.update(auth_attempts).where(auth_attempts.c.key == key).values(count=auth_attempts.c.count - 1)
    )
