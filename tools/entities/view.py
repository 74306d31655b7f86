"""The view of an entity that all of its operations share, and finding the one that a call means."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.memory.models import Scope, Timestamp
from server.store.entities.reading import MOST_STEPS, catch_up
from server.store.record.entities import listing, rows
from server.store.record.entities.rows import Entity
from server.store.record.journal import journal_change
from server.store.record.memories import advance_revision
from tools.core.arguments import InWorkspace
from tools.core.call import Call, PlacedCall, ensure_workspace
from tools.core.fields import Id
from tools.core.services import Services


class EntityRef(InWorkspace):
    """The entity that a call is about."""

    id: Id = Field(description="The entity's id, or one of its names.")


class EntityView(BaseModel):
    """A person or thing that memories name."""

    id: str = Field(description="The entity's id.")
    name: str = Field(description="Its name.")
    type: str = Field(
        description="person, product, host, file, identifier, name (of anything), or a word that was given."
    )
    aliases: list[str] = Field(description="Its other names.")
    scope: Scope = Field(description="The narrowest scope that holds for all memories that name it.")
    project: str | None = Field(default=None, description="The project of all of them; null if of several.")
    memory_count: int = Field(description="The number of memories that name it.")
    first_seen: Timestamp | None = Field(default=None, description="When the first was stored; null if there is none.")
    last_updated: Timestamp | None = Field(default=None, description="When one of them was stored or changed last.")
    score: float | None = Field(default=None, description="How much its name is like the query, 0 to 1.")


@asynccontextmanager
async def open_entities(services: Services, call: Call) -> AsyncGenerator[tuple[AsyncConnection, PlacedCall]]:
    """Open a transaction that changes entities of a workspace: it is made if it is missing, and held."""
    await catch_up(services.db, services.known_names, call.id_for_reading, services.now, MOST_STEPS)
    async with services.db.write() as connection:
        placed = await ensure_workspace(connection, services, call)
        await advance_revision(connection, placed.workspace.id, 0, services.now())
        await rows.hold_reading(connection, placed.workspace.id)
        yield connection, placed


async def note_change(connection: AsyncConnection, services: Services, placed: PlacedCall, entity_id: str) -> None:
    """Journal a change of an entity, by its id."""
    what = {"entity": entity_id}
    await journal_change(connection, placed.workspace.id, placed.actor, services.now(), what)


async def build_views(
    connection: AsyncConnection, found: Sequence[tuple[Entity, int]], scores: Sequence[float | None] | None = None
) -> list[EntityView]:
    """Return the views of entities, each given with its number of memories, with two statements for all of them."""
    ids = [each.id for each, _ in found]
    names = await rows.list_names(connection, ids)
    places = await listing.read_places(connection, ids)
    likeness = scores or [None] * len(found)
    return [
        EntityView(
            id=each.id,
            name=each.name,
            type=each.type,
            aliases=[other.name for other in names[each.id] if other.name != each.name],
            scope=places[each.id].scope,  # pyright: ignore[reportArgumentType] - a memory's scope
            project=places[each.id].project,
            memory_count=count,
            first_seen=each.first_seen,
            last_updated=each.last_updated,
            score=score,
        )
        for (each, count), score in zip(found, likeness, strict=True)
    ]


async def require_entity(connection: AsyncConnection, workspace_id: str, id_or_name: str, field: str = "id") -> Entity:
    """Return the entity with this id or name. Raises `not_found`, the same for unknown and foreign ones."""
    found = await rows.find_entity(connection, workspace_id, id_or_name)
    if found is None:
        message = f"Entity not found: {id_or_name[:60]}. list_entities finds similar names."
        raise Failure("not_found", message, field=field)
    return found
