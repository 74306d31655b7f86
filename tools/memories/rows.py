"""The preparation of a change of a memory, for several subjects: find it, hold it, and check its links."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.memory.models import Linkage, Memory
from server.store.record import memories
from server.store.record.journal import Actor, journal_memories
from server.store.record.notes import working_memory
from server.store.record.relations import graph
from server.store.record.workspaces import WorkspaceGone
from tools.memories.arguments import MOST_LINKS, to_json_value


def make_memory_not_found(memory_id: str, field: str = "id") -> Failure:
    """The refusal of an id that `field` names: the same for unknown, foreign and deleted memories."""
    return Failure("not_found", f"Memory not found: {memory_id}.", field=field)


async def hold_memory(
    connection: AsyncConnection, workspace_id: str, memory_id: str, now: datetime, *, may_be_deleted: bool = False
) -> tuple[int, Memory]:
    """Return the revision that a memory is about to get, and the memory as it is now.

    The revision is taken first: that holds the workspace against other writers, so that nobody changes the memory
    between this read and the write. Raises `not_found`; then the transaction is undone, and the revision is free again.
    """
    try:
        revision = await memories.advance_revision(connection, workspace_id, 1, now)
    except WorkspaceGone:
        raise make_memory_not_found(memory_id) from None
    memory = await memories.get_memory(connection, workspace_id, memory_id, may_be_deleted=may_be_deleted)
    if memory is None:
        raise make_memory_not_found(memory_id)
    return revision, memory


async def check_links(
    connection: AsyncConnection, workspace_id: str, linkages: Sequence[Linkage], field: str, own_id: str | None = None
) -> None:
    """Refuse links to memories and items that do not exist, to the memory itself, and those that close a circle.

    A circle of links with one label says nothing, or contradicts itself: a memory that supersedes another is not
    superseded by it.

    Raises:
        Failure: `invalid`.
    """
    linked = _list_linked_ids(linkages, "memory")
    if own_id in linked:
        raise Failure("invalid", f"{field}: a memory cannot link to itself; name another one.", field=field)
    if linked:
        _refuse_missing(linked, await memories.find_existing_ids(connection, workspace_id, linked), field, "memory")
    if items := _list_linked_ids(linkages, "item"):
        there = await working_memory.find_existing_items(connection, workspace_id, items)
        _refuse_missing(items, there, field, "working-memory item")
    if own_id is not None:
        await _refuse_circles(connection, workspace_id, linkages, field, own_id)


def join_links(memory: Memory, wanted: Sequence[Linkage], field: str) -> list[Linkage]:
    """Return the links of a memory with those that it shall have as well, each once.

    Raises:
        Failure: `invalid` if there are too many.
    """
    linkages = list(dict.fromkeys([*memory.linkages, *wanted]))
    if len(linkages) > max(MOST_LINKS, len(memory.linkages)):
        message = f"{field}: a memory has at most {MOST_LINKS} links; with these it would have {len(linkages)}."
        raise Failure("invalid", message, field=field)
    return linkages


async def add_links(
    connection: AsyncConnection,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    revision: int,
    memory: Memory,
    wanted: Sequence[Linkage],
) -> Memory:
    """Give a memory links that were checked, as a change with this revision, unless it has them; return the memory.

    Raises:
        Failure: `invalid` if it would have too many.
    """
    linkages = join_links(memory, wanted, "linkages")
    if len(linkages) == len(memory.linkages):
        return memory
    after = memory.model_copy(update={"linkages": linkages, "updated_at": now})
    changes = {"linkages": to_json_value(linkages), "updated_at": now}
    await memories.update_memory(connection, memory.id, revision, changes)
    change = (memory.id, memory.model_dump(mode="json"), after.model_dump(mode="json"))
    await journal_memories(connection, workspace_id, actor, now, revision, [change])
    return after


async def _refuse_circles(
    connection: AsyncConnection, workspace_id: str, linkages: Sequence[Linkage], field: str, own_id: str
) -> None:
    for label in dict.fromkeys(link.label for link in linkages if link.type == "memory"):
        ends = _list_linked_ids([link for link in linkages if link.label == label], "memory")
        if await graph.is_reachable(connection, workspace_id, own_id, ends, label):
            message = (
                f"{field}: this would close a circle: links labelled {label or graph.RELATED!r} lead back from there "
                "already. They are followed both ways, so leave it out, or say by its label what else it means."
            )
            raise Failure("invalid", message, field=field)


def _list_linked_ids(linkages: Sequence[Linkage], kind: str) -> list[str]:
    return [link.id for link in linkages if link.type == kind and link.id is not None]


def _refuse_missing(wanted: Sequence[str], existing: Collection[str], field: str, noun: str) -> None:
    for each in wanted:
        if each not in existing:
            raise Failure("invalid", f"{field}: there is no {noun} {each!r} in this workspace to link to.", field=field)
