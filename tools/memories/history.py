"""The history of a memory: each of its changes, field by field, and the undoing of one."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from server.errors import Failure
from server.memory.models import Memory, Timestamp
from server.store.record import memories
from server.store.record.journal import Change, get_change, list_changes
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Id
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories.arguments import MemoryRef, make_patch
from tools.memories.marking import Mark, mark_memory
from tools.memories.operations import UpdateMemory, change_memory
from tools.memories.rows import make_memory_not_found

#: The fields whose changes a history tells. The others are counted or noted by the server.
TOLD_FIELDS = (
    *("content", "type", "tags", "scope", "project", "task", "entity", "author", "session", "occurred_at"),
    *("expires_at", "linkages", "source", "metadata", "consolidated_into", "buried_at", "pinned_at"),
)
_MARKS: tuple[Mark, ...] = ("buried_at", "pinned_at")


class MemoryHistory(MemoryRef):
    """The arguments of `memory_history`."""

    limit: int = Field(default=50, ge=1, le=100, description="The largest number of changes.")


class FieldChange(BaseModel):
    """A field that changed."""

    field: str = Field(description="Its name.")
    before: Any = Field(default=None, description="Its value before; null if it had none.")
    after: Any = Field(default=None, description="Its value after; null if it had none.")


class ChangeView(BaseModel):
    """One change of a memory."""

    id: str = Field(description="The change's id, for undo_change.")
    at: Timestamp = Field(description="When it was made.")
    operation: str = Field(description="The operation that made it.")
    user: str | None = Field(default=None, description="The person who made it; null if it was the server itself.")
    app: str | None = Field(default=None, description="The app or the key by which it was made; null if unknown.")
    fields: list[FieldChange] = Field(description="The changes; none if it was stored, deleted or restored.")
    can_be_undone: bool = Field(description="Whether undo_change undoes it, unless a later change is in the way.")


class HistoryAnswer(Answer):
    """The changes of a memory."""

    id: str = Field(description="The memory's id.")
    changes: list[ChangeView] = Field(description="The changes, newest first.")
    truncated: bool = Field(description="True if there are earlier changes.")


class UndoChange(InWorkspace):
    """The arguments of `undo_change`."""

    id: Id = Field(description="The memory's id.")
    change: Id = Field(description="The change's id, from memory_history.")


class UndoneChange(Answer):
    """The memory after a change was undone."""

    id: str = Field(description="The memory's id.")
    fields: list[str] = Field(description="The fields that have their earlier values again.")
    memory: Memory = Field(description="The memory as it is now.")


async def list_history(services: Services, call: Call, args: MemoryHistory) -> HistoryAnswer:
    """Return the changes of a memory that is not deleted, newest first. Raises `not_found`."""
    async with services.db.read() as connection:
        if await memories.get_memory(connection, call.id_for_reading, args.id) is None:
            raise make_memory_not_found(args.id)
        changes = await list_changes(connection, args.id, args.limit + 1)
    shown = [_show_change(each) for each in changes[: args.limit]]
    return HistoryAnswer(meta=call.meta, id=args.id, changes=shown, truncated=len(changes) > args.limit)


async def undo_change(services: Services, call: Call, args: UndoChange) -> UndoneChange:
    """Give the fields of one change their earlier values again, as a new change.

    Raises:
        Failure: `not_found`; `conflict` if a field was changed again since, or if no field was changed.
    """
    number = int(args.change) if args.change.isdecimal() and len(args.change) <= _LONGEST_ID else -1
    async with services.db.read() as connection:
        if await memories.get_memory(connection, call.id_for_reading, args.id) is None:
            raise make_memory_not_found(args.id)
        change = await get_change(connection, args.id, number)
    if change is None:
        raise Failure("not_found", f"This memory has no change {args.change}.", field="change")
    told = _list_fields(change)
    if not _can_be_undone(told):
        message = "This change cannot be undone here: call restore_memory, delete_memory or undo_consolidation."
        raise Failure("conflict", message, field="change")
    values = {each.field: each for each in told}
    given = {name: each for name, each in values.items() if name not in _MARKS}

    def check(memory: Memory) -> None:
        now = memory.model_dump(mode="json")
        if changed := [name for name, each in values.items() if now.get(name) != each.after]:
            message = f"{changed[0]} was changed again since; undo that change first."
            raise Failure("conflict", message, field="change")

    if given:
        await change_memory(services, call, _make_update(args.id, given), check)
    for mark in _MARKS:
        if mark in values:
            await mark_memory(services, call, args.id, mark, is_set=values[mark].before is not None)
    memory = await memories.get_memory(services.db, call.id_for_reading, args.id)
    if memory is None:
        raise make_memory_not_found(args.id)
    return UndoneChange(meta=call.meta, id=args.id, fields=list(values), memory=memory)


#: The digits of the largest number of an entry.
_LONGEST_ID = 18


def _show_change(change: Change) -> ChangeView:
    fields = _list_fields(change)
    return ChangeView(
        id=str(change.id),
        at=change.at,
        operation=change.operation,
        user=change.user,
        app=change.app,
        fields=fields,
        can_be_undone=_can_be_undone(fields),
    )


def _list_fields(change: Change) -> list[FieldChange]:
    """Return the fields that a change changed; none if it stored, deleted or restored the memory."""
    before, after = change.before, change.after
    if before is None or after is None:
        return []
    names = [name for name in TOLD_FIELDS if before.get(name) != after.get(name)]
    return [FieldChange(field=name, before=before.get(name), after=after.get(name)) for name in names]


def _can_be_undone(fields: list[FieldChange]) -> bool:
    return bool(fields) and all(each.field != "consolidated_into" for each in fields)


def _make_update(memory_id: str, given: Mapping[str, FieldChange]) -> UpdateMemory:
    """Return the arguments of an update that brings earlier values back. Raises `conflict` if they are not valid."""
    values: dict[str, Any] = {name: each.before for name, each in given.items() if each.before is not None}
    if "metadata" in given:
        values["metadata"] = make_patch(given["metadata"].after or {}, given["metadata"].before or {})
    cleared = [name for name, each in given.items() if each.before is None and name != "metadata"]
    try:
        return UpdateMemory.model_validate({"id": memory_id, "clear": cleared} | values)
    except ValidationError:
        message = "This change cannot be undone: an earlier value is not allowed any more."
        raise Failure("conflict", message, field="change") from None


OPERATIONS = (
    Operation(
        name="memory_history",
        description=(
            "List the changes of one memory, newest first: who made each, when, by which app, and each field with its "
            "earlier and its new value."
        ),
        routes=(("GET", "/v1/memories/{id}/history"),),
        scope="memory:read",
        effect=Effect.READ,
        args=MemoryHistory,
        returns=HistoryAnswer,
        handler=list_history,
    ),
    Operation(
        name="undo_change",
        description=(
            "Undo one change of a memory that memory_history lists: its fields have their earlier values again, unless "
            "they were changed once more since."
        ),
        routes=(("POST", "/v1/memories/{id}/history/{change}/undo"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UndoChange,
        returns=UndoneChange,
        handler=undo_change,
    ),
)
