"""Rows of browser sessions. Only the SHA-256 of a session's id is kept."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.record.people.accounts import User, get_user
from server.store.tables.accounts import users
from server.store.tables.oauth import browser_sessions

_MOST_USER_AGENT = 300


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser in which somebody is logged in.

    Attributes:
        id_hash: the SHA-256 of its id, which lets nobody in.
        user_id: the person.
        created_at: when they logged in.
        last_used_at: when it was used last, to some minutes; None if that is not known.
        address: the address that it was used from last; None if that is not known.
        user_agent: the browser, as it describes itself; None if that is not known.
    """

    id_hash: str
    user_id: UserId
    created_at: datetime
    last_used_at: datetime | None
    address: str | None
    user_agent: str | None


_SESSION = sa.select(
    browser_sessions.c.id_hash,
    browser_sessions.c.user_id,
    browser_sessions.c.created_at,
    browser_sessions.c.last_used_at,
    browser_sessions.c.address,
    browser_sessions.c.user_agent,
)


async def insert_session(
    connection: AsyncConnection,
    *,
    id_hash: str,
    user_id: UserId,
    now: datetime,
    expires_at: datetime,
    address: str | None = None,
    user_agent: str | None = None,
) -> None:
    """Store a new browser session, and that its user has logged in now."""
    await connection.execute(
        sa.insert(browser_sessions).values(
            id_hash=id_hash,
            user_id=user_id,
            created_at=now,
            expires_at=expires_at,
            last_used_at=now,
            address=address,
            user_agent=None if user_agent is None else user_agent[:_MOST_USER_AGENT],
        )
    )
    await connection.execute(sa.update(users).where(users.c.id == user_id).values(last_login_at=now))


async def find_session(connection: AsyncConnection, id_hash: str, now: datetime) -> tuple[BrowserSession, User] | None:
    """Return a session and its user. None if it has expired, there is no such session, or the user is disabled."""
    query = _SESSION.where(browser_sessions.c.id_hash == id_hash, browser_sessions.c.expires_at > now)
    row = (await connection.execute(query)).one_or_none()
    user = None if row is None else await get_user(connection, row.user_id)
    return None if row is None or user is None or user.disabled_at is not None else (BrowserSession(*row), user)


async def list_sessions(connection: AsyncConnection, user_id: UserId, now: datetime) -> list[BrowserSession]:
    """Return the sessions of a user that have not expired, the newest login first."""
    mine = _SESSION.where(browser_sessions.c.user_id == user_id, browser_sessions.c.expires_at > now)
    ordered = mine.order_by(browser_sessions.c.created_at.desc(), browser_sessions.c.id_hash)
    return [BrowserSession(*row) for row in await connection.execute(ordered)]


async def note_use(connection: AsyncConnection, id_hash: str, address: str, now: datetime) -> None:
    """Note that a session is used now, from an address."""
    used = sa.update(browser_sessions).where(browser_sessions.c.id_hash == id_hash)
    await connection.execute(used.values(last_used_at=now, address=address))


async def delete_user_sessions(connection: AsyncConnection, user_id: UserId, *, but: str | None = None) -> None:
    """End every browser session of a user; `but` is the hash of one that stays."""
    mine = sa.delete(browser_sessions).where(browser_sessions.c.user_id == user_id)
    await connection.execute(mine if but is None else mine.where(browser_sessions.c.id_hash != but))


async def delete_own_session(connection: AsyncConnection, user_id: UserId, id_hash: str) -> bool:
    """End a browser session of a user. Return False if they have no such session."""
    mine = (browser_sessions.c.user_id == user_id, browser_sessions.c.id_hash == id_hash)
    return (await connection.execute(sa.delete(browser_sessions).where(*mine))).rowcount == 1


async def delete_session(connection: AsyncConnection, id_hash: str) -> None:
    """End a browser session."""
    await connection.execute(sa.delete(browser_sessions).where(browser_sessions.c.id_hash == id_hash))
