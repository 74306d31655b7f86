"""An import: the items of a file, in transactions of some hundreds, each with the keys that a second run knows."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.memory.imports.item import Entry, Note, Refusal
from server.store.record import imports, memories
from server.store.record.imports import Known
from server.store.record.workspaces import Workspace
from tools.core.store_refusals import explain_tombstone
from tools.imports.batches import Prepared, open_batches
from tools.imports.candidates import Candidate
from tools.imports.linking import Names
from tools.imports.memories import MemoryStore
from tools.imports.note_candidates import NoteCandidate
from tools.imports.notes import NoteStore
from tools.imports.report import ImportReport
from tools.imports.target import ImportTarget

_LONGEST_SOURCE = 200
_LONGEST_NAME = 100

#: Finds the place of an import by the name of a workspace; None is the place of what names none.
FindTarget = Callable[[str | None], Awaitable[ImportTarget]]
#: Called after each batch.
Watch = Callable[[ImportReport], Awaitable[None]]


async def import_by_workspace(
    find_target: FindTarget, source: str, entries: Iterator[Entry], *, dry_run: bool
) -> list[ImportReport]:
    """Import a file into the workspaces that it names, and return a report for each. Most files name none.

    Raises:
        Failure: as `import_entries`; `invalid`, a line names no workspace.
    """
    reports: list[ImportReport] = []
    parts = _Parts(entries)
    while (part := parts.take_next()) is not None:
        report = await import_entries(await find_target(parts.name), source, part, dry_run=dry_run)
        if report.total or parts.name is not None:
            reports.append(report)
    return reports or [await import_entries(await find_target(None), source, iter(()), dry_run=dry_run)]


class _Parts:
    """The parts of a file, each in one workspace."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries
        self._next: Note | None = None
        self._is_begun = False
        self.name: str | None = None

    def take_next(self) -> Iterator[Entry] | None:
        """Return the next part. It is to be read to its end before the next call."""
        if self._is_begun:
            if self._next is None:
                return None
            self.name = _read_name(self._next)
        self._is_begun, self._next = True, None
        return self._read_part()

    def _read_part(self) -> Iterator[Entry]:
        for each in self._entries:
            if isinstance(each, Note) and each.kind == "workspace":
                self._next = each
                return
            yield each


def _read_name(note: Note) -> str:
    name = note.values.get("name")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME or "/" in name:
        message = f"{note.place}: name: must be the name of a workspace, of at most {_LONGEST_NAME} characters."
        raise Failure("invalid", message)
    return name


async def import_entries(
    target: ImportTarget, source: str, entries: Iterator[Entry], *, dry_run: bool, watch: Watch | None = None
) -> ImportReport:
    """Import what a file holds, and return the report. Nothing is embedded or projected: the server does that later.

    Raises:
        Failure: `quota_exceeded`, `not_found`. The records that were imported before it stay; a second run goes on
        after it.
    """
    report = ImportReport(workspace=target.workspace.name, source=source[-_LONGEST_SOURCE:], dry_run=dry_run)
    run = _Import(target, report)
    async with open_batches(entries, target.workspace.settings.secrets) as read_batch:
        while batch := await read_batch():
            await run.take(batch)
            if watch is not None:
                await watch(report)
    await run.finish()
    return report


