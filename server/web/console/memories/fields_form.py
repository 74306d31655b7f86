"""The form that changes the fields of a memory: what it shows, and what a person changed in it."""

import json
from datetime import datetime
from typing import Any, cast

from auth.parameters import Parameters
from auth.texts import say
from server.errors import Failure
from tools.memories.arguments import make_patch
from tools.memories.operations import FetchedMemory

#: The fields that are texts or times, and those of them that are cleared if they are empty.
CHANGED = (
    *("content", "type", "scope", "project", "task", "entity", "author", "session", "occurred_at", "expires_at"),
    "source",
)
CLEARED = frozenset(CHANGED) - {"content", "type", "scope"}


def list_fields(memory: FetchedMemory) -> dict[str, str]:
    """Return the fields of the form with their values as it shows them; times are in UTC."""
    metadata = json.dumps(memory.metadata, indent=2, ensure_ascii=False) if memory.metadata else ""
    shown = {name: _write_field(getattr(memory, name)) for name in CHANGED}
    return shown | {"tags": ", ".join(memory.tags), "metadata": metadata}


def list_sent_fields(memory: FetchedMemory, form: Parameters) -> dict[str, str]:
    """Return the fields as a form sent them, so that nobody has to write them again."""
    sent = {name: value for name, value in form.pairs if name in {*CHANGED, "tags", "metadata"}}
    return list_fields(memory) | sent


def read_changes(memory: FetchedMemory, form: Parameters) -> dict[str, Any]:
    """Return the arguments of `update_memory` for what differs; a field that the form does not have stays as it is.

    Raises:
        Failure: `invalid`, the metadata are no JSON object.
    """
    now, sent = list_fields(memory), {name for name, _ in form.pairs}
    given = {name: form.get(name) or "" for name in CHANGED if name in sent}
    # A browser sends each line of a text with CR and LF.
    changed = {name: text for name, text in given.items() if text.replace("\r\n", "\n") != now[name]}
    values: dict[str, Any] = {name: text for name, text in changed.items() if text or name not in CLEARED}
    tags = [each.strip() for each in (form.get("tags") or "").split(",") if each.strip()]
    if "tags" in sent and tags != memory.tags:
        values["tags"] = tags
    if cleared := [name for name, text in changed.items() if not text and name in CLEARED]:
        values["clear"] = cleared
    if "metadata" in sent and (patch := make_patch(memory.metadata, _read_metadata(form.get("metadata") or ""))):
        values["metadata"] = patch
    return values


def _read_metadata(text: str) -> dict[str, Any]:
    """Return the object that a text is in JSON; an empty text is an empty one."""
    if not text.strip():
        return {}
    try:
        read: Any = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        message = say(
            'The metadata are no JSON: look at line %(line)s. An example: {"place": "attic", "boxes": 3}', line=line
        )
        raise Failure("invalid", message, field="metadata") from None
    if not isinstance(read, dict):
        message = say('The metadata must be one JSON object, as in {"place": "attic", "boxes": 3}')
        raise Failure("invalid", message, field="metadata")
    return cast("dict[str, Any]", read)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity, which JSON does not have


def _write_field(value: object) -> str:
    return value.strftime("%Y-%m-%dT%H:%M") if isinstance(value, datetime) else str(value or "")
