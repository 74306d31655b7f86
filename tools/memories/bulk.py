"""Changing many memories at once: those that are named, or those that pass filters, after a dry run."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.memory.models import Memory
from server.store.record import memories, memory_lists
from server.store.record.journal import journal_memories
from server.store.record.memory_lists import Listing, Status
from server.store.record.relations.followers import list_followers, renew_memories
from server.store.record.workspaces import WorkspaceGone
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Id, NewName, NewWords
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories.arguments import Facets

#: The most memories of one call, which is one transaction.
MOST_CHANGED = 500
#: The most of them that an answer shows, and the characters of each.
SAMPLE, SAMPLE_CHARACTERS = 10, 200
_MOST_TAGS = 50

Action = Literal["delete", "bury", "unbury", "tag", "untag", "move"]
#: Why a memory is left as it is.
SkipReason = Literal["not_found", "unchanged", "merged", "too_many_tags", "needs_project"]


class ChangeMemories(InWorkspace, Facets):
    """The arguments of `change_memories`."""

    action: Action = Field(description="The change: delete, bury, unbury, tag, untag, or move to another project.")
    ids: list[Id] = Field(
        default=[], max_length=MOST_CHANGED, description="The memories; or name filters, and all that pass are meant."
    )
    status: Status | None = Field(default=None, description="Only memories in this state; `active` if it is left out.")
    words: NewWords = Field(default=[], description="The tags to add or to remove, with tag and untag.")
    to_project: NewName | None = Field(default=None, description="The project, with move; without it: no project.")
    dry_run: bool = Field(default=False, description="Whether to change nothing, and only say what would change.")
    expected: int | None = Field(
        default=None,
        ge=0,
        le=MOST_CHANGED,
        description="The count that a dry run told: refused if it is another one by now.",
    )

    @model_validator(mode="after")
    def _require_choice(self) -> Self:
        filters = {*Facets.model_fields, "status"} & self.model_fields_set
        if self.ids and filters:
            raise ValueError("send ids or filters, not both")
        if not self.ids and not filters:
            raise ValueError("name the memories in ids, or at least one filter, such as status")
        if (self.action in {"tag", "untag"}) != bool(self.words):
            raise ValueError("words are for the actions tag and untag, which need some")
        if self.to_project is not None and self.action != "move":
            raise ValueError("to_project is for the action move alone")
        return self


class SampleMemory(BaseModel):
    """A memory that is changed."""

    id: str = Field(description="The memory's id.")
    content: str = Field(description="The beginning of its text.")
    type: str = Field(description="Its type.")


class SkippedMemory(BaseModel):
    """A memory that is left as it is."""

    id: str = Field(description="The memory's id.")
    reason: SkipReason = Field(
        description="not_found; unchanged: it is so already; merged: into another memory; too_many_tags: it would have "
        "more than 50; needs_project: it belongs to a task, which is in a project."
    )


class ChangedMemories(Answer):
    """The change of many memories, or what it would be."""

    action: Action = Field(description="The change.")
    dry_run: bool = Field(description="True if nothing was changed.")
    count: int = Field(description="The number of memories that changed, or would change.")
    sample: list[SampleMemory] = Field(description="The first ten of them.")
    skipped: list[SkippedMemory] = Field(description="Those that are left as they are.")


async def change_memories(services: Services, call: Call, args: ChangeMemories) -> ChangedMemories:
    """Change up to 500 memories in one transaction, or none.

    Raises:
        Failure: `invalid` if more pass the filters; `conflict` if the count is not the expected one.
    """
    now, workspace = services.now(), call.id_for_reading
    if args.dry_run:
        async with services.db.read() as connection:
            chosen, skipped = await _choose(connection, workspace, args, now)
        return _answer(call, args, chosen, skipped)
    async with services.db.write() as connection:
        try:
            await memories.advance_revision(connection, workspace, 0, None)  # nobody else changes them meanwhile
        except WorkspaceGone:
            return _answer(call, args, {}, [SkippedMemory(id=each, reason="not_found") for each in args.ids])
        chosen, skipped = await _choose(connection, workspace, args, now)
        if args.expected is not None and args.expected != len(chosen):
            message = f"{len(chosen)} memories would change by now, and not {args.expected}; make a dry run again."
            raise Failure("conflict", message, field="expected")
        if chosen:
            await _carry_out(connection, workspace, call, args, chosen, now)
    if chosen:
        await services.projection.project(workspace)
    return _answer(call, args, chosen, skipped)


_Chosen = Mapping[str, tuple[Memory, dict[str, Any]]]


async def _choose(
    connection: AsyncConnection, workspace_id: str, args: ChangeMemories, now: datetime
) -> tuple[_Chosen, list[SkippedMemory]]:
    """Return the memories that change, each with its new values, by id; and those that are left as they are."""
    found = await _read(connection, workspace_id, args, now)
    skipped = [SkippedMemory(id=each, reason="not_found") for each in dict.fromkeys(args.ids) if each not in found]
    chosen: dict[str, tuple[Memory, dict[str, Any]]] = {}
    for memory in found.values():
        changes = _CHANGERS[args.action](memory, args, now)
        if isinstance(changes, str):
            skipped.append(SkippedMemory(id=memory.id, reason=changes))
        else:
            chosen[memory.id] = memory, changes
    return chosen, skipped


async def _read(
    connection: AsyncConnection, workspace_id: str, args: ChangeMemories, now: datetime
) -> Mapping[str, Memory]:
    if args.ids:
        found = await memories.get_memories(connection, workspace_id, args.ids)
        return {each: found[each] for each in dict.fromkeys(args.ids) if each in found}
    listing = Listing(
        status=args.status or "active",
        limit=MOST_CHANGED,
        types=args.type,
        tags=args.tags,
        equal=args.list_exact_filters(),
        tiers=args.list_tiers(),
    )
    page, total = await memory_lists.list_page(connection, workspace_id, listing, now)
    if total > MOST_CHANGED:
        message = f"{total} memories pass the filters, and {MOST_CHANGED} can change at once. Name more filters."
        raise Failure("invalid", message, field="status" if args.status else "type")
    return {each.id: each for each in page}


async def _carry_out(
    connection: AsyncConnection, workspace_id: str, call: Call, args: ChangeMemories, chosen: _Chosen, now: datetime
) -> None:
    first = await memories.advance_revision(connection, workspace_id, len(chosen), now)
    entries: list[tuple[str, dict[str, Any] | None, dict[str, Any] | None]] = []
    for step, (memory, changes) in enumerate(chosen.values()):
        stamp = {} if args.action == "delete" else {"updated_at": now}
        await memories.update_memory(connection, memory.id, first + step, changes | stamp)
        after = memory.model_copy(update=changes | stamp)
        entries.append(
            (
                memory.id,
                memory.model_dump(mode="json"),
                None if args.action == "delete" else after.model_dump(mode="json"),
            )
        )
    await journal_memories(connection, workspace_id, call.actor, now, first, entries)
    if args.action in {"delete", "bury", "unbury"}:
        followers: dict[str, None] = {}
        for memory_id in chosen:
            followers |= dict.fromkeys(await list_followers(connection, workspace_id, memory_id))
        # Those that change themselves are written again anyway.
        await renew_memories(connection, workspace_id, [each for each in followers if each not in chosen], now)


def _answer(call: Call, args: ChangeMemories, chosen: _Chosen, skipped: Sequence[SkippedMemory]) -> ChangedMemories:
    first = [memory for memory, _ in chosen.values()][:SAMPLE]
    sample = [SampleMemory(id=each.id, content=each.content[:SAMPLE_CHARACTERS], type=each.type) for each in first]
    return ChangedMemories(
        meta=call.meta,
        action=args.action,
        dry_run=args.dry_run,
        count=len(chosen),
        sample=sample,
        skipped=list(skipped),
    )


def _plan_deletion(memory: Memory, args: ChangeMemories, now: datetime) -> dict[str, Any] | SkipReason:  # noqa: ARG001 - one form
    return {"deleted_at": now}


def _plan_burying(memory: Memory, args: ChangeMemories, now: datetime) -> dict[str, Any] | SkipReason:  # noqa: ARG001 - one form
    if memory.consolidated:
        return "merged"
    return "unchanged" if memory.buried_at is not None else {"buried_at": now, "pinned_at": None}


def _plan_unburying(memory: Memory, args: ChangeMemories, now: datetime) -> dict[str, Any] | SkipReason:  # noqa: ARG001 - one form
    return "unchanged" if memory.buried_at is None else {"buried_at": None}


def _plan_tagging(memory: Memory, args: ChangeMemories, now: datetime) -> dict[str, Any] | SkipReason:  # noqa: ARG001 - one form
    tags = list(dict.fromkeys([*memory.tags, *args.words]))
    if len(tags) > max(_MOST_TAGS, len(memory.tags)):
        return "too_many_tags"
    return "unchanged" if tags == memory.tags else {"tags": tags}


def _plan_untagging(memory: Memory, args: ChangeMemories, now: datetime) -> dict[str, Any] | SkipReason:  # noqa: ARG001 - one form
    gone = {each.lower() for each in args.words}
    tags = [each for each in memory.tags if each.lower() not in gone]
    return "unchanged" if tags == memory.tags else {"tags": tags}


def _plan_move(memory: Memory, args: ChangeMemories, now: datetime) -> dict[str, Any] | SkipReason:  # noqa: ARG001 - one form
    if memory.project == args.to_project:
        return "unchanged"
    if args.to_project is None and memory.task is not None:
        return "needs_project"
    scope = "global" if args.to_project is None else "task" if memory.task is not None else "project"
    return {"project": args.to_project, "scope": scope}


_Changer = Callable[[Memory, ChangeMemories, datetime], dict[str, Any] | SkipReason]
_CHANGERS: Mapping[Action, _Changer] = {
    "delete": _plan_deletion,
    "bury": _plan_burying,
    "unbury": _plan_unburying,
    "tag": _plan_tagging,
    "untag": _plan_untagging,
    "move": _plan_move,
}


OPERATIONS = (
    Operation(
        name="change_memories",
        description=(
            "Delete, bury, unbury, tag, untag or move many memories at once: those named in ids, or all that pass the "
            f"filters, at most {MOST_CHANGED}. All change or none. Make a dry run first, show its count and sample to "
            "the person, and send its count as `expected`."
        ),
        routes=(("POST", "/v1/memories/change"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=ChangeMemories,
        returns=ChangedMemories,
        handler=change_memories,
    ),
)