@dataclass(slots=True)
class _Import:
    target: ImportTarget
    report: ImportReport
    #: The keys that a dry run has seen.
    seen: set[str] = field(default_factory=set[str])
    names: Names = field(default_factory=Names)
    #: The runs that broke off, and that this one completes.
    broken: set[str] = field(default_factory=set[str])
    memories: MemoryStore = field(init=False)
    notes: NoteStore = field(init=False)

    def __post_init__(self) -> None:
        self.memories = MemoryStore(self.target, self.names)
        self.notes = NoteStore(self.target, self.names, self.memories.brought)

    async def take(self, batch: Sequence[Prepared]) -> None:
        """Import a part of the entries, in one transaction for each stretch of memories, and of other things."""
        for kind, group in groupby(batch, _name_group):
            if kind == "refusal":
                for each in group:
                    assert isinstance(each, Refusal)  # noqa: S101 - the group's type
                    self.report.refuse(each.place, each.reason)
                continue
            candidates = [each for each in group if not isinstance(each, Refusal)]
            for each in candidates:
                self._note(each)
            if self.report.dry_run:
                await self._count(candidates)
            else:
                await self._write(candidates)

    def _note(self, each: Candidate | NoteCandidate) -> None:
        """Note a candidate in the report."""
        if each.notice is not None:
            self.report.notify(each.notice)
        if isinstance(each, Candidate):
            # each key begins with the name of its format
            self.report.note(each.item.key.partition(" ")[0], each.item.place, each.memory.content)
        else:
            self.report.note("loci", each.note.place, "")

    async def _count(self, candidates: Sequence[Candidate | NoteCandidate]) -> None:
        workspace = self.target.workspace
        known = set[str]()
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

    async def _find_known(
        self, connection: AsyncConnection, workspace: Workspace, candidates: Sequence[Candidate | NoteCandidate]
    ) -> set[str]:
        items = [each for each in candidates if isinstance(each, Candidate)]
        found = await imports.find_known(connection, workspace.id, [each.digest for each in candidates])
        return {digest for digest, each in found.items() if each.thing is not None} | (
            await self.memories.find_own(connection, workspace, items)
        ).keys()

    async def _write(self, candidates: Sequence[Candidate | NoteCandidate]) -> None:
        now = self.target.now()
        async with self.target.db.write() as connection:
            workspace = await self.target.ensure_workspace(connection)
            # no other import finds the same new keys
            await memories.advance_revision(connection, workspace.id, 0, now)
            run_id = self.report.run
            if run_id is None:
                user_id = self.target.actor.user_id
                run_id = await imports.insert_run(connection, workspace.id, user_id, self.report.source, now)
            known = await imports.find_known(connection, workspace.id, [each.digest for each in candidates])
            broken = {each.broken_run for each in known.values() if each.broken_run} - {run_id}
            refused, imported = await self._store(connection, workspace, run_id, candidates, known)
            await self._update_run(connection, run_id, imported, len(candidates) - imported - len(refused))
        self.report.run = run_id
        self.broken |= broken
        self.report.total += len(candidates) - len(refused)
        self.report.imported += imported
        self.report.skipped += len(candidates) - imported - len(refused)
        for each in refused:
            self.report.refuse(each.place, each.reason)

    async def _store(
        self,
        connection: AsyncConnection,
        workspace: Workspace,
        run_id: str,
        candidates: Sequence[Candidate | NoteCandidate],
        known: dict[str, Known],
    ) -> tuple[list[Refusal], int]:
        """Store what is new, and return the refusals and the number of what was stored."""
        items = [each for each in candidates if isinstance(each, Candidate)]
        if items:
            refused, left = await self._refuse_forgotten(connection, workspace, items, known)
            return refused, await self.memories.store(connection, workspace, run_id, left, known)
        notes = [each for each in candidates if isinstance(each, NoteCandidate)]
        return await self.notes.store_all(connection, workspace, run_id, notes, known)

    async def _refuse_forgotten(
        self,
        connection: AsyncConnection,
        workspace: Workspace,
        items: Sequence[Candidate],
        known: Collection[str],
    ) -> tuple[list[Refusal], list[Candidate]]:
        """Return the refusals of those texts that were erased in the workspace, and the candidates that are left."""
        new = [each for each in items if each.digest not in known]
        texts = [each.memory.content for each in new]
        found = await self.target.tombstones.find_texts(connection, workspace.id, texts)
        refused = {id(new[place]): explain_tombstone(tombstone) for place, tombstone in found.items()}
        refusals = [Refusal(each.item.place, refused[id(each)]) for each in new if id(each) in refused]
        return refusals, [each for each in items if id(each) not in refused]

    async def finish(self) -> None:
        """Give the memories the links to those that came later, and end the run."""
        if self.report.run is None:
            return
        lost = await self.memories.finish()
        if lost:
            self.report.notify(f"{lost} links lead to nothing that was imported, and were left out.")
        now = self.target.now()
        async with self.target.db.write() as connection:
            workspace = await self.target.ensure_workspace(connection)
            await self._update_run(connection, self.report.run, 0, 0)
            told = self.report.model_dump(mode="json", include={"refusals", "notices"})
            await imports.update_run(connection, self.report.run, {"ended_at": now, "report": told})
            if self.broken:
                await imports.end_broken_runs(connection, workspace.id, self.broken, now)

    async def _update_run(self, connection: AsyncConnection, run_id: str, imported: int, skipped: int) -> None:
        report = self.report
        counts = {
            "imported": report.imported + imported,
            "skipped": report.skipped + skipped,
            "refused": report.refused,
            "seen_at": self.target.now(),
        }
        await imports.update_run(connection, run_id, counts)


def _name_group(each: Prepared) -> str:
    """Return what is stored in one transaction: memories, their changes, keys, or other things."""
    if isinstance(each, Refusal):
        return "refusal"
    if isinstance(each, Candidate):
        return "memory"
    return each.note.kind if each.note.kind in {"change", "import_keys"} else "note"
