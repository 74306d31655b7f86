"""The changes of a memory as its page shows them: each field in words, with what went and what came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from auth.texts import Text, say
from server.web.console.memories.word_diff import Piece, diff_words
from tools.memories.history import ChangeView

#: The names of fields and operations on pages. Others are shown as they are.
FIELD_NAMES: Mapping[str, Text] = {
    "content": say("Text"),
    "entity": say("About"),
    "author": say("Said by"),
    "occurred_at": say("Happened"),
    "expires_at": say("Ends"),
    "linkages": say("Links"),
    "buried_at": say("Buried"),
    "pinned_at": say("Pinned"),
    "consolidated_into": say("Merged into"),
}
_OPERATION_NAMES: Mapping[str, Text] = {
    "store_memory": say("Stored"),
    "ingest_memories": say("Stored"),
    "update_memory": say("Changed"),
    "delete_memory": say("Deleted"),
    "restore_memory": say("Restored"),
    "link_memories": say("Linked"),
    "bury_memory": say("Buried"),
    "unbury_memory": say("Brought back"),
    "pin_memory": say("Pinned"),
    "unpin_memory": say("Unpinned"),
    "undo_change": say("A change was undone"),
    "change_memories": say("Changed with others"),
}


@dataclass(frozen=True, slots=True)
class ShownField:
    """A field that changed: its name, and its text with what went and what came."""

    name: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change: what was done, when, by whom, and to which fields."""

    id: str
    title: str
    at: datetime
    by: str
    fields: Sequence[ShownField]
    can_be_undone: bool


def show_change(change: ChangeView) -> ShownChange:
    """Return a change as the page shows it."""
    fields = [
        ShownField(
            FIELD_NAMES.get(each.field, each.field.capitalize()),
            diff_words(_write_value(each.before), _write_value(each.after)),
        )
        for each in change.fields
    ]
    title = _OPERATION_NAMES.get(change.operation, change.operation.replace("_", " ").capitalize())
    if change.user and change.app:
        by = say("%(person)s with %(app)s", person=change.user, app=change.app)
    else:
        by = change.user or change.app or say("the server")
    return ShownChange(change.id, title, change.at, by, fields, change.can_be_undone)


def _write_value(value: Any) -> str:
    """Return a stored value as text: a list with commas, a link as its meaning and its end."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_write_value(each) for each in cast("list[Any]", value))
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if "type" in fields and ("id" in fields or "path" in fields):
            return f"{fields.get('label') or 'linked to'} {fields.get('id') or fields.get('path')}"
        return ", ".join(f"{name}: {_write_value(each)}" for name, each in fields.items())
    return str(value)
