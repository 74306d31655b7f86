"""Erasing what agents reported, with the memories that were made of it. The caller owns the transaction."""

import json
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.repetition import find_telling_parts
from server.store.record.capture.events import erase_events, list_origins
from server.store.record.capture.told_texts import erase_told_text
from server.store.record.recall.repetitions import contains_text
from server.store.tables.capture import events, jobs, observation_sources, observations, project_places, sessions


async def erase_reports_of(
    connection: AsyncConnection, memory_id: str, content: str, now: datetime
) -> tuple[list[str], list[str]]:
    """Overwrite the events that a memory was made of, and those of their sessions that say the same.

    Return their ids and their origins.

    The metadata of the sessions go, too, and the notes of who was told the memory.
    """
    await erase_told_text(connection, memory_id)
    made_of = sa.select(observation_sources.c.event_id).where(observation_sources.c.memory_id == memory_id)
    ids = set((await connection.execute(made_of)).scalars())
    if not ids:
        return [], []
    session_query = (
        sa.select(events.c.session_id).where(events.c.id.in_(ids), events.c.session_id.is_not(None)).distinct()
    )
    session_ids = list((await connection.execute(session_query)).scalars())
    if session_ids:
        ids |= await _find_repeating(connection, session_ids, content)
        await connection.execute(sa.update(sessions).where(sessions.c.id.in_(session_ids)).values(metadata={}))
    origins = await erase_events(connection, sorted(ids), now)
    return sorted(ids), origins


async def _find_repeating(connection: AsyncConnection, session_ids: list[str], content: str) -> set[str]:
    """Return the ids of the events of these sessions that repeat a text or a long sentence of it."""
    is_sqlite = connection.dialect.name == "sqlite"
    payload = sa.cast(events.c.payload, sa.Text)
    parts = (json.dumps(each, ensure_ascii=False)[1:-1] for each in find_telling_parts(content))
    repeats = [contains_text(payload, each, is_sqlite=is_sqlite) for each in parts]
    if not repeats:
        return set()
    query = sa.select(events.c.id).where(events.c.session_id.in_(session_ids), sa.or_(*repeats))
    return set((await connection.execute(query)).scalars())


async def delete_reports(connection: AsyncConnection, workspace_ids: sa.Select[str] | list[str]) -> dict[str, int]:
    """Delete all that agents reported in these workspaces; return the number of events, sessions and jobs.

    The memories that were made of it stay, but for their origins.
    """
    made = sa.select(observations.c.memory_id).where(observations.c.workspace_id.in_(workspace_ids))
    await connection.execute(sa.delete(observation_sources).where(observation_sources.c.memory_id.in_(made)))
    await connection.execute(sa.delete(observations).where(observations.c.workspace_id.in_(workspace_ids)))
    return {
        name: (await connection.execute(sa.delete(table).where(table.c.workspace_id.in_(workspace_ids)))).rowcount
        for name, table in (("jobs", jobs), ("events", events), ("sessions", sessions))
    }


async def delete_reports_in_project(
    connection: AsyncConnection, workspace_id: str, project: str
) -> tuple[dict[str, int], list[str]]:
    """Delete what agents reported in their sessions in a project of a workspace.

    Return the number of rows by table, without the events whose text was erased before, and the origins of the events.
    """
    own = sa.select(sessions.c.id).where(sessions.c.workspace_id == workspace_id, sessions.c.project == project)
    origins = await list_origins(connection, events.c.session_id.in_(own))
    counts = {"events": len(origins)}
    counts["jobs"] = (await connection.execute(sa.delete(jobs).where(jobs.c.session_id.in_(own)))).rowcount
    await connection.execute(sa.delete(events).where(events.c.session_id.in_(own)))
    counts["sessions"] = (await connection.execute(sa.delete(sessions).where(sessions.c.id.in_(own)))).rowcount
    return counts, origins


async def delete_places(connection: AsyncConnection, workspace_ids: sa.Select[str]) -> None:
    """Forget the places of these workspaces."""
    await connection.execute(sa.delete(project_places).where(project_places.c.workspace_id.in_(workspace_ids)))


async def delete_old_reports(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete at most `limit` of the events that were received before a time, with their jobs; return their number.

    Events whose jobs have not ended are kept until they have. Sessions that are as old go with their last event.
    """
    is_open = sa.exists().where(jobs.c.source_id == events.c.id, jobs.c.state.in_(("queued", "processing")))
    old = sa.select(events.c.id).where(events.c.received_at < before, ~is_open)
    ids = list((await connection.execute(old.order_by(events.c.received_at).limit(limit))).scalars())
    if ids:
        await connection.execute(sa.delete(jobs).where(jobs.c.source_id.in_(ids)))
        await connection.execute(sa.delete(events).where(events.c.id.in_(ids)))
    if len(ids) < limit:
        await _delete_empty_sessions(connection, before)
    return len(ids)


async def _delete_empty_sessions(connection: AsyncConnection, before: datetime) -> None:
    is_open = sa.exists().where(jobs.c.session_id == sessions.c.id, jobs.c.state.in_(("queued", "processing")))
    is_full = sa.exists().where(events.c.session_id == sessions.c.id)
    empty = sa.select(sessions.c.id).where(sessions.c.updated_at < before, ~is_open, ~is_full)
    await connection.execute(sa.delete(jobs).where(jobs.c.source_id.in_(empty)))
    await connection.execute(sa.delete(sessions).where(sessions.c.id.in_(empty)))
