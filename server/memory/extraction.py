"""The memories in the answer of a language model that has read a transcript."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

TYPES = frozenset({"fact", "decision", "instruction", "observation", "preference"})
MOST_TAGS = 7
MOST_TAG_CHARACTERS = 100
MOST_CONTENT_BYTES = 32 * 1024

_FENCE = re.compile(r"^\s*```[a-z]*\s*\n(.*?)\n?\s*```\s*$", re.DOTALL | re.IGNORECASE)
_ARRAY = re.compile(r"\[.*\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ExtractedMemory:
    """A memory that a language model found in a transcript."""

    content: str
    type: str
    tags: list[str]


def parse_memories(answer: str, most: int) -> list[ExtractedMemory] | None:
    """Return the first memories of an answer, each text once; None if the answer has no JSON array."""
    entries = _find_array(answer)
    if entries is None:
        return None
    found = (_read_entry(cast("dict[str, Any]", each)) for each in entries if isinstance(each, dict))
    by_text = {each.content.casefold(): each for each in found if each is not None}
    return list(by_text.values())[:most]


def _find_array(answer: str) -> list[Any] | None:
    inside = _FENCE.match(answer)
    text = inside[1] if inside else answer
    first = _ARRAY.search(text)
    for each in (text, first[0] if first else ""):
        with suppress(ValueError, RecursionError):
            value: Any = json.loads(each)
            if isinstance(value, list):
                return cast("list[Any]", value)
    return None


def _read_entry(entry: dict[str, Any]) -> ExtractedMemory | None:
    content, kind, tags = entry.get("content"), entry.get("type"), entry.get("tags")
    if not isinstance(content, str) or not (content := _clean_text(content)):
        return None
    if len(content.encode()) > MOST_CONTENT_BYTES:
        return None
    words = cast("list[Any]", tags) if isinstance(tags, list) else []
    plain = (_clean_text(each).lower()[:MOST_TAG_CHARACTERS] for each in words if isinstance(each, str))
    return ExtractedMemory(
        content=content,
        type=kind if isinstance(kind, str) and kind in TYPES else "observation",
        tags=list(dict.fromkeys(each for each in plain if each))[:MOST_TAGS],
    )


def _clean_text(text: str) -> str:
    """Return a text without the characters that a record cannot hold: NUL, and halves of surrogate pairs."""
    return text.encode("utf-8", "ignore").decode().replace("\x00", "").strip()
