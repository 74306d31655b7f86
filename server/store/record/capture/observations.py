"""Rows of observations: the memories that were made of events, and these events. The caller owns the transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables.capture import observation_sources, observations
from server.store.tables.memories import memories


@dataclass(frozen=True, slots=True)
class Observed:
    """The origin of one memory that was made of events."""

    memory_id: str
    observation_key: str
    session_id: str | None
    job_id: str
    event_ids: tuple[str, ...]


async def find_known_keys(connection: AsyncConnection, workspace_id: str, keys: Collection[str]) -> set[str]:
    """Return those of the keys whose observations were made already, those that were deleted since as well."""
    query = sa.select(observations.c.observation_key).where(
        observations.c.workspace_id == workspace_id, observations.c.observation_key.in_(keys)
    )
    return set((await connection.execute(query)).scalars())


async def insert_observations(
    connection: AsyncConnection, workspace_id: str, new: Sequence[Observed], now: datetime
) -> None:
    """Note the origins of memories."""
    rows = [
        {
            "memory_id": each.memory_id,
            "workspace_id": workspace_id,
            "observation_key": each.observation_key,
            "session_id": each.session_id,
            "job_id": each.job_id,
            "created_at": now,
        }
        for each in new
    ]
    await connection.execute(sa.insert(observations), rows)
    sources = [{"memory_id": each.memory_id, "event_id": event} for each in new for event in set(each.event_ids)]
    if sources:
        await connection.execute(sa.insert(observation_sources), sources)


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an observation."""

    memory_id: str
    observation_key: str
    job_id: str
    created_at: datetime


async def list_observed(connection: AsyncConnection, workspace_id: str, event_id: str) -> list[Origin]:
    """Return the origins of the memories that were made of an event and are not deleted, the oldest first."""
    query = (
        sa.select(
            observations.c.memory_id, observations.c.observation_key, observations.c.job_id, observations.c.created_at
        )
        .join(observation_sources, observation_sources.c.memory_id == observations.c.memory_id)
        .join(memories, memories.c.id == observations.c.memory_id)
        .where(
            observation_sources.c.event_id == event_id,
            observations.c.workspace_id == workspace_id,
            memories.c.deleted_at.is_(None),
        )
        .order_by(memories.c.position)
    )
    return [Origin(*row) for row in await connection.execute(query)]
