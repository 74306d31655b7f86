"""The names of the entities of a workspace, remembered, so that a search for a similar one reads only what is new."""

from collections import OrderedDict
from dataclasses import dataclass, field

import sqlalchemy as sa
from rapidfuzz import fuzz, process
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.entities.names import fold_entity_name
from server.memory.entities.word_lists import COMMON
from server.store.tables.entities import entity_names

WORKSPACES = 8
"""The workspaces whose names are remembered."""
LEAST_LIKENESS = 0.5
"""A name that is less like the query is no answer to it."""


@dataclass
class Names:
    """The names of one workspace, as they are compared."""

    version: int
    keys: list[str] = field(default_factory=list[str])
    entity_ids: list[str] = field(default_factory=list[str])
    seen: set[str] = field(default_factory=set[str])
    given: set[str] = field(default_factory=set[str])
    last_id: int = 0

    def is_known(self, key: str, has_capital: bool) -> bool:  # noqa: FBT001 - `IsKnown`
        """Whether an entity has this name, and it is to be found in texts. A common word is not."""
        return (key in self.given or (has_capital and key in self.seen)) and key not in COMMON

    def find_similar(self, query: str) -> list[tuple[str, float]]:
        """Return the ids of the entities with similar names and their likeness, 0.5 to 1, the most alike first."""
        found = process.extract(
            fold_entity_name(query), self.keys, scorer=fuzz.ratio, score_cutoff=100 * LEAST_LIKENESS, limit=None
        )
        best: dict[str, float] = {}
        for _, score, index in found:
            best.setdefault(self.entity_ids[index], round(score / 100, 3))
        return list(best.items())


class KnownNames:
    """The names of the workspaces that were asked for last."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, Names] = OrderedDict()

    async def read(self, connection: AsyncConnection, workspace_id: str, version: int) -> Names:
        """Return the names of a workspace whose names have this version: those that are new are read."""
        names = self._names.get(workspace_id)
        if names is None or names.version != version:
            names = Names(version)
        table = entity_names.c
        query = (
            sa.select(table.id, table.key, table.entity_id, table.is_given)
            .where(table.workspace_id == workspace_id, table.id > names.last_id)
            .order_by(table.id)
        )
        for name_id, key, entity_id, is_given in await connection.execute(query):
            names.last_id = name_id
            names.keys.append(key)
            names.seen.add(key)
            names.entity_ids.append(entity_id)
            if is_given:
                names.given.add(key)
        self._names[workspace_id] = names
        self._names.move_to_end(workspace_id)
        if len(self._names) > WORKSPACES:
            self._names.popitem(last=False)
        return names

    def forget(self) -> None:
        """Forget all names, because some may be of a text that was erased."""
        self._names.clear()
