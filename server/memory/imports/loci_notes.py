"""The markdown files of our own export: a frontmatter with a field in each line, the content, and links for people.

The value of a field is JSON, which is YAML as well, so that other programs read the files.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from server.memory.imports.item import Entry, Record
from server.memory.imports.loci_lines import convert_line

#: The field whose value says what a file holds.
KIND = "loci"
#: What stands behind it are links for people to follow. The frontmatter has them for the import.
LINKS = "\n\n## Links\n\n"
#: The fields that are the text of a file, by its kind.
TEXTS = {"memory": "content", "section": "content", "item": "content", "crystal": "crystal"}
_FIELD = re.compile(r"([a-z_]+): (.*)")


def write_note(kind: str, values: Mapping[str, Any], links: str = "") -> str:
    """Return the text of a file. Fields without a value are left out."""
    text = str(values[TEXTS[kind]])
    fields = {name: each for name, each in values.items() if name != TEXTS[kind] and each not in (None, [], {})}
    lines = (f"{name}: {json.dumps(each, ensure_ascii=False)}\n" for name, each in ({KIND: kind} | fields).items())
    return f"---\n{''.join(lines)}---\n{text}{LINKS + links if links else ''}"


def read_fields(frontmatter: str) -> dict[str, Any] | None:
    """Return the fields of a frontmatter in which each line has one, in JSON; None if it is another one."""
    fields: dict[str, Any] = {}
    for line in frontmatter.split("\n"):
        found = _FIELD.fullmatch(line)
        if found is None:
            return None
        try:
            fields[found[1]] = json.loads(found[2])
        except (ValueError, RecursionError):
            return None
    return fields


def is_ours(about: Mapping[str, Any]) -> bool:
    """Whether a frontmatter is that of a file of our own export."""
    return about.get(KIND) in TEXTS


def convert_note(file: str, about: Mapping[str, Any], text: str) -> Iterator[Entry]:
    """Yield what a file of our own export holds. `text` is all behind the frontmatter, as it is."""
    kind = str(about[KIND])
    if about.get("linkages") and LINKS in text:
        text = text[: text.rindex(LINKS)]
    fields = {name: each for name, each in about.items() if name != KIND}
    values = cast("dict[str, Any]", {"kind": kind} | fields | {TEXTS[kind]: text})
    if kind == "item":
        values.setdefault("tags", list[str]())  # none are written
    yield from convert_line(Record(file, file, "", values))
