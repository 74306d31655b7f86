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

#: The beginning of an array of objects. Each character of an answer is looked at once: a model writes what it likes.
_OBJECTS = re.compile(r"\[\s*\{")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class ExtractedMemory:
    """A memory that a language model found in a transcript."""

    content: str
    type: str
    tags: list[str]


def parse_memories(answer: str, most: int) -> list[ExtractedMemory] | None:
    """Return the first memories of an answer, each text once; None if the answer has no JSON array."""
    entries = parse_objects(answer)
    if entries is None:
        return None
    found = (_read_entry(each) for each in entries)
    by_text = {each.content.casefold(): each for each in found if each is not None}
    return list(by_text.values())[:most]


def parse_objects(answer: str) -> list[dict[str, Any]] | None:
    """Return the objects of the JSON array in an answer, also among other text; None if there is no array."""
    entries = _find_array(answer)
    if entries is None:
        return None
    return [cast("dict[str, Any]", each) for each in entries if isinstance(each, dict)]


def _find_array(answer: str) -> list[Any] | None:
    """Return the first array of an answer; one of objects goes before a number in brackets and the like."""
    first = _read_array(answer, answer.find("["))
    if first == [] or (first and any(isinstance(each, dict) for each in first)):
        return first
    objects = _OBJECTS.search(answer)
    array = _read_array(answer, objects.start()) if objects else None
    return first if array is None else array


def _read_array(answer: str, start: int) -> list[Any] | None:
    """Return the JSON array that begins at a place of an answer, also before other text; None if there is none."""
    if start < 0:
        return None
    with suppress(ValueError, RecursionError):
        return cast("list[Any]", _DECODER.raw_decode(answer, start)[0])
    return None


def _read_entry(entry: dict[str, Any]) -> ExtractedMemory | None:
    content, kind, tags = entry.get("content"), entry.get("type"), entry.get("tags")
    if not isinstance(content, str) or not (content := clean_text(content)):
        return None
    if len(content.encode()) > MOST_CONTENT_BYTES:
        return None
    words = cast("list[Any]", tags) if isinstance(tags, list) else []
    plain = (clean_text(each).lower()[:MOST_TAG_CHARACTERS] for each in words if isinstance(each, str))
    return ExtractedMemory(
        content=content,
        type=kind if isinstance(kind, str) and kind in TYPES else "observation",
        tags=list(dict.fromkeys(each for each in plain if each))[:MOST_TAGS],
    )


def clean_text(text: str) -> str:
    """Return a text without the characters that a record cannot hold: NUL, and halves of surrogate pairs."""
    return text.encode("utf-8", "ignore").decode().replace("\x00", "").strip()
