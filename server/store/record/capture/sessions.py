"""Rows of sessions. The caller owns the transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.tables.capture import sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One conversation of an agent."""

    id: str
    workspace_id: str
    session_key: str | None
    external_id: str | None
    content_id: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    platform: str | None
    metadata: dict[str, Any]
    user_id: str
    credential_id: str
    started_at: datetime
    ended_at: datetime | None = None
    observed_at: datetime | None = None
    updated_at: datetime
    project: str | None = None
    place_key: str | None = None
    briefed_at: datetime | None = None


_FIELDS = tuple(Session.__dataclass_fields__)
_SESSION = sa.select(*(sessions.c[name] for name in _FIELDS))


def _from_row(row: Any) -> Session:
    return Session(**dict(zip(_FIELDS, row, strict=True)))


async def insert_session(connection: AsyncConnection, new: Session) -> tuple[Session, bool]:
    """Store a session, and return it with True; if the workspace has one with its key, return that one with False."""
    values = {name: getattr(new, name) for name in _FIELDS}
    statement = insert_into(connection, sessions).values(**values)
    # An existing one is overwritten with its own key: so it is returned, and nobody can delete it in between.
    statement = statement.on_conflict_do_update(
        index_elements=["workspace_id", "session_key"], set_={"session_key": statement.excluded.session_key}
    ).returning(*(sessions.c[name] for name in _FIELDS))
    found = _from_row((await connection.execute(statement)).one())
    return found, found.id == new.id


async def update_session(connection: AsyncConnection, session_id: str, **values: Any) -> None:
    """Change columns of a session."""
    await connection.execute(sa.update(sessions).where(sessions.c.id == session_id).values(**values))


async def end_session(connection: AsyncConnection, session_id: str, now: datetime) -> None:
    """Note that a session has ended, unless that is noted already."""
    open_one = sa.update(sessions).where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
    await connection.execute(open_one.values(ended_at=now, updated_at=now))


async def note_observed(connection: AsyncConnection, session_ids: Collection[str], now: datetime) -> None:
    """Note that observations were made of these sessions."""
    if session_ids:
        await connection.execute(sa.update(sessions).where(sessions.c.id.in_(session_ids)).values(observed_at=now))


async def get_session(connection: AsyncConnection, session_id: str) -> Session | None:
    """Return the session with this id; None if there is none."""
    row = (await connection.execute(_SESSION.where(sessions.c.id == session_id))).one_or_none()
    return None if row is None else _from_row(row)


async def list_sessions(connection: AsyncConnection, session_ids: Collection[str]) -> dict[str, Session]:
    """Return the sessions with these ids."""
    rows = await connection.execute(_SESSION.where(sessions.c.id.in_(session_ids)))
    return {session.id: session for session in map(_from_row, rows)}


async def find_by_content(
    connection: AsyncConnection, workspace_id: str, content_id: str, platform: str | None, *, is_of_any_platform: bool
) -> str | None:
    """Return the id of the workspace's newest session with this transcript; None if there is none.

    It is one of the platform (None: of no platform), unless `is_of_any_platform` is true.
    """
    query = sa.select(sessions.c.id).where(sessions.c.workspace_id == workspace_id, sessions.c.content_id == content_id)
    if not is_of_any_platform:
        query = query.where(sessions.c.platform == platform if platform else sessions.c.platform.is_(None))
    query = query.order_by(sessions.c.started_at.desc(), sessions.c.id.desc()).limit(1)
    return (await connection.execute(query)).scalar_one_or_none()
