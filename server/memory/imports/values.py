"""Small readers of values in records: texts, times, lists. None of them raises for a value of another type."""

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from server.memory.models import to_iso

#: The most characters of a name, as the fields of a memory take it.
NAME = 200
#: The most characters of a tag.
WORD = 100
#: The most tags of a memory.
MOST_TAGS = 50
#: Longer texts are cut into parts: as a memory may have 32 KiB, and a part has the name of its document, too.
PART_BYTES = 30_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Epochs from here on are milliseconds: as seconds they would lie in the year 5138.
_MILLISECONDS = 1e11


def read_text(value: Mapping[str, Any], *names: str) -> str:
    """Return the first of these fields that is a text with something in it; "" if none is."""
    for name in names:
        text = value.get(name)
        if isinstance(text, str) and text.strip():
            return text.strip()
    return ""


def read_name(value: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of these fields that has a text, on one line and as long as a name may be; None if none has."""
    text = " ".join(read_text(value, *names).split())
    return text[:NAME] or None


def read_list(value: Any) -> list[Any]:
    """Return a list; also one that is written as JSON in a text; empty for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return cast("list[Any]", value) if isinstance(value, list) else []


def read_object(value: Any) -> dict[str, Any]:
    """Return an object; also one that is written as JSON in a text; empty for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def read_tags(value: Any) -> list[str]:
    """Return tags: of a list, of JSON in a text, or of a text with commas."""
    listed = read_list(value)
    if not listed and isinstance(value, str) and not value.strip().startswith("["):
        listed = value.split(",")
    words = (" ".join(str(each).split()).lstrip("#")[:WORD] for each in listed if isinstance(each, str | int))
    return list(dict.fromkeys(word for word in words if word))[:MOST_TAGS]


def read_time(value: Any) -> str | None:
    """Return a time as text: a text as it is, seconds or milliseconds since 1970 in ISO 8601.

    None and 0 are no time: programs write them if they do not know it.
    """
    if isinstance(value, str):
        text = value.strip()
        try:
            value = float(text)
        except ValueError:
            return _complete_zone(text) or None
    if not isinstance(value, int | float) or isinstance(value, bool) or not value:
        return None
    seconds = value / 1000 if abs(value) >= _MILLISECONDS else value
    try:
        return to_iso(_EPOCH + timedelta(seconds=seconds))
    except (OverflowError, ValueError):  # beyond the calendar, or no number
        return str(value)


def _complete_zone(text: str) -> str:
    """Return a time with the zone as ISO 8601 has it: databases print `+00` and `UTC`."""
    return text.removesuffix(" UTC") + "Z" if text.endswith(" UTC") else text


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def drop_empty(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def split_text(text: str, size: int = PART_BYTES) -> list[str]:
    """Return a text in parts of at most `size` bytes, cut between paragraphs, lines or words if there are any."""
    parts: list[str] = []
    for piece in _cut(text.strip(), size, ("\n\n", "\n", " ")):
        if parts and len(parts[-1].encode()) + len(piece.encode()) <= size:
            parts[-1] += piece
        else:
            parts.append(piece)
    return [part.strip() for part in parts if part.strip()]


def _cut(text: str, size: int, separators: tuple[str, ...]) -> Iterator[str]:
    """Yield pieces of a text that are short enough. Together they are the text."""
    if len(text.encode()) <= size:
        yield text
    elif not separators:
        step = size // 4  # no character has more than four bytes
        yield from (text[start : start + step] for start in range(0, len(text), step))
    else:
        first, *rest = text.split(separators[0])
        for piece in (first, *(separators[0] + each for each in rest)):
            yield from _cut(piece, size, separators[1:])
