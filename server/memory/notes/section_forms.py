"""Lists that are written in another form than one line for each entry: as JSON, as YAML, or with nested items.

A model writes a list in the form that it knows. Each entry becomes one line, so that it is found, changed and removed
in one place. A text of plain lines stays as it was written.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from server.memory.notes.section_lines import LIST_MARK

#: The names under which a form has the thing itself, its reason, and its end.
_THINGS = ("item", "entry", "thing", "name", "title", "topic", "subject", "decision")
_REASONS = ("reason", "why", "because", "note", "description", "content")
_ENDS = ("expires", "expires_at", "until", "end")
#: Names of a thing that stand for it also if nothing else is said of it.
_PLAIN_THINGS = frozenset({"item", "entry"})
_FENCE = re.compile(r"^```\w*\s*\n(.*?)\n?```\s*$", re.DOTALL)
_FIELD = re.compile(rf"^[*_`\"]*({'|'.join((*_THINGS, *_REASONS, *_ENDS))})[*_`\"]*:[*_]*\s*(\S.*)$", re.IGNORECASE)


def rewrite_as_list(text: str) -> str:
    """Return a text with one line for each entry of its lists, "- thing: reason (expires end)"."""
    entries = _read_json(text)
    return "\n".join(_join_lines(text) if entries is None else (f"- {entry}" for entry in entries))


def _read_json(text: str) -> list[str] | None:
    """Return the entries of a text that is JSON, alone or in a block of code; None if it is none."""
    bare = text.strip()
    if (fenced := _FENCE.match(bare)) is not None:
        bare = fenced[1].strip()
    if bare[:1] not in {"[", "{"}:
        return None
    try:
        return [entry for entry in _list_entries(json.loads(bare)) if entry]
    except (ValueError, RecursionError):
        return None


def _list_entries(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _list_entries(each)
    elif not isinstance(value, dict):
        yield _squeeze(value)
    elif entry := _write_entry(cast("Mapping[str, Any]", value)):
        yield entry
    else:
        for name, each in cast("Mapping[str, Any]", value).items():
            if isinstance(each, list):  # the name of the list
                yield from _list_entries(each)
            else:
                fields = cast("Mapping[str, Any]", each if isinstance(each, dict) else {"reason": each})
                yield _write_entry({**fields, "item": name})


def _write_entry(fields: Mapping[str, Any]) -> str:
    """Return the line of an entry with these fields; "" if they name no thing."""
    thing, reason, end = (
        next((text for name in names if (text := _squeeze(fields.get(name)))), "")
        for names in (_THINGS, _REASONS, _ENDS)
    )
    if not thing:
        return ""
    return thing + (f": {reason}" if reason else "") + (f" (expires {end})" if end else "")


def _squeeze(value: Any) -> str:
    """Return a text as one line; anything but a text or a number as ""."""
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else ""


def _join_lines(text: str) -> Iterator[str]:
    """Yield the lines of a text. What is said of an entry in the lines below it comes into its own line."""
    lines = text.split("\n")
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        fields = _read_fields(line)
        while place < len(lines) and (field := _read_detail(line, lines[place])) is not None:
            fields |= field
            place += 1
        is_entry = "item" in fields and (len(fields) > 1 or bool(_PLAIN_THINGS & _read_raw_field(line).keys()))
        if is_entry:
            yield f"- {_write_entry(fields)}"
        elif place < len(lines) and _is_heading(line, lines[place]):
            yield _read_text(line)
        else:
            yield line


def _read_fields(line: str) -> dict[str, str]:
    """Return the thing that a line names, under `item`: the value of its field, else its text if it is a list item."""
    for name, value in _read_raw_field(line).items():
        return {"item": value} if name in _THINGS else {}
    return {"item": _read_text(line)} if LIST_MARK.match(line.strip()) else {}


def _read_detail(line: str, below: str) -> dict[str, str] | None:
    """Return the reason or the end in a line below an entry; None if that line says something else."""
    is_deeper = _measure_indent(below) > _measure_indent(line)
    is_of_a_field = bool(_read_raw_field(line)) and not LIST_MARK.match(below.strip())
    if not below.strip() or not (is_deeper or is_of_a_field):
        return None
    return {name: value for name, value in _read_raw_field(below).items() if name in (*_REASONS, *_ENDS)} or None


def _read_raw_field(line: str) -> dict[str, str]:
    """Return the field that a line has, with its name and its value; none if it has none."""
    found = _FIELD.match(_read_text(line))
    return {} if found is None else {found[1].lower(): found[2].strip().strip("\"'")}


def _is_heading(line: str, below: str) -> bool:
    """Whether a list item names those that are nested below it."""
    is_nested = _measure_indent(below) > _measure_indent(line) and LIST_MARK.match(below.strip()) is not None
    return is_nested and LIST_MARK.match(line.strip()) is not None and line.rstrip(" *_`").endswith(":")


def _read_text(line: str) -> str:
    return LIST_MARK.sub("", line.strip()).strip()


def _measure_indent(line: str) -> int:
    expanded = line.expandtabs(4)
    return len(expanded) - len(expanded.lstrip())
