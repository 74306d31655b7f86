"""Filling in what a new memory was stored without: its session, its author, and when it happened.

Each is marked in `inferred`. Nothing that was given is replaced.
"""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.dates.told import find_told_time
from server.memory.models import INFERABLE, Memory
from server.store.record.connection_sessions import find_session
from tools.core.call import AccountCall, PlacedCall
from tools.core.services import Services


async def infer_from_texts(services: Services, call: AccountCall, new: Sequence[Memory], zone: tzinfo) -> list[Memory]:
    """Return the memories with the author, the user who stores them, and with the times that their texts tell."""
    user = await services.directory.find_user(call.principal.user_id)
    author = None if user is None else user.name
    told = [find_told_time(each.content, each.created_at, zone) if each.occurred_at is None else None for each in new]
    return [_fill_in(each, author=author, occurred_at=at) for each, at in zip(new, told, strict=True)]


async def infer_sessions(
    connection: AsyncConnection, call: PlacedCall, new: Sequence[Memory], now: datetime
) -> list[Memory]:
    """Return the memories with the session of the connection that stores them, one for each project.

    The connection is the key, the grant or the external subject, and the app. Call this in the transaction that stores
    the memories.
    """
    principal = call.principal
    sessions: dict[str, str] = {}
    for project in dict.fromkeys(each.project or "" for each in new if each.session is None):
        names = (principal.credential_id, principal.client_id or "", project)
        sessions[project] = await find_session(connection, call.workspace.id, names, now)
    return [_fill_in(each, session=sessions.get(each.project or "")) for each in new]


def _fill_in(memory: Memory, **known: Any) -> Memory:
    """Return a memory with the values that are known, in the fields that it has no value for."""
    filled = {name: value for name, value in known.items() if value is not None and getattr(memory, name) is None}
    if not filled:
        return memory
    inferred = [name for name in INFERABLE if name in filled or name in memory.inferred]
    return memory.model_copy(update={**filled, "inferred": inferred})


def infer_again(before: Memory, changes: dict[str, Any], now: datetime, zone: tzinfo) -> dict[str, Any]:
    """Return the changes of a memory with what follows from them for the fields that are inferred.

    A field with a new value is inferred no longer. If the text changes, and nobody gave the time, it is read again. The
    same words of a time still mean what they meant when the memory was stored; other words count from now.
    """
    inferred = {name for name in before.inferred if changes.get(name, getattr(before, name)) == getattr(before, name)}
    again: dict[str, Any] = {}
    is_open = before.occurred_at is None or "occurred_at" in inferred
    if "content" in changes and "occurred_at" not in changes and is_open:
        text, stored_at = changes["content"], before.created_at
        if find_told_time(text, stored_at, zone) != find_told_time(before.content, stored_at, zone):
            again["occurred_at"] = find_told_time(text, now, zone)
            inferred.discard("occurred_at")
            inferred |= {"occurred_at"} if again["occurred_at"] is not None else set()
    marks = [name for name in INFERABLE if name in inferred]
    return changes | again | ({} if marks == before.inferred else {"inferred": marks or None})
