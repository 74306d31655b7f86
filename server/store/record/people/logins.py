"""Browser sessions, the links that make accounts, and how often something was tried."""

from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.record.people.accounts import User, user_by_id
from server.store.tables.accounts import users
from server.store.tables.oauth import auth_attempts, browser_sessions, signup_links

LinkKind = Literal["setup", "invite"]


async def insert_session(
    connection: AsyncConnection, *, id_hash: str, user_id: str, now: datetime, expires_at: datetime
) -> None:
    """Keep a new browser session."""
    await connection.execute(
        sa.insert(browser_sessions).values(id_hash=id_hash, user_id=user_id, created_at=now, expires_at=expires_at)
    )


async def session_user(connection: AsyncConnection, id_hash: str, now: datetime) -> User | None:
    """Who is logged in with a session; None where it ended or its user is disabled."""
    query = sa.select(browser_sessions.c.user_id).where(
        browser_sessions.c.id_hash == id_hash, browser_sessions.c.expires_at > now
    )
    user_id = (await connection.execute(query)).scalar_one_or_none()
    user = None if user_id is None else await user_by_id(connection, user_id)
    return None if user is None or user.disabled_at is not None else user


async def delete_sessions_of(connection: AsyncConnection, user_id: str) -> None:
    """End every browser session of a user."""
    await connection.execute(sa.delete(browser_sessions).where(browser_sessions.c.user_id == user_id))


async def delete_session(connection: AsyncConnection, id_hash: str) -> None:
    """End a browser session."""
    await connection.execute(sa.delete(browser_sessions).where(browser_sessions.c.id_hash == id_hash))


async def admin_exists(connection: AsyncConnection) -> bool:
    """Whether anybody can administer this server, so that no setup link is needed."""
    query = sa.select(users.c.id).where(users.c.is_admin, users.c.disabled_at.is_(None)).limit(1)
    return (await connection.execute(query)).one_or_none() is not None


async def insert_link(
    connection: AsyncConnection, *, link_hash: str, kind: LinkKind, now: datetime, expires_at: datetime
) -> None:
    """Keep a new link."""
    await connection.execute(
        sa.insert(signup_links).values(link_hash=link_hash, kind=kind, created_at=now, expires_at=expires_at)
    )


async def link_holds(connection: AsyncConnection, link_hash: str, kind: LinkKind, now: datetime) -> bool:
    """Whether a link could be taken now."""
    query = sa.select(signup_links.c.link_hash).where(
        signup_links.c.link_hash == link_hash, signup_links.c.kind == kind, signup_links.c.expires_at > now
    )
    return (await connection.execute(query)).one_or_none() is not None


async def take_link(connection: AsyncConnection, link_hash: str, kind: LinkKind, now: datetime) -> bool:
    """Use a link up; False where it was used, expired or never made."""
    query = sa.delete(signup_links).where(
        signup_links.c.link_hash == link_hash, signup_links.c.kind == kind, signup_links.c.expires_at > now
    )
    return (await connection.execute(query)).rowcount == 1


async def delete_links(connection: AsyncConnection, kind: LinkKind) -> None:
    """End every link of a kind."""
    await connection.execute(sa.delete(signup_links).where(signup_links.c.kind == kind))


async def count_attempt(
    connection: AsyncConnection, key: str, window: timedelta, now: datetime
) -> tuple[int, datetime]:
    """Count one more try, in one statement; how many there were in this window, and when it ends."""
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


async def forget_attempts(connection: AsyncConnection, key: str) -> None:
    """Begin to count from nothing."""
    await connection.execute(sa.delete(auth_attempts).where(auth_attempts.c.key == key))


async def uncount_attempt(connection: AsyncConnection, key: str) -> None:
    """Take one try back: it was a good one."""
    await connection.execute(
        sa.update(auth_attempts).where(auth_attempts.c.key == key).values(count=auth_attempts.c.count - 1)
    )
