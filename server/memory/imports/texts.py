"""Items of long texts: a text that is longer than a memory may be becomes several, with links to the first."""

from collections.abc import Iterator
from typing import Any

from server.memory.imports.item import Item, Link
from server.memory.imports.values import drop_empty, split_text

#: The label of the link from a part of a long text to its first part.
PART_OF = "part_of"


def make_items(
    place: str,
    key: str,
    content: str,
    *,
    names: tuple[str, ...] = (),
    links: tuple[Link, ...] = (),
    **fields: Any,
) -> Iterator[Item]:
    """Yield the item of a text; of a long one an item for each part. A text without anything in it has none.

    `fields` are the other fields of the memory; those without a value are left out.
    """
    values = drop_empty(fields)
    parts = split_text(content)
    if len(parts) == 1:
        yield Item(place, key, values | {"content": parts[0]}, names, links)
        return
    for number, part in enumerate(parts, 1):
        numbered = values | {
            "content": part,
            "metadata": {**values.get("metadata", {}), "part": number, "parts": len(parts)},
        }
        if number == 1:
            yield Item(place, f"{key} part 1", numbered, (key, *names), links)
        else:
            yield Item(place, f"{key} part {number}", numbered, (), (Link(key, PART_OF),))
