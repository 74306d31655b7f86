"""An import: the items of a file, in transactions of some hundreds, each with the keys that a second run knows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from anyio import to_thread
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock
from server.ids import new_id
from server.memory.imports.item import Entry, Item, Link, Note, Refusal
from server.memory.models import Linkage, Memory
from server.store.db import Database
from server.store.record import imports, memories
from server.store.record.journal import Actor, journal_memories
from server.store.record.people.plans import Plans
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.imports.candidates import Candidate, prepare_item
from tools.imports.linking import Names, hide_merged, put_links
from tools.imports.report import ImportReport

#: The entries of one transaction. Others write between two.
STEP = 400
_LONGEST_SOURCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTarget:
    """Where an import goes, and who imports. `generation` is that of the vectors of a workspace that is made."""

    db: Database
    plans: Plans
    now: Clock
    actor: Actor
    workspace: Workspace | MissingWorkspace
    generation: int


async def import_entries(target: ImportTarget, source: str, entries: Iterator[Entry], *, dry_run: bool) -> ImportReport:
    """Import what a file holds, and return the report. Nothing is embedded or projected: the server does that later.

    Raises:
        Failure: `quota_exceeded`, `not_found`. What was imported before it stays; a second run goes on after it.
    """
    report = ImportReport(workspace=target.workspace.name, source=source[-_LONGEST_SOURCE:], dry_run=dry_run)
    run = _Import(target, report)
    while batch := await to_thread.run_sync(lambda: [*islice(entries, STEP)]):
        await run.take(batch)
    await run.finish()
    return report


@dataclass(slots=True)
class _Import:
    target: ImportTarget
    report: ImportReport
    names: Names = field(default_factory=Names)
    #: The links of memories whose ends are not known yet.
    waiting: dict[str, Sequence[Link]] = field(default_factory=dict[str, "Sequence[Link]"])
    #: The names of the memories that these memories were merged into.
    merged: dict[str, str] = field(default_factory=dict[str, str])
    #: The keys that a dry run has seen.
    seen: set[str] = field(default_factory=set[str])

    async def take(self, batch: Sequence[Entry]) -> None:
        """Import a part of the entries, in one transaction."""
        candidates: list[Candidate] = []
        for entry in batch:
            prepared = await self._prepare(entry)
            if isinstance(prepared, Refusal):
                self.report.refuse(prepared.place, prepared.reason)
            else:
                candidates.append(prepared)
        if self.report.dry_run:
            await self._count(candidates)
        else:
            await self._write(candidates)

    async def _prepare(self, entry: Entry) -> Candidate | Refusal:
        if isinstance(entry, Item):
            return await prepare_item(entry, self.target.workspace.settings.secrets, self.report)
        if isinstance(entry, Note):
            return Refusal(entry.place, f"is a line of the kind {entry.kind!r}, which is not imported yet")
        return entry

    async def _count(self, candidates: Sequence[Candidate]) -> None:
        workspace = self.target.workspace
        known: dict[str, str] = {}
        if isinstance(workspace, Workspace):
            async with self.target.db.read() as connection:
                known = await self._find_known(connection, workspace, candidates)
        for each in candidates:
            self.report.total += 1
            if each.digest in known or each.digest in self.seen:
                self.report.skipped += 1
            else:
                self.report.imported += 1
            self.seen.add(each.digest)

    async def _write(self, candidates: Sequence[Candidate]) -> None:
        if not candidates:
            return
        now = self.target.now()
        async with self.target.db.write() as connection:
            workspace = await self._ensure_workspace(connection)
            run_id = self.report.run
            if run_id is None:
                user_id = self.target.actor.user_id
                run_id = await imports.insert_run(connection, workspace.id, user_id, self.report.source, now)
            await memories.advance_revision(connection, workspace.id, 0, now)  # no other import finds the same new keys
            new: list[tuple[Candidate, Memory]] = []
            known = await self._find_known(connection, workspace, candidates)
            free = await self._find_free_ids(connection, candidates)
            ids = dict[str, str]()
            for each in candidates:
                memory_id = known.get(each.digest) or ids.get(each.digest)
                if memory_id is None:
                    own = each.kept.id if each.kept else None
                    memory_id = ids[each.digest] = own if own in free else new_id(now)
                    new.append((each, each.to_memory(memory_id, now)))
                self.names.note(each.item, memory_id)
            await self._insert(connection, workspace, run_id, new)
            self.report.run = run_id
            self.report.total += len(candidates)
            self.report.imported += len(new)
            self.report.skipped += len(candidates) - len(new)
            await self._update_run(connection)

    async def _ensure_workspace(self, connection: AsyncConnection) -> Workspace:
        target = self.target
        workspace = target.workspace
        if isinstance(workspace, MissingWorkspace):
            workspace, _ = await target.plans.ensure_workspace(
                connection, workspace.account_id, workspace.name, target.generation, target.now()
            )
        return workspace

    async def _find_known(
        self, connection: AsyncConnection, workspace: Workspace, candidates: Sequence[Candidate]
    ) -> dict[str, str]:
        """Return the memories that are there already, by the digests of the keys, deleted ones as well."""
        found = await imports.find_known(connection, workspace.id, [each.digest for each in candidates])
        own = {each.kept.id: each.digest for each in candidates if each.kept and each.digest not in found}
        places = await imports.find_places_of(connection, [*own]) if own else {}
        known = {digest: memory_id for digest, memory_id in found.items() if memory_id is not None}
        return known | {own[each]: each for each, place in places.items() if place == workspace.id}

    async def _find_free_ids(self, connection: AsyncConnection, candidates: Sequence[Candidate]) -> set[str]:
        """Return the ids of an export that no memory of this server has."""
        wanted = {each.kept.id for each in candidates if each.kept}
        return wanted - (await imports.find_places_of(connection, [*wanted])).keys() if wanted else set()

    async def _insert(
        self, connection: AsyncConnection, workspace: Workspace, run_id: str, new: Sequence[tuple[Candidate, Memory]]
    ) -> None:
        if not new:
            return
        now = self.target.now()
        rows: list[Memory] = []
        later = {memory.id for _, memory in new}
        for candidate, memory in new:
            links = candidate.item.links
            if not self.names.lead_back(links, later):
                self.waiting[memory.id] = links
                links = ()
            if candidate.kept is not None and candidate.kept.consolidated_into is not None:
                self.merged[memory.id] = f"loci {candidate.kept.consolidated_into}"
            rows.append(memory.model_copy(update={"linkages": self.names.resolve(links)}) if links else memory)
            later.discard(memory.id)
        first = await memories.advance_revision(connection, workspace.id, len(rows), now)
        await memories.insert_memories(connection, workspace.id, self.target.actor, first, rows)
        await self.target.plans.check_quota(connection, workspace.account_id, "memories", len(rows))
        changes = [(memory.id, None, None) for memory in rows]
        await journal_memories(connection, workspace.id, self.target.actor, now, first, changes)
        digests = {candidate.digest: memory.id for candidate, memory in new}
        await imports.put_keys(connection, workspace.id, run_id, digests)

    async def finish(self) -> None:
        """Give the memories the links to those that came later, and end the run."""
        if self.report.run is None:
            return
        now = self.target.now()
        waiting = [(each, self.names.resolve(links)) for each, links in self.waiting.items()]
        lost = sum(len(links) for links in self.waiting.values()) - sum(len(links) for _, links in waiting)
        if lost:
            self.report.notify(f"{lost} links lead to nothing that was imported, and were left out.")
        linked = iter([(each, links) for each, links in waiting if links])
        while some := dict[str, list[Linkage]](islice(linked, STEP)):
            async with self.target.db.write() as connection:
                workspace = await self._ensure_workspace(connection)
                await put_links(connection, workspace.id, some, self.target.actor, now)
        hidden = iter([(each, into) for each, name in self.merged.items() if (into := self.names.find(name))])
        while pairs := dict[str, str](islice(hidden, STEP)):
            async with self.target.db.write() as connection:
                workspace = await self._ensure_workspace(connection)
                await hide_merged(connection, workspace.id, pairs, self.target.actor, now)
        async with self.target.db.write() as connection:
            await self._update_run(connection)
            await imports.update_run(connection, self.report.run, {"ended_at": now})

    async def _update_run(self, connection: AsyncConnection) -> None:
        report = self.report
        counts = {"imported": report.imported, "skipped": report.skipped, "refused": report.refused}
        await imports.update_run(connection, report.run or "", counts)
