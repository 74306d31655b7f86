"""The export as a folder of markdown for people: a file for each memory and note, with wiki-links between them.

Settings, golden cases, earlier states and pictures are in files of lines beside them. The names of all folders and
files begin with numbers, so that an import reads them in their order.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TextIO

import anyio

from server.memory.imports.loci_lines import HEAD
from server.memory.imports.loci_notes import write_note
from server.memory.models import Memory, to_iso
from server.store.db import Database
from server.store.record.workspaces import Workspace
from tools.exports.lines import VERSION, write_object
from tools.exports.reading import Line, read_everything, read_memories

#: The folder of each kind. What is no file of its own is a line of the file `lines.jsonl` there.
_FOLDERS = {
    "workspace": "1 settings",
    "setting": "1 settings",
    "entity": "1 settings",
    "memory": "2 memories",
    "change": "3 history and pictures",
    "image": "3 history and pictures",
    "import_keys": "3 history and pictures",
    "section": "4 working memory",
    "item": "5 items and skip list",
    "crystal": "6 identity",
    "golden_case": "7 golden cases",
}
_LINES = "lines.jsonl"
#: The files of one folder.
_MOST_FILES = 1_000
_TITLE = 60
#: The memories that are written at a stretch, and the bytes of a zip that are read at once.
_TURN, _PIECE = 20, 1 << 16
_UNFIT = re.compile(r"[^\w ,.()-]+")


async def write_folder(db: Database, places: Sequence[Workspace], folder: Path, version: str, now: datetime) -> int:
    """Write a new folder, with one for each workspace, and return the number of memories."""
    count = 0
    head = {"kind": HEAD, "version": VERSION, "loci": version, "exported_at": to_iso(now)}
    for number, place in enumerate(places, 1):
        here = folder / f"{number:03} {_make_title(place.name)}"
        with ExitStack() as stack:
            writer = _Writer(here, await _name_memories(db, place), stack)
            writer.write_line("workspace", write_object(head))
            async for each in read_everything(db, place):
                count += writer.write(each)
                if count % _TURN == 0:
                    await asyncio.sleep(0)  # others have their turn
    return count


async def write_zip(db: Database, places: Sequence[Workspace], version: str, now: datetime) -> AsyncGenerator[bytes]:
    """Yield the zip of a folder in pieces. Both are on the disk meanwhile, as large ones would not fit into memory."""
    with tempfile.TemporaryDirectory(prefix="loci-export-") as here:
        folder = Path(here) / "loci"
        folder.mkdir()
        await write_folder(db, places, folder, version, now)
        packed = Path(await asyncio.to_thread(shutil.make_archive, f"{here}/packed", "zip", here, folder.name))
        async with await anyio.open_file(packed, "rb") as file:
            while piece := await file.read(_PIECE):
                yield piece


async def _name_memories(db: Database, place: Workspace) -> dict[str, str]:
    """Return the name of each memory's file without its ending, by the id."""
    names: dict[str, str] = {}
    async for each in read_memories(db, place.id):
        if isinstance(each, Memory):
            names[each.id] = f"{len(names) + 1:06} {_make_title(each.content)}"
    return names


def _make_title(text: str) -> str:
    line = next((each for each in text.splitlines() if each.strip()), "")
    return " ".join(_UNFIT.sub(" ", line).split())[:_TITLE].strip(" .") or "untitled"


class _Writer:
    """Writes what a workspace holds into its folder."""

    def __init__(self, folder: Path, names: dict[str, str], stack: ExitStack) -> None:
        self._folder = folder
        self._names = names
        self._stack = stack
        self._open: dict[str, TextIO] = {}
        self._counts: dict[str, int] = {}

    def write(self, each: Memory | Line) -> int:
        """Write one thing, and return 1 if it is a memory, else 0."""
        if isinstance(each, Memory):
            # one that was stored after the names were given has no name yet
            number = int(self._names.setdefault(each.id, f"{len(self._names) + 1:06} {_make_title(each.content)}")[:6])
            text = write_note("memory", each.model_dump(mode="json"), "\n".join(self._list_links(each)))
            self._write_file("memory", number, self._names[each.id], text)
            return 1
        if each.kind in {"section", "item", "crystal"}:
            number = self._counts[each.kind] = self._counts.get(each.kind, 0) + 1
            title = str(each.values.get("heading") or each.values.get("title") or each.values.get("created_at", ""))
            self._write_file(each.kind, number, f"{number:06} {_make_title(title)}", write_note(each.kind, each.values))
        else:
            self.write_line(each.kind, write_object({"kind": each.kind} | each.values))
        return 0

    def write_line(self, kind: str, line: str) -> None:
        """Write a line into the file of its kind."""
        name = _FOLDERS[kind]
        if name not in self._open:
            path = self._folder / name / _LINES
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[name] = self._stack.enter_context(path.open("w", encoding="utf-8", newline=""))
        self._open[name].write(line)

    def _write_file(self, kind: str, number: int, name: str, text: str) -> None:
        folder = self._folder / _FOLDERS[kind] / f"{number // _MOST_FILES:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_bytes(text.encode())

    def _list_links(self, memory: Memory) -> Iterator[str]:
        for link in memory.linkages:
            label = f"{link.label} " if link.label else ""
            if link.type == "memory" and link.id in self._names:
                yield f"- {label}[[{self._names[link.id]}]]"
            else:
                yield f"- {label}{link.path or link.id}"
