"""The collection of a workspace's points, the generation of their vectors, and the rule of their search texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.languages import Language
from server.memory.text import SEARCH_TEXT_RULE, name_search_text_rule
from server.store.db import Database
from server.store.record.works import generations
from server.store.search.seam import Collection
from server.store.tables.accounts import workspaces

#: The rule that a workspace's collection should be made by, in SQL.
WANTED_RULE = sa.literal(f"{SEARCH_TEXT_RULE}-") + sa.func.coalesce(
    workspaces.c.settings["language"].as_string(), "english"
)


#: The owner of a collection: one workspace, or all workspaces, which share it.
Layout = Literal["workspace", "shared"]
#: The kind of search store that a workspace's points are in.
StoreKind = Literal["embedded", "server"]


@dataclass(frozen=True, slots=True)
class Home:
    """The place in which this process keeps the collections of workspaces that have none yet."""

    store: StoreKind = "embedded"
    layout: Layout = "workspace"


EMBEDDED = Home()


def name_collection(
    workspace_id: str,
    generation: int,
    dims: int,
    rule: str = name_search_text_rule("english"),
    layout: Layout = "workspace",
) -> Collection:
    """Return the collection of a workspace: each generation of vectors and each rule has its own.

    In a shared collection the workspace is a tenant.
    """
    if layout == "shared":
        return Collection(name=f"shared-{dims}-{generation}-{rule}", dims=dims, tenant=workspace_id)
    return Collection(name=f"{workspace_id}-{generation}-{rule}", dims=dims)


@dataclass(frozen=True, slots=True)
class Target:
    """A collection of a workspace: its points hold vectors of one generation, and words made by one rule."""

    workspace_id: str
    collection: Collection
    generation: int
    rule: str

    @property
    def layout(self) -> Layout:
        """Whether other workspaces have points in the collection, too."""
        return "workspace" if self.collection.tenant is None else "shared"

    @property
    def language(self) -> Language:
        """The language that the rule is for."""
        return cast("Language", self.rule.partition("-")[2])


@dataclass(frozen=True, slots=True)
class Placement:
    """The collection that serves a workspace, by the record, and the revision up to which it is on the disk."""

    target: Target
    flushed: int
    is_empty: bool
    is_deleted: bool
    store: StoreKind | None  # None: nobody has noted it
    is_placed: bool  # whether its layout is settled


_PLACEMENT = sa.select(
    *(
        workspaces.c[name]
        for name in (
            "revision",
            "flushed_revision",
            "generation",
            "search_text_rule",
            "layout",
            "search_store",
            "deleted_at",
        )
    )
)
_ASKED = 500  # workspaces in one statement
_TARGET_COLUMNS = tuple(
    workspaces.c[name] for name in ("id", "revision", "generation", "search_text_rule", "layout", "deleted_at")
)


def is_current(row: sa.Row[Any], target: Target) -> bool:
    """Whether a collection still serves its workspace, whose row `read_rows` has returned."""
    served = (target.generation, target.rule, target.layout)
    return row.deleted_at is None and (row.generation, row.search_text_rule, row.layout or "workspace") == served


async def read_rows(db: Database, ids: Sequence[str]) -> list[sa.Row[Any]]:
    """Return the rows of these workspaces, for `is_current`."""
    rows: list[sa.Row[Any]] = []
    for start in range(0, len(ids), _ASKED):
        query = sa.select(*_TARGET_COLUMNS).where(workspaces.c.id.in_(ids[start : start + _ASKED]))
        async with db.read() as connection:
            rows += (await connection.execute(query)).all()
    return rows


async def is_serving(db: Database, target: Target) -> bool:
    """Whether a collection serves its workspace, by the record."""
    return any(is_current(row, target) for row in await read_rows(db, [target.workspace_id]))


async def find_placement(db: Database, workspace_id: str) -> Placement | None:
    """Return the place of a workspace's points; None if there is no such workspace."""
    async with db.read() as connection:
        return await read_placement(connection, workspace_id)


async def read_placement(connection: AsyncConnection, workspace_id: str) -> Placement | None:
    """Return the place of a workspace's points, as a transaction sees it; None if there is no such workspace."""
    row = (await connection.execute(_PLACEMENT.where(workspaces.c.id == workspace_id))).one_or_none()
    if row is None:
        return None
    dims = await generations.find_dims(connection, row.generation)
    collection = name_collection(
        workspace_id, row.generation, dims, row.search_text_rule, cast("Layout", row.layout or "workspace")
    )
    return Placement(
        target=Target(workspace_id, collection, row.generation, row.search_text_rule),
        flushed=row.flushed_revision,
        is_empty=row.revision == 0,
        is_deleted=row.deleted_at is not None,
        store=row.search_store,
        is_placed=row.layout is not None,
    )


async def note_flushed(db: Database, target: Target, revision: int) -> None:
    """Note up to which revision a collection is on the disk, unless another one serves the workspace by now."""
    row = sa.update(workspaces).where(
        workspaces.c.id == target.workspace_id,
        workspaces.c.generation == target.generation,
        workspaces.c.search_text_rule == target.rule,
        sa.func.coalesce(workspaces.c.layout, "workspace") == target.layout,
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
