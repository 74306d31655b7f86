"""Everything that a workspace holds, as values, oldest first. It is read in steps, so that others write meanwhile."""

import base64
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from server.memory.imports.item import digest_key
from server.memory.imports.loci_lines import make_key
from server.memory.models import Memory, to_iso
from server.store.db import Database
from server.store.record import exports, images, imports, memory_lists, settings
from server.store.record.exports import NoteKind
from server.store.record.workspaces import Workspace

#: The memories that are read in one transaction.
STEP = 500


@dataclass(frozen=True, slots=True)
class Line:
    """Something of a workspace that is no memory: its kind, and its fields in the values of JSON."""

    kind: str
    values: dict[str, Any]


Exported = Memory | Line


async def read_everything(db: Database, workspace: Workspace) -> AsyncGenerator[Exported]:
    """Yield what a workspace holds: its name, its settings, its memories with changes and pictures, and its notes.

    Each memory that is there when its step is read comes once, also one that was merged or replaced. Deleted memories
    do not come.
    """
    yield Line("workspace", {"name": workspace.name})
    async with db.read() as connection:
        kept = await settings.load_settings(connection, workspace.id)
    for key, at in kept.set_at.items():
        value = kept.settings.model_dump(mode="json")[key]
        yield Line("setting", {"key": key, "value": value, "set_at": to_iso(at)})
    async with db.read() as connection:
        found = await exports.list_kept_entities(connection, workspace.id)
    for row in found:
        yield Line("entity", row)
    async for each in read_memories(db, workspace.id):
        yield each
    async for each in _read_import_keys(db, workspace.id):
        yield each
    for kind in get_args(NoteKind):
        async with db.read() as connection:
            keys = await exports.list_note_keys(connection, workspace.id, kind)
        for key in keys:
            async with db.read() as connection:
                row = await exports.find_note(connection, workspace.id, kind, key)
            if row is not None:  # it was not deleted since
                yield Line(kind, _to_json(row))


async def read_memories(db: Database, workspace_id: str) -> AsyncGenerator[Exported]:
    """Yield the memories, and behind each step of them their changes and their pictures."""
    position = -1
    while True:
        async with db.read() as connection:
            page = await memory_lists.list_after(connection, workspace_id, position, STEP)
            changes = await exports.list_changes(connection, [each.id for _, each in page])
        for position, memory in page:  # noqa: B007 - the last position is where the next page begins
            yield memory
        for row in changes:
            yield Line("change", _to_json(row))
        for _, memory in page:
            for image in memory.images:
                if line := await _read_picture(db, workspace_id, memory.id, image.filename):
                    yield line
        if len(page) < STEP:
            return


async def _read_import_keys(db: Database, workspace_id: str) -> AsyncGenerator[Line]:
    """Yield the keys by which a second import of a file knows what it brought: key → memory, null if that is gone.

    The key of a line of an export is left out: the import of this export makes it.
    """
    after = ""
    while True:
        async with db.read() as connection:
            page = await imports.list_keys_after(connection, workspace_id, after, STEP)
        keys = {key: each if is_there else None for key, each, is_there in page if key != digest_key(make_key(each))}
        if keys:
            yield Line("import_keys", {"keys": keys})
        if len(page) < STEP:
            return
        after = page[-1][0]


async def _read_picture(db: Database, workspace_id: str, memory_id: str, filename: str) -> Line | None:
    """Return a picture, in base64; None if it was deleted since."""
    async with db.read() as connection:
        found = await images.get_picture(connection, workspace_id, memory_id, filename)
    if found is None:
        return None
    about = {"memory_id": memory_id, "filename": found.filename, "mimetype": found.mimetype}
    return Line("image", about | {"data": base64.b64encode(found.data).decode()})


def _to_json(row: dict[str, Any]) -> dict[str, Any]:
    return {name: to_iso(each) if isinstance(each, datetime) else each for name, each in row.items()}
