"""The audit of calls: each call of an operation becomes an entry, also one that was refused."""

import asyncio
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from server.errors import Failure
from server.store.audit.entry import ABANDONED, ERROR, OK, Entry
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.core.call import Door
from tools.core.services import Services
from tools.core.trace import Trace


async def note_answer(services: Services, door: Door, trace: Trace, answer: object) -> None:
    """Note a call that was answered. If it changed the account itself, the entry is on the disk when this returns.

    A change in a workspace does not wait: the journal has it, in the transaction of the change.
    """
    audit = services.audit
    is_read = trace.effect == "read"
    if not audit.wants(is_read=is_read):
        return
    if isinstance(trace.workspace, MissingWorkspace) and not is_read:  # this call may have made it
        missing = trace.workspace
        trace.workspace = await services.directory.find_workspace(missing.account_id, missing.name) or missing
    entry = _make_entry(services, door, trace, OK, None if answer is None else count_things(answer))
    if is_read or trace.is_journaled:
        audit.note(entry)
    else:
        await audit.write(entry)


def note_failure(services: Services, door: Door, trace: Trace, error: BaseException) -> None:
    """Note a call that was refused, that failed, or that was broken off."""
    if not services.audit.wants(is_read=trace.effect == "read"):
        return
    if isinstance(error, Failure):
        outcome: str = error.code
    else:
        outcome = ABANDONED if isinstance(error, asyncio.CancelledError) else ERROR
    services.audit.note(_make_entry(services, door, trace, outcome, None))


def _make_entry(services: Services, door: Door, trace: Trace, outcome: str, count: int | None) -> Entry:
    principal, workspace = door.principal, trace.workspace
    return Entry(
        trace.account_id or principal.account_id if workspace is None else workspace.account_id,
        services.now(),
        door.request_id,
        principal.user_id,
        principal.credential_id,
        principal.client_id,
        principal.via,
        door.name,
        workspace.id if isinstance(workspace, Workspace) else principal.workspace_id,
        trace.operation,
        trace.effect,
        outcome,
        count,
    )


def count_things(answer: object) -> int:
    """Return the number of memories or other things that an answer lists; 1 if it has no list of things."""
    value: Any = answer
    for name in _find_list(type(answer)):
        value = getattr(value, name, None)
    return len(value) if isinstance(value, list) else 1  # pyright: ignore[reportUnknownArgumentType] - counted alone


@cache
def _find_list(model: type[object]) -> tuple[str, ...]:
    """Return the way to the list of things in answers of this type: names of fields; empty if there is none.

    A thing has an id. An answer with an id of its own is about one thing. Memories go
    first, then the first list.
    """
    if not issubclass(model, BaseModel) or "id" in model.model_fields:
        return ()
    for name, each in sorted(model.model_fields.items(), key=lambda field: field[0] != "memories"):
        for option in (each.annotation, *get_args(each.annotation)):
            if get_origin(option) is list and _has_id(get_args(option)[0]):
                return (name,)
            if isinstance(option, type) and name != "meta" and (way := _find_list(option)):
                return (name, *way)
    return ()


def _has_id(thing: object) -> bool:
    fields = getattr(thing, "model_fields", None) or getattr(thing, "__dataclass_fields__", {})
    return "id" in fields
