"""Where a workspace's points lie, whose vectors they hold, and by which rule they are found."""

from dataclasses import dataclass
from typing import cast

import sqlalchemy as sa

from server.memory.languages import Language
from server.memory.text import SEARCH_TEXT_RULE, search_text_rule
from server.store.db import Database
from server.store.record import generations
from server.store.search.seam import Collection
from server.store.tables.accounts import workspaces

#: The rule that a workspace's collection should be made by, in SQL.
WANTED_RULE = sa.literal(f"{SEARCH_TEXT_RULE}-") + sa.func.coalesce(
    workspaces.c.settings["language"].as_string(), "english"
)


def placement(workspace_id: str, generation: int, dims: int, rule: str = search_text_rule("english")) -> Collection:
    """A collection of its own for each workspace, generation of vectors, and rule."""
    return Collection(name=f"{workspace_id}-{generation}-{rule}", dims=dims)


@dataclass(frozen=True, slots=True)
class Place:
    """What SQL says of a workspace: its collection, what that holds, and how far it is kept."""

    collection: Collection
    generation: int
    rule: str
    flushed: int
    is_empty: bool
    is_deleted: bool

    @property
    def language(self) -> Language:
        """The language that the rule is for."""
        return cast("Language", self.rule.partition("-")[2])


_PLACE = sa.select(
    workspaces.c.revision,
    workspaces.c.flushed_revision,
    workspaces.c.generation,
    workspaces.c.key_rule,
    workspaces.c.deleted_at,
)


async def locate(db: Database, workspace_id: str) -> Place | None:
    """The place of a workspace's points; None where there is no such workspace."""
    async with db.read() as connection:
        row = (await connection.execute(_PLACE.where(workspaces.c.id == workspace_id))).one_or_none()
        if row is None:
            return None
        dims = await generations.dims_of(connection, row.generation)
    return Place(
        collection=placement(workspace_id, row.generation, dims, row.key_rule),
        generation=row.generation,
        rule=row.key_rule,
        flushed=row.flushed_revision,
        is_empty=row.revision == 0,
        is_deleted=row.deleted_at is not None,
    )
