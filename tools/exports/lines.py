"""The export as lines of JSON, which an import reads."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime

from server.memory.imports.loci_lines import HEAD
from server.memory.models import Memory, to_iso
from server.store.db import Database
from server.store.record.workspaces import Workspace
from tools.exports.reading import Exported, read_everything

#: The version of the lines. It rises if a reader of the earlier ones could misunderstand them.
VERSION = 2
_LONG = 1 << 16


async def write_lines(
    db: Database, places: Sequence[Workspace], version: str, now: datetime
) -> AsyncGenerator[tuple[str, int]]:
    """Yield the text of an export in pieces of many lines, each with the number of its memories.

    `version` is that of the program. The first line says what this is; a line for each workspace stands before what is
    in it.
    """
    yield write_object({"kind": HEAD, "version": VERSION, "loci": version, "exported_at": to_iso(now)}), 0
    for place in places:
        lines, size, count = list[str](), 0, 0
        async for each in read_everything(db, place):
            line = _write_line(each)
            lines.append(line)
            size += len(line)
            count += isinstance(each, Memory)
            if size >= _LONG:
                yield "".join(lines), count
                lines, size, count = [], 0, 0
        yield "".join(lines), count


def _write_line(each: Exported) -> str:
    if isinstance(each, Memory):
        return f'{{"kind":"memory",{each.model_dump_json()[1:]}\n'
    return write_object({"kind": each.kind} | each.values)


def write_object(values: Mapping[str, object]) -> str:
    """Return an object as a line."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n"
