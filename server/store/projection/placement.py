"""The collection of a workspace's points, the generation of their vectors, and the rule of their search texts."""

from dataclasses import dataclass
from typing import cast

import sqlalchemy as sa

from server.memory.languages import Language
from server.memory.text import SEARCH_TEXT_RULE, name_search_text_rule
from server.store.db import Database
from server.store.record import generations
from server.store.search.seam import Collection
from server.store.tables.accounts import workspaces

#: The rule that a workspace's collection should be made by, in SQL.
WANTED_RULE = sa.literal(f"{SEARCH_TEXT_RULE}-") + sa.func.coalesce(
    workspaces.c.settings["language"].as_string(), "english"
)


def name_collection(
    workspace_id: str, generation: int, dims: int, rule: str = name_search_text_rule("english")
) -> Collection:
    """Return the collection of a workspace: each generation of vectors and each rule has its own."""
    return Collection(name=f"{workspace_id}-{generation}-{rule}", dims=dims)


@dataclass(frozen=True, slots=True)
class Target:
    """A collection of a workspace: its points hold vectors of one generation, and words made by one rule."""

    workspace_id: str
    collection: Collection
    generation: int
    rule: str

    @property
    def language(self) -> Language:
        """The language that the rule is for."""
        return cast("Language", self.rule.partition("-")[2])


@dataclass(frozen=True, slots=True)
class Place:
    """The collection that serves a workspace, by the record, and the revision up to which it is on the disk."""

    target: Target
    flushed: int
    is_empty: bool
    is_deleted: bool


_PLACE = sa.select(
    workspaces.c.revision,
    workspaces.c.flushed_revision,
    workspaces.c.generation,
    workspaces.c.search_text_rule,
    workspaces.c.deleted_at,
)


async def find_place(db: Database, workspace_id: str) -> Place | None:
    """Return the place of a workspace's points; None if there is no such workspace."""
    async with db.read() as connection:
        row = (await connection.execute(_PLACE.where(workspaces.c.id == workspace_id))).one_or_none()
        if row is None:
            return None
        dims = await generations.dims_of(connection, row.generation)
    collection = name_collection(workspace_id, row.generation, dims, row.search_text_rule)
    return Place(
        target=Target(workspace_id, collection, row.generation, row.search_text_rule),
        flushed=row.flushed_revision,
        is_empty=row.revision == 0,
        is_deleted=row.deleted_at is not None,
    )


async def note_flushed(db: Database, target: Target, revision: int) -> None:
    """Note up to which revision a collection is on the disk, unless another one serves the workspace by now."""
    row = sa.update(workspaces).where(
        workspaces.c.id == target.workspace_id,
        workspaces.c.generation == target.generation,
        workspaces.c.search_text_rule == target.rule,
    )
    async with db.write() as connection:
        await connection.execute(row.values(flushed_revision=revision))


async def count_outdated_collections(db: Database) -> tuple[int, int]:
    """Return the number of workspaces whose collection was made by an old rule, and the number of all workspaces.

    The record may be at an earlier step of the schema. Before collections had rules, all of them are outdated.
    """
    async with db.read() as connection:
        columns = await connection.run_sync(_list_columns)
        live = sa.select(sa.func.count()).select_from(workspaces).where(workspaces.c.deleted_at.is_(None))
        total = (await connection.execute(live)).scalar_one()
        if not {"key_rule", "settings"} <= columns:
            return total, total
        return (await connection.execute(live.where(workspaces.c.search_text_rule != WANTED_RULE))).scalar_one(), total


def _list_columns(connection: sa.Connection) -> set[str]:
    return {column["name"] for column in sa.inspect(connection).get_columns(workspaces.name)}
