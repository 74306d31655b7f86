"""The changes of a memory as its page shows them: each field in words, with what went and what came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from server.web.console.word_diff import Piece, diff_words
from tools.memories.history import ChangeView

#: The names of fields and operations on pages. Others are shown as they are.
FIELD_NAMES: Mapping[str, str] = {
    "content": "Text",
    "entity": "About",
    "author": "Said by",
    "occurred_at": "Happened",
    "expires_at": "Ends",
    "linkages": "Links",
    "buried_at": "Buried",
    "pinned_at": "Pinned",
    "consolidated_into": "Merged into",
}
_OPERATION_NAMES: Mapping[str, str] = {
    "store_memory": "Stored",
    "ingest_memories": "Stored",
    "update_memory": "Changed",
    "delete_memory": "Deleted",
    "restore_memory": "Restored",
    "link_memories": "Linked",
    "bury_memory": "Buried",
    "unbury_memory": "Brought back",
    "pin_memory": "Pinned",
    "unpin_memory": "Unpinned",
    "undo_change": "A change was undone",
    "change_memories": "Changed with others",
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
    by = " with ".join(each for each in (change.user, change.app) if each) or "the server"
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
