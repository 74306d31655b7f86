"""Rows of what agents were told in their sessions. The caller owns the transaction."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import Database, fetch_rows, insert_into
from server.store.tables.capture import sessions, told_texts


@dataclass(frozen=True, slots=True)
class SessionState:
    """The facts that are known of a session when one of its events comes in.

    `told_texts` has the fingerprint of each text that the agent was told, by the id of the memory, item or crystal.
    """

    id: str
    project: str | None
    place_key: str | None
    is_briefed: bool
    told_texts: dict[str, str] = field(default_factory=dict[str, str])


_STATE = (
    sa.select(
        sessions.c.id,
        sessions.c.project,
        sessions.c.place_key,
        sessions.c.briefed_at,
        told_texts.c.source_id,
        told_texts.c.fingerprint,
    )
    .outerjoin(told_texts, told_texts.c.session_id == sessions.c.id)
    .where(
        sessions.c.workspace_id == sa.bindparam("workspace"),
        sessions.c.session_key == sa.bindparam("key", type_=sa.String),
    )
)


async def find_session_state(
    source: AsyncConnection | Database, workspace_id: str, session_key: str
) -> SessionState | None:
    """Return the workspace's session with this key; None if there is none. With a `Database` it is a cached read."""
    rows = await fetch_rows(source, _STATE, {"workspace": workspace_id, "key": session_key})
    if not rows:
        return None
    first = rows[0]
    fingerprints = {row.source_id: row.fingerprint for row in rows if row.source_id is not None}
    return SessionState(first.id, first.project, first.place_key, first.briefed_at is not None, fingerprints)


async def put_told_texts(connection: AsyncConnection, session_id: str, texts: Mapping[str, str]) -> None:
    """Note that the agent was told these texts: their fingerprints, by the ids of the memories, items or crystals."""
    if not texts:
        return
    rows = [{"session_id": session_id, "source_id": key, "fingerprint": each} for key, each in texts.items()]
    statement = insert_into(connection, told_texts)
    changed = {"fingerprint": statement.excluded.fingerprint}
    statement = statement.on_conflict_do_update(index_elements=["session_id", "source_id"], set_=changed)
    await connection.execute(statement, rows)


async def forget_told_texts(connection: AsyncConnection, session_id: str) -> None:
    """Forget what the agent was told in a session, because it does not see that any more."""
    await connection.execute(sa.delete(told_texts).where(told_texts.c.session_id == session_id))


async def list_fingerprints(connection: AsyncConnection, session_ids: Collection[str]) -> dict[str, list[str]]:
    """Return the fingerprints of what the agents were told in each of these sessions in which they were told some."""
    query = sa.select(told_texts.c.session_id, told_texts.c.fingerprint).where(told_texts.c.session_id.in_(session_ids))
    found: dict[str, list[str]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.session_id, []).append(row.fingerprint)
    return found


async def erase_told_text(connection: AsyncConnection, source_id: str) -> None:
    """Forget that a text was told, in every session: its fingerprint says something of it."""
    await connection.execute(sa.delete(told_texts).where(told_texts.c.source_id == source_id))
