"""Rows of events. The caller owns the transaction, and has cleaned what it stores."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.memory.forgetting import describe_origin
from server.store.db import insert_into
from server.store.tables.capture import events

#: The keys that one statement looks up.
_LOOKED_UP = 500
#: The rows that one statement inserts: to bind more of them keeps the event loop from others for milliseconds.
_INSERTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that an agent reported. `payload` is JSON; it is None once it is erased."""

    id: str
    workspace_id: str
    session_id: str | None
    event_key: str
    source: str
    type: str
    platform: str | None
    payload: Any
    user_id: UserId
    credential_id: str
    occurred_at: datetime
    received_at: datetime


_FIELDS = tuple(Event.__dataclass_fields__)
_COLUMNS = [events.c[name] for name in _FIELDS]
_EVENT = sa.select(*_COLUMNS)


def _from_row(row: Any) -> Event:
    return Event(**dict(zip(_FIELDS, row, strict=True)))


async def insert_events(connection: AsyncConnection, new: Sequence[Event]) -> dict[str, Event]:
    """Store the events that are not stored yet. Return all of them as they are stored, by their keys.

    Of events with one key the first is kept, and it is returned for the others.
    """
    by_key: dict[str, Event] = {}
    for each in new:
        by_key.setdefault(each.event_key, each)
    rows = [{name: getattr(each, name) for name in _FIELDS} for each in by_key.values()]
    statement = insert_into(connection, events).on_conflict_do_nothing(index_elements=["event_key"])
    statement = statement.returning(events.c.event_key)
    inserted = set[str]()
    for start in range(0, len(rows), _INSERTED):
        inserted |= set((await connection.execute(statement, rows[start : start + _INSERTED])).scalars())
    repeated = [key for key in by_key if key not in inserted]
    for start in range(0, len(repeated), _LOOKED_UP):
        query = _EVENT.where(events.c.event_key.in_(repeated[start : start + _LOOKED_UP]))
        by_key |= {event.event_key: event for event in map(_from_row, await connection.execute(query))}
    return by_key


async def get_event(connection: AsyncConnection, event_id: str) -> Event | None:
    """Return the event with this id; None if there is none."""
    row = (await connection.execute(_EVENT.where(events.c.id == event_id))).one_or_none()
    return None if row is None else _from_row(row)


async def list_events(connection: AsyncConnection, event_ids: Collection[str]) -> dict[str, Event]:
    """Return the events with these ids that are there, by their ids."""
    rows = await connection.execute(_EVENT.where(events.c.id.in_(event_ids)))
    return {event.id: event for event in map(_from_row, rows)}


async def list_events_before(connection: AsyncConnection, session_id: str, first: Event, limit: int) -> list[Event]:
    """Return the last events of a session before one of them, the oldest first."""
    query = _EVENT.where(
        events.c.session_id == session_id,
        sa.tuple_(events.c.occurred_at, events.c.id)
        < sa.tuple_(sa.literal(first.occurred_at, events.c.occurred_at.type), sa.literal(first.id)),
        events.c.erased_at.is_(None),
    )
    query = query.order_by(events.c.occurred_at.desc(), events.c.id.desc()).limit(limit)
    return [_from_row(row) for row in reversed((await connection.execute(query)).all())]


async def list_last_events(connection: AsyncConnection, session_id: str, limit: int) -> list[Event]:
    """Return the last events of a session, the oldest first."""
    query = _EVENT.where(events.c.session_id == session_id, events.c.erased_at.is_(None))
    query = query.order_by(events.c.occurred_at.desc(), events.c.id.desc()).limit(limit)
    return [_from_row(row) for row in reversed((await connection.execute(query)).all())]


async def erase_events(connection: AsyncConnection, event_ids: Collection[str], now: datetime) -> list[str]:
    """Overwrite what was reported in these events. The rows stay: they say that there was one, when, and by whom.

    Return the origins of what was overwritten.
    """
    origins = await list_origins(connection, events.c.id.in_(event_ids))
    for event_id in event_ids:
        # The key is a hash of the text, so it goes as well.
        erased = sa.update(events).where(events.c.id == event_id, events.c.erased_at.is_(None))
        await connection.execute(erased.values(payload=sa.null(), event_key=event_id, erased_at=now))
    return origins


async def list_origins(connection: AsyncConnection, chosen: sa.ColumnElement[bool]) -> list[str]:
    """Return what makes each of the chosen events the same one if it is sent again."""
    query = sa.select(events.c.source, events.c.type, events.c.payload).where(chosen, events.c.erased_at.is_(None))
    return [describe_origin(*row) for row in await connection.execute(query)]
