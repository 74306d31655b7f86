"""Rows of the events that a webhook gets. The caller owns the transaction, which is that of the event's cause."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock
from server.ids import new_id
from server.store.db import insert_into
from server.store.tables.webhooks import webhook_events

EventType = Literal["account.created", "plan.changed", "quota.reached", "usage.daily", "audit.entries", "webhook.test"]
State = Literal["waiting", "delivered", "failed"]
LONGEST_PROBLEM = 200


@dataclass(frozen=True, slots=True)
class Event:
    """One event and the state of its delivery. `payload` is the body as it is sent."""

    id: str
    type: str
    payload: str
    state: State
    attempts: int
    created_at: datetime
    due_at: datetime
    finished_at: datetime | None
    problem: str | None


class Outbox:
    """Takes the events that a webhook gets. There is one only if a webhook is set; otherwise nobody writes events.

    Args:
        now: the clock.
    """

    def __init__(self, now: Clock) -> None:
        self._now = now

    @property
    def today(self) -> str:
        """The present day in UTC, in ISO 8601."""
        return self._now().date().isoformat()

    async def put(
        self, connection: AsyncConnection, event_type: EventType, data: Mapping[str, Any], *, once: str | None = None
    ) -> None:
        """Add an event. It is sent if the transaction is committed, and never if it is not.

        Of the events with the same `once` only the first is added.
        """
        now = self._now()
        payload = {"type": event_type, "timestamp": now.isoformat(), "data": data}
        statement = insert_into(connection, webhook_events).values(
            id=new_id(now),
            type=event_type,
            payload=json.dumps(payload, ensure_ascii=False, separators=(",", ":")),
            once=once,
            state="waiting",
            attempts=0,
            created_at=now,
            due_at=now,
        )
        await connection.execute(statement.on_conflict_do_nothing(index_elements=["once"]))


_EVENT = sa.select(
    webhook_events.c.id,
    webhook_events.c.type,
    webhook_events.c.payload,
    webhook_events.c.state,
    webhook_events.c.attempts,
    webhook_events.c.created_at,
    webhook_events.c.due_at,
    webhook_events.c.finished_at,
    webhook_events.c.problem,
)


async def list_due_events(connection: AsyncConnection, now: datetime, limit: int) -> Sequence[Event]:
    """Return the events whose next attempt is due, the longest due first."""
    query = _EVENT.where(webhook_events.c.state == "waiting", webhook_events.c.due_at <= now)
    rows = await connection.execute(query.order_by(webhook_events.c.due_at, webhook_events.c.id).limit(limit))
    return [Event(*row) for row in rows]


async def claim_event(connection: AsyncConnection, event: Event, until: datetime) -> bool:
    """Claim the next attempt of an event until a time. Return False if another process has claimed it.

    After that time another process may make the attempt: the one that claimed it has died.
    """
    claim = (
        sa.update(webhook_events)
        .where(
            webhook_events.c.id == event.id,
            webhook_events.c.state == "waiting",
            webhook_events.c.attempts == event.attempts,
            webhook_events.c.due_at == event.due_at,
        )
        .values(attempts=event.attempts + 1, due_at=until)
    )
    return (await connection.execute(claim.returning(webhook_events.c.id))).scalar_one_or_none() is not None


async def note_attempt(
    connection: AsyncConnection,
    event_id: str,
    attempt: int,
    *,
    state: State,
    now: datetime,
    due_at: datetime | None = None,
    problem: str | None = None,
) -> None:
    """Note how an attempt ended, unless a later attempt has begun since."""
    values: dict[str, Any] = {"state": state, "problem": problem and problem[:LONGEST_PROBLEM]}
    values |= {"finished_at": now} if state != "waiting" else {"due_at": due_at}
    same = (webhook_events.c.id == event_id, webhook_events.c.attempts == attempt, webhook_events.c.state == "waiting")
    await connection.execute(sa.update(webhook_events).where(*same).values(**values))


async def list_events(connection: AsyncConnection, state: State | None, limit: int) -> Sequence[Event]:
    """Return the events of a state, or of every state, the newest first."""
    query = _EVENT if state is None else _EVENT.where(webhook_events.c.state == state)
    return [Event(*row) for row in await connection.execute(query.order_by(webhook_events.c.id.desc()).limit(limit))]


async def count_events(connection: AsyncConnection) -> dict[State, int]:
    """Return the number of events of each state."""
    query = sa.select(webhook_events.c.state, sa.func.count().label("number")).group_by(webhook_events.c.state)
    counts: dict[State, int] = {"waiting": 0, "delivered": 0, "failed": 0}
    return counts | {row.state: row.number for row in await connection.execute(query)}


async def retry_events(connection: AsyncConnection, ids: Collection[str] | None, now: datetime) -> set[str]:
    """Have failed events sent again, all of them if `ids` is None, and those that wait at once. Return their ids."""
    chosen = webhook_events.c.state == "failed"
    if ids is not None:
        chosen = sa.and_(webhook_events.c.state != "delivered", webhook_events.c.id.in_(ids))
    retried = sa.update(webhook_events).where(chosen).values(state="waiting", attempts=0, due_at=now, finished_at=None)
    return set((await connection.execute(retried.returning(webhook_events.c.id))).scalars())


async def delete_old_events(connection: AsyncConnection, before: datetime) -> None:
    """Delete the events that happened before a time, delivered or not."""
    await connection.execute(sa.delete(webhook_events).where(webhook_events.c.created_at < before))
