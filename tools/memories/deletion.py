"""Deleting memories: hiding them, or erasing them with every copy of their texts."""

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.lifecycle import merges
from server.store.lifecycle.forgetting import ErasedWorkspace, forget_memories
from server.store.record import memories, workspaces
from server.store.record.journal import journal_memories
from server.store.record.notes import identity
from server.store.record.people import rights
from server.store.record.recall.repetitions import TextKind, count_repetitions, find_repetitions
from server.store.record.relations.followers import renew_followers
from tools.core.answers import Answer
from tools.core.call import Call
from tools.core.services import Services
from tools.memories.arguments import MemoryRef
from tools.memories.remains import find_remains
from tools.memories.rows import hold_memory

PlaceKind = TextKind | Literal["event", "file"]

_WRITTEN_BY_SOMEBODY = (
    "The memory is erased, but `kept` names texts that repeat it. Change or delete them too, if that is meant."
)
_ELSEWHERE = "`elsewhere` names other workspaces that repeat its text. Erase it there, too, if that is meant."
_STILL_SAID = (
    "The memory is hidden, but `kept` names generated texts that still say it until it is erased. If that is not "
    "meant, delete it with `erase`."
)


class DeleteMemory(MemoryRef):
    """The arguments of `delete_memory`."""

    erase: bool = Field(default=False, description="Overwrite its text and its copies now, not weeks later.")


class TextPlace(BaseModel):
    """A place that holds a text."""

    kind: PlaceKind = Field(description="What it is.")
    id: str = Field(description="Its id; the name of a section or of a file.")


class TextElsewhere(BaseModel):
    """The number of texts in another workspace that repeat a text."""

    workspace: str = Field(description="What the argument `workspace` takes for it.")
    count: int = Field(description="How many memories, items and other texts there repeat it.")


class DeletedMemory(Answer):
    """The memory that was deleted."""

    id: str = Field(description="The memory's id.")
    deleted: Literal[True] = Field(default=True, description="It is gone from every path.")
    erased: bool = Field(
        description="Whether its text was overwritten for good, and no copy of it is known to stay. Reports of "
        "agents that say it in other words are not known: they stay until LOCI_EVENT_DAYS are over."
    )
    receipt: str | None = Field(
        default=None,
        description="With `erase`: the id of the receipt. The text is not stored again until a person lifts that.",
    )
    also_erased: list[TextPlace] = Field(default=[], description="The copies that were erased with it.")
    rewritten: list[TextPlace] = Field(
        default=[],
        description="The generated texts that were written again without it, from what is left, and the memories whose "
        "links to it lost their labels.",
    )
    restored: list[TextPlace] = Field(
        default=[], description="The memories that are back, because the one in their place was erased."
    )
    kept: list[TextPlace] = Field(
        default=[],
        description="The texts that stay and repeat it: those that somebody wrote and, without `erase`, the memories "
        "and the crystal that were made from it.",
    )
    elsewhere: list[TextElsewhere] = Field(
        default=[], description="With `erase`: the other workspaces that you may read in which texts repeat it."
    )


async def delete_memory(services: Services, call: Call, args: DeleteMemory) -> DeletedMemory:
    """Hide a memory from every path at once; with `erase`, also overwrite its text, even if it is deleted already.

    Raises `not_found`.
    """
    if args.erase:
        return await _erase_memory(services, call, args.id)
    now, workspace = services.now(), call.id_for_reading
    async with services.db.write() as connection:
        revision, before = await hold_memory(connection, workspace, args.id, now)
        await memories.update_memory(connection, args.id, revision, {"deleted_at": now})
        await renew_followers(connection, workspace, args.id, now)
        change = (args.id, before.model_dump(mode="json"), None)
        await journal_memories(connection, workspace, call.actor, now, revision, [change])
        kept = _to_places("memory", await merges.list_visible_merges(connection, args.id))
        kept += _to_places("crystal", await find_shown_crystal(connection, workspace, args.id))
    await services.projection.project(workspace)
    return DeletedMemory(meta=call.build_meta(_STILL_SAID if kept else None), id=args.id, erased=False, kept=kept)


async def find_shown_crystal(connection: AsyncConnection, workspace_id: str, memory_id: str) -> list[str]:
    """Return the id of the newest crystal if it is composed and quotes the memory: contexts show only that one."""
    quoting = await identity.find_quoting_crystals(connection, workspace_id, [memory_id])
    latest = await identity.get_latest_crystal(connection, workspace_id)
    return [latest.id] if latest is not None and latest.id in quoting else []


async def _erase_memory(services: Services, call: Call, memory_id: str) -> DeletedMemory:
    """Overwrite a memory's text and its copies, and look for the texts that repeat it and stay."""
    now, workspace = services.now(), call.id_for_reading
    async with services.db.write() as connection:
        await hold_memory(connection, workspace, memory_id, now, may_be_deleted=True)
        place = ErasedWorkspace(call.workspace.account_id, workspace)
        done, _, receipt = await forget_memories(connection, services.tombstones, place, [memory_id], call.actor, now)
    if done.rewritten:
        services.encoder.filling.note_gaps()
    services.encoder.source.forget_queries()
    services.vocabularies.forget()
    services.known_names.forget()
    await services.projection.project(workspace)
    remains = await find_remains(services)
    async with services.db.read() as connection:
        repetitions = await find_repetitions(connection, workspace, done.texts)
        elsewhere = await _find_elsewhere(connection, call, done.texts)
    kept = _to_places("memory", done.kept)
    kept += [TextPlace(kind=kind, id=each) for kind, each in repetitions if each not in done.kept]
    notices = [_WRITTEN_BY_SOMEBODY] if kept else []
    kept += _to_places("file", remains.files)
    notices += [each for each in (remains.notice, _ELSEWHERE if elsewhere else None) if each]
    return DeletedMemory(
        meta=call.build_meta(" ".join(notices) or None),
        id=memory_id,
        erased=not kept and not elsewhere,
        receipt=receipt,
        also_erased=[
            *_to_places("memory", (each for each in done.erased if each != memory_id)),
            *_to_places("crystal", done.erased_crystals),
            *_to_places("golden_case", done.erased_cases),
            *_to_places("event", done.erased_events),
        ],
        rewritten=[
            *_to_places("memory", [*done.rewritten, *done.unlabelled]),
            *_to_places("crystal", done.rewritten_crystals),
        ],
        restored=_to_places("memory", done.restored),
        kept=kept,
        elsewhere=elsewhere,
    )


async def _find_elsewhere(connection: AsyncConnection, call: Call, texts: Sequence[str]) -> list[TextElsewhere]:
    """Return the other workspaces that the caller may read, of any account, in which texts repeat these."""
    if call.principal.workspace_id is not None:
        return []
    usable = await rights.list_usable_workspaces(connection, call.principal.user_id)
    there = await workspaces.get_workspaces(connection, [each.id for each in usable])
    accounts = {each.id: each.account for each in usable}
    names = {
        each.id: each.name if each.account_id == call.principal.account_id else f"{accounts[each.id]}/{each.name}"
        for each in there.values()
        if each.id != call.id_for_reading
    }
    counts = await count_repetitions(connection, names.keys(), texts)
    return [TextElsewhere(workspace=names[each], count=count) for each, count in counts.items()]


def _to_places(kind: PlaceKind, ids: Iterable[str]) -> list[TextPlace]:
    return [TextPlace(kind=kind, id=each) for each in dict.fromkeys(ids)]
