"""Erasing memories for good: their texts, and the copies of them that Loci made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.images import plan_copies
from server.memory.models import Memory
from server.store.consolidation.runs import mark_sources
from server.store.lifecycle import merges
from server.store.record import golden, images, memories, vectors
from server.store.record.capture.erasing import erase_reports_of
from server.store.record.journal import (
    Actor,
    blank_memory_entries,
    journal_memories,
    list_earlier_texts,
)
from server.store.record.notes import identity
from server.store.record.notes.synthesis import compose_crystal
from server.store.record.relations import links
from server.store.record.relations.followers import renew_followers
from server.store.tables.memories import memories as table

STEP = 200
#: The number of memories that are erased with their copies in one transaction.
STEP_WITH_COPIES = 20

_HOUSEKEEPING = Actor("housekeeping", "housekeeping", "erase_due_memories", "")


@dataclass(slots=True)
class Erasure:
    """The changes of an erasure, by ids.

    Attributes:
        erased: the memories that are erased, and as they were before.
        texts: the texts that were to be erased: those of the named memories and of the sources merged into them, and
            what these said before they were changed.
        rewritten: the merged memories that the template wrote again from the sources that are left.
        restored: the sources that are memories of their own again, because the memory that replaced them is erased.
        kept: memories that stay and say what was erased: merged ones whose text somebody wrote, and the sources of an
            erased one whose merge was undone.
        unlabelled: memories whose links to an erased one had labels that somebody wrote; the links have none now.
        erased_crystals: the composed crystals that are erased.
        rewritten_crystals: the composed crystal that was composed again, if it was the newest.
        erased_cases: the golden cases that are erased.
        erased_events: the events that are erased: those that an erased memory was made of, and that repeat it.
        origins: what makes each of these events the same one if it is sent again.
        vectors: how many rows of vectors were deleted.
    """

    erased: dict[str, Memory] = field(default_factory=dict[str, Memory])
    texts: list[str] = field(default_factory=list[str])
    rewritten: list[str] = field(default_factory=list[str])
    restored: list[str] = field(default_factory=list[str])
    kept: list[str] = field(default_factory=list[str])
    unlabelled: list[str] = field(default_factory=list[str])
    erased_crystals: list[str] = field(default_factory=list[str])
    rewritten_crystals: list[str] = field(default_factory=list[str])
    erased_cases: list[str] = field(default_factory=list[str])
    erased_events: list[str] = field(default_factory=list[str])
    origins: list[str] = field(default_factory=list[str])
    vectors: int = 0

    def count_rows(self) -> dict[str, int]:
        """Return how many rows of each table were erased."""
        return {
            "memories": len(self.erased),
            "vectors": self.vectors,
            "events": len(self.erased_events),
            "identity_crystals": len(self.erased_crystals),
            "golden_cases": len(self.erased_cases),
        }


async def erase_memories(
    connection: AsyncConnection, workspace_id: str, ids: Sequence[str], actor: Actor, now: datetime
) -> Erasure:
    """Erase memories of a workspace, and every copy of their texts that Loci made.

    This is the one function that erases a memory everywhere: everything that is kept for a memory is erased here. The
    sources of a merged memory are erased with it. A merged memory whose source is erased is written again from the
    other ones; if only one is left, that one comes back in its place. A merged memory that an undo removed is erased.
    The caller projects the workspace, empties the log, and has missing vectors filled in.
    """
    await memories.advance_revision(connection, workspace_id, 0, now, may_be_deleted=True)  # holds the workspace
    eraser = _Eraser(connection, workspace_id, actor, now)
    for memory_id in ids:
        await eraser.name_independent_sources(memory_id)
        await eraser.erase_with_sources(memory_id)
    await eraser.follow_merges()
    eraser.outcome.unlabelled = await links.forget_labels(connection, workspace_id, set(eraser.outcome.erased))
    await eraser.erase_quotes()
    return eraser.outcome


class _Eraser:
    """One erasure: it goes down from merged memories to their sources, and up to the memories made from those."""

    def __init__(self, connection: AsyncConnection, workspace_id: str, actor: Actor, now: datetime) -> None:
        self.outcome = Erasure()
        self._connection = connection
        self._workspace = workspace_id
        self._actor = actor
        self._now = now
        self._before: dict[str, Memory] = {}
        self._waiting: set[str] = set()

    async def name_independent_sources(self, memory_id: str) -> None:
        """If a memory is a merged one whose merge was undone, note that its sources stay."""
        merge = await merges.read_merge(self._connection, memory_id)
        if merge is not None and merge.is_undone:
            left, _ = await merges.read_sources(self._connection, merge)
            self.outcome.kept += [each.id for each in left]

    async def erase_with_sources(self, memory_id: str) -> None:
        """Erase a memory, the memories that are merged into it, and so on."""
        waiting = [memory_id]
        while waiting:
            each = waiting.pop(0)
            if each not in self.outcome.erased:
                waiting += await merges.list_merged_sources(self._connection, each)
                earlier = await list_earlier_texts(self._connection, each)
                await self._erase(each)
                if each in self.outcome.erased:
                    self.outcome.texts += dict.fromkeys([self.outcome.erased[each].content, *earlier])

    async def follow_merges(self) -> None:
        """Write the merged memories that hold a copy again, or erase them: each after those that it is made from."""
        while self._waiting:
            found = [await merges.read_merge(self._connection, each) for each in self._waiting]
            left = sorted((each for each in found if each is not None), key=lambda merge: merge.position)
            self._waiting = {merge.memory.id for merge in left[1:]}
            if left:
                await self._treat_merge(left[0])

    async def erase_quotes(self) -> None:
        """Erase the composed crystals and the golden cases that quote what was erased or written again."""
        quoted = {*self._before}
        crystals = await identity.find_quoting_crystals(self._connection, self._workspace, quoted)
        if crystals:
            latest = await identity.get_latest_crystal(self._connection, self._workspace)
            if latest is not None and latest.id == crystals[-1]:
                new = await compose_crystal(self._connection, self._workspace, self._now)
                await identity.replace_crystal(self._connection, latest.id, new.text, new.source_count)
                self.outcome.rewritten_crystals = [crystals.pop()]
            await identity.delete_crystals(self._connection, crystals)
            self.outcome.erased_crystals = crystals
        ids, texts = set(self.outcome.erased), self.outcome.texts
        cases = await golden.find_quoting_cases(self._connection, self._workspace, ids, texts)
        await golden.delete_cases(self._connection, cases)
        self.outcome.erased_cases = cases

    async def _treat_merge(self, merge: merges.MergeRecord) -> None:
        memory_id = merge.memory.id
        left, deleted = await merges.read_sources(self._connection, merge)
        if merge.is_undone:
            await self._erase(memory_id)
        elif not merge.is_generated:
            # Its first text may have been the template's, and the summary is: both say what the source said.
            await self._forget_first_text(merge)
            await self._renew_pictures(merge, left)
            self.outcome.kept.append(memory_id)
        elif not left and not deleted:
            await self._erase(memory_id)
        elif merge.is_deleted or merges.fits_in_one(left):
            self._before |= {each.id: each for each in deleted if each.id not in self._before}
            await self._rewrite(merge, left)
        else:
            await self._erase(memory_id)
            await self._restore(memory_id, left)

    async def _erase(self, memory_id: str) -> None:
        memory = await memories.get_memory(self._connection, self._workspace, memory_id, may_be_deleted=True)
        if memory is None:
            return
        await self._note_change(memory)
        self.outcome.erased[memory_id] = memory
        revision = await self._take_revision()
        first_deleted_at = sa.func.coalesce(table.c.deleted_at, sa.literal(self._now, table.c.deleted_at.type))
        await memories.update_memory(self._connection, memory_id, revision, {"deleted_at": first_deleted_at})
        await self._journal(memory_id, revision, None)
        await memories.erase_content(self._connection, memory_id, self._now)
        self.outcome.vectors += await vectors.delete_vectors(self._connection, memory_id)
        reports, origins = await erase_reports_of(self._connection, memory_id, memory.content, self._now)
        self.outcome.erased_events += reports
        self.outcome.origins += origins

    async def _rewrite(self, merge: merges.MergeRecord, left: Sequence[Memory]) -> None:
        memory_id = merge.memory.id
        await self._note_change(merge.memory)
        # A deleted one falls due later, with its sources; until then it says nothing if no source is left.
        told = await merges.list_told(self._connection, left)
        new = merges.write_again(merge, left, told, self._before, self._now) if left else merge.memory.model_copy()
        row = new.model_dump()
        names = ("type", "tags", "linkages", "entity", "author", "session", "occurred_at", "source", "updated_at")
        changes = {name: row[name] for name in names} | {"content": new.content if left else ""}
        changes["images"] = row["images"] if left and row["images"] else None
        changes["inferred"] = new.inferred or None
        revision = await self._take_revision()
        await memories.update_memory(self._connection, memory_id, revision, changes)
        await images.copy_pictures(self._connection, memory_id, left)
        await vectors.delete_vectors(self._connection, memory_id)
        await blank_memory_entries(self._connection, memory_id)
        await self._journal(memory_id, revision, new if left else None)
        await merges.note_rewriting(self._connection, memory_id, revision)
        self.outcome.rewritten.append(memory_id)

    async def _renew_pictures(self, merge: merges.MergeRecord, left: Sequence[Memory]) -> None:
        """Leave a merged memory that keeps its text the pictures of the sources that are left."""
        memory_id = merge.memory.id
        copies = [each.image for each in plan_copies(left, memory_id)]
        if copies == merge.memory.images:
            return
        self._waiting |= await merges.find_merges_with(self._connection, memory_id) - set(self._before)
        new = merge.memory.model_copy(update={"images": copies})
        revision = await self._take_revision()
        changes = {"images": new.model_dump()["images"] or None}
        await memories.update_memory(self._connection, memory_id, revision, changes)
        await images.copy_pictures(self._connection, memory_id, left)
        await blank_memory_entries(self._connection, memory_id)
        await self._journal(memory_id, revision, new)
        if not merge.is_changed:
            await merges.note_revision(self._connection, memory_id, revision)

    async def _restore(self, merged_id: str, left: Sequence[Memory]) -> None:
        hidden = [each for each in left if each.consolidated_into == merged_id]
        if not hidden:
            return
        first = await self._take_revision(len(hidden))
        marks = [(each, None) for each in hidden]
        await mark_sources(self._connection, self._workspace, self._actor, self._now, first, marks)
        self.outcome.restored += [each.id for each in hidden]

    async def _forget_first_text(self, merge: merges.MergeRecord) -> None:
        await merges.forget_template_summary(self._connection, merge.memory.id)
        if merge.is_changed:
            self._waiting |= await merges.find_merges_with(self._connection, merge.memory.id)
            await blank_memory_entries(self._connection, merge.memory.id)

    async def _note_change(self, memory: Memory) -> None:
        """Note a text that is about to go, and the memories that hold a copy of it, or are found by it."""
        self._before[memory.id] = memory
        self._waiting |= await merges.find_merges_with(self._connection, memory.id) - set(self._before)
        await renew_followers(self._connection, self._workspace, memory.id, self._now, may_be_deleted=True)

    async def _journal(self, memory_id: str, revision: int, after: Memory | None) -> None:
        change = (memory_id, None, None if after is None else after.model_dump(mode="json"))
        await journal_memories(self._connection, self._workspace, self._actor, self._now, revision, [change])

    async def _take_revision(self, steps: int = 1) -> int:
        return await memories.advance_revision(self._connection, self._workspace, steps, self._now, may_be_deleted=True)


async def list_ids_of_project(connection: AsyncConnection, workspace_id: str, project: str) -> list[str]:
    """Return the ids of the memories of a project that are not erased, deleted ones as well, in their order."""
    here = sa.select(table.c.id).where(
        table.c.workspace_id == workspace_id, table.c.project == project, table.c.erased_at.is_(None)
    )
    return list((await connection.execute(here.order_by(table.c.position))).scalars())
