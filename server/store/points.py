"""A memory's row as the search store holds it: its vectors, what it is found by, and what is answered."""

from typing import Any

import sqlalchemy as sa

from server.memory.models import Memory
from server.memory.text import document_weights, key_text
from server.store.memories import FIELDS, from_row
from server.store.search import Collection, Point, Sparse
from server.store.vectors import unpack

#: The payload keys that a search may filter by.
FILTERS = ("type", "tags", "scope", "project", "task", "entity", "author", "session")


def point(collection: Collection, workspace_id: str, row: sa.Row[Any]) -> Point:
    """A row of `FIELDS`, and its revision and windows, as the point of a collection."""
    memory = from_row(row[: len(FIELDS)])
    windows = None if row.windows is None or not collection.dims else unpack(row.windows, collection.dims)
    return Point(
        id=memory.id,
        revision=row.revision,
        text=Sparse(*document_weights(key_text(memory))),
        payload=payload(memory, workspace_id),
        dense=None if windows is None else windows[0],
        windows=None if windows is None or len(windows) == 1 else windows,
    )


def payload(memory: Memory, workspace_id: str) -> dict[str, Any]:
    """What a point carries: what searches filter by, what they rank by, and the whole memory as JSON text.

    One string is read back many times faster than twenty values, and only for the hits that are answered.
    """
    values: dict[str, Any] = {name: getattr(memory, name) for name in FILTERS}
    return {key: value for key, value in values.items() if value is not None} | {
        "tags": [tag.lower() for tag in memory.tags],  # found in any case of letters
        "workspace_id": workspace_id,
        "expires_at": None if memory.expires_at is None else memory.expires_at.timestamp(),
        "access_count": memory.access_count,
        "memory": memory.model_dump_json(),
    }
