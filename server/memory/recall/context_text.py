"""A context as text for a model: short lines with dates and sources, without ids and scores."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from server.memory.notes.working import Item
from server.memory.recall.packing import PromptMemory, as_data

NOTHING = "Nothing relevant is remembered."
#: The most items of the work in hand, and the most characters of the identity crystal.
MOST_ITEMS, LONGEST_IDENTITY = 15, 2000


class AvoidedThing(Protocol):
    """An entry of the skip list, as an answer has it."""

    item: str
    reason: str
    expires: str


def write_context(
    memories: Sequence[PromptMemory],
    avoided: Iterable[AvoidedThing],
    items: Sequence[Item],
    identity: str | None,
    notice: str | None,
) -> str:
    """Return the parts of a context one below the other; a part that is empty is left out, but for the memories."""
    parts = [
        as_data(memories) or NOTHING,
        _write_list("Leave alone:", (f"{each.item}: {each.reason} (until {each.expires})" for each in avoided)),
        _write_list("Work in hand:", map(_write_item, items[:MOST_ITEMS])),
        identity and f"Who you are: {identity[:LONGEST_IDENTITY]}",
        notice and f"Note: {notice}",
    ]
    return "\n\n".join(part for part in parts if part)


def _write_list(heading: str, lines: Iterable[str]) -> str:
    """Return a list in markdown, each entry in one line; "" if there are no entries."""
    entries = [f"- {' '.join(line.split())}" for line in dict.fromkeys(lines)]
    return "\n".join([heading, *entries]) if entries else ""


def _write_item(item: Item) -> str:
    about = item.category.replace("_", " ") + ("" if item.status == "active" else f", {item.status}")
    next_step = f" Next: {item.next_action}" if item.next_action else ""
    return f"{item.title} ({about}).{next_step}"
