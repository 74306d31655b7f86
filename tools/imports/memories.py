"""The storing of the memories of an import, and of their links, some of which lead to what comes later."""

from collections.abc import Sequence
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.imports.item import Link
from server.memory.models import Linkage, Memory
from server.store.record import imports, memories
from server.store.record.imports import Known
from server.store.record.journal import journal_memories
from server.store.record.workspaces import Workspace
from tools.imports.candidates import Candidate
from tools.imports.linking import Names, hide_merged, put_links
from tools.imports.target import ImportTarget

#: The memories that get their links in one transaction.
STEP = 400


class MemoryStore:
    """Stores the memories of one import.

    Attributes:
        brought: the ids of the memories that are new, or that an import has brought which broke off.
    """

    def __init__(self, target: ImportTarget, names: Names) -> None:
        self.brought = set[str]()
        self._target = target
        self._names = names
        #: The links of memories whose ends are not known yet.
        self._waiting: dict[str, Sequence[Link]] = {}
        #: The names of the memories that these memories were merged into.
        self._merged: dict[str, str] = {}

    async def store(
        self,
        connection: AsyncConnection,
        workspace: Workspace,
        run_id: str,
        candidates: Sequence[Candidate],
        known: dict[str, Known],
    ) -> int:
        """Store the memories that no earlier import has brought, and return their number."""
        now = self._target.now()
        own = await self.find_own(connection, workspace, [each for each in candidates if each.digest not in known])
        ids = own | {digest: each.thing for digest, each in known.items() if each.thing is not None}
        taken = await self._find_taken_ids(connection, candidates)
        new: list[tuple[Candidate, Memory]] = []
        for each in candidates:
            memory_id = ids.get(each.digest)
            if memory_id is None:
                wanted = each.kept.id if each.kept else None
                memory_id = ids[each.digest] = wanted if wanted and wanted not in taken else new_id(now)
                new.append((each, each.to_memory(memory_id, now)))
                self.brought.add(memory_id)
            elif each.digest in known and known[each.digest].is_of_broken_run(run_id):
                self.brought.add(memory_id)
                self._wait(each, memory_id)
            self._names.note(each.item, memory_id)
        await self._insert(connection, workspace, run_id, new)
        return len(new)

    async def find_own(
        self, connection: AsyncConnection, workspace: Workspace, candidates: Sequence[Candidate]
    ) -> dict[str, str]:
        """Return the memories that were not imported, but have the ids of the file, by the digests of the keys.

        One that was erased is none if somebody let its text be remembered again.
        """
        own = {each.kept.id: each for each in candidates if each.kept}
        places = await imports.find_places_of(connection, [*own]) if own else {}
        mine = [own[each] for each, place in places.items() if place == workspace.id]
        lifted = await self._find_lifted(connection, workspace, mine)
        return {each.digest: each.kept.id for each in mine if each.kept and each.digest not in lifted}

    async def _find_lifted(
        self, connection: AsyncConnection, workspace: Workspace, candidates: Sequence[Candidate]
    ) -> set[str]:
        """Return the digests of those whose memories were erased, and whose texts may be remembered again."""
        erased = await imports.find_erased(connection, [each.kept.id for each in candidates if each.kept])
        gone = [each for each in candidates if each.kept and each.kept.id in erased]
        texts = [each.memory.content for each in gone]
        lifted = await self._target.tombstones.find_lifted_texts(connection, workspace.id, texts)
        return {gone[place].digest for place in lifted}

    async def _find_taken_ids(self, connection: AsyncConnection, candidates: Sequence[Candidate]) -> set[str]:
        """Return the ids of an export that memories of this server have."""
        wanted = [each.kept.id for each in candidates if each.kept]
        return set(await imports.find_places_of(connection, wanted)) if wanted else set()

    def _wait(self, candidate: Candidate, memory_id: str) -> None:
        """Note what a memory is to get when all others are there."""
        if candidate.item.links:
            self._waiting[memory_id] = candidate.item.links
        if candidate.kept is not None and candidate.kept.consolidated_into is not None:
            self._merged[memory_id] = f"loci {candidate.kept.consolidated_into}"

    async def _insert(
        self, connection: AsyncConnection, workspace: Workspace, run_id: str, new: Sequence[tuple[Candidate, Memory]]
    ) -> None:
        if not new:
            return
        now = self._target.now()
        rows: list[Memory] = []
        later = {memory.id for _, memory in new}
        for candidate, memory in new:
            links = candidate.item.links
            self._wait(candidate, memory.id)
            if self._names.lead_back(links, later):
                self._waiting.pop(memory.id, None)
                rows.append(memory.model_copy(update={"linkages": self._names.resolve(links)}) if links else memory)
            else:
                rows.append(memory)
            later.discard(memory.id)
        first = await memories.advance_revision(connection, workspace.id, len(rows), now)
        await memories.insert_memories(connection, workspace.id, self._target.actor, first, rows)
        await self._target.plans.check_quota(connection, workspace.account_id, "memories", len(rows))
        changes = [(memory.id, None, None) for memory in rows]
        await journal_memories(connection, workspace.id, self._target.actor, now, first, changes)
        digests = {candidate.digest: memory.id for candidate, memory in new}
        await imports.put_keys(connection, workspace.id, run_id, digests)

    async def finish(self) -> int:
        """Give the memories the links to those that came later, and return how many links lead to nothing."""
        waiting = [(each, self._names.resolve(links)) for each, links in self._waiting.items()]
        lost = sum(len(links) for links in self._waiting.values()) - sum(len(links) for _, links in waiting)
        linked = iter([(each, links) for each, links in waiting if links])
        target = self._target
        while some := dict[str, list[Linkage]](islice(linked, STEP)):
            async with target.db.write() as connection:
                workspace = await target.ensure_workspace(connection)
                await put_links(connection, workspace.id, some, target.actor, target.now())
        hidden = iter([(each, into) for each, name in self._merged.items() if (into := self._names.find(name))])
        while pairs := dict[str, str](islice(hidden, STEP)):
            async with target.db.write() as connection:
                workspace = await target.ensure_workspace(connection)
                await hide_merged(connection, workspace.id, pairs, target.actor, target.now())
        return lost
