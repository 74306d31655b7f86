"""Finding the rows of a workspace that repeat a text. The database looks, so that the event loop reads no texts."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.repetition import find_telling_parts
from server.store.tables.golden import golden_cases
from server.store.tables.memories import memories
from server.store.tables.working import identity_crystals, working_items, working_sections

TextKind = Literal["memory", "crystal", "item", "section", "golden_case"]

#: The number of texts that one statement looks for, and the number of rows of a kind that it returns.
_TEXTS, _ROWS = 10, 50

#: Columns of JSON, as text.
_METADATA = sa.cast(memories.c.metadata, sa.Text)
_LINKAGES = sa.cast(memories.c.linkages, sa.Text)
_PLACES: tuple[tuple[TextKind, sa.Column[str], Sequence[sa.ColumnElement[Any]]], ...] = (
    ("memory", memories.c.id, [memories.c.content, memories.c.entity, _METADATA, _LINKAGES]),
    ("crystal", identity_crystals.c.id, [identity_crystals.c.crystal]),
    ("item", working_items.c.id, [working_items.c.title, working_items.c.content, working_items.c.next_action]),
    ("section", working_sections.c.name, [working_sections.c.content]),
    ("golden_case", golden_cases.c.id, [golden_cases.c.query, golden_cases.c.text, golden_cases.c.note]),
)


def contains_text(column: sa.ColumnElement[Any], text: str, *, is_sqlite: bool) -> sa.ColumnElement[bool]:
    """Whether a column contains a text. Upper and lower case are the same; on SQLite, for the letters of ASCII."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # SQLAlchemy's own would lower each row's text on SQLite, by a call into Python.
    compare = column.like if is_sqlite else column.ilike
    return compare(f"%{escaped}%", escape="\\")


def _build_conditions(column: sa.ColumnElement[Any], text: str, *, is_sqlite: bool) -> Iterable[sa.ColumnElement[bool]]:
    parts = find_telling_parts(text)
    if not parts:
        return [column == text]
    if column is _METADATA or column is _LINKAGES:
        parts = [json.dumps(part, ensure_ascii=False)[1:-1] for part in parts]
    return (contains_text(column, part, is_sqlite=is_sqlite) for part in parts)


async def find_repetitions(
    connection: AsyncConnection, workspace_id: str, texts: Sequence[str], kinds: Collection[TextKind] | None = None
) -> list[tuple[TextKind, str]]:
    """Return the rows of the workspace that repeat one of the texts, or a long sentence of it: kind and id.

    A section's id is its name. An entry of the skip list is an item. At most 50 rows of each kind are returned for ten
    texts. `kinds` are the kinds to look at; None means all.
    """
    found = await _find_in(connection, [workspace_id], texts, kinds)
    return [(kind, each) for _, kind, each in found]


async def count_repetitions(
    connection: AsyncConnection, workspace_ids: Collection[str], texts: Sequence[str]
) -> dict[str, int]:
    """Return how many rows of each of these workspaces repeat one of the texts, by workspace id; none without rows.

    At most 50 rows of each kind are counted for ten texts.
    """
    found = await _find_in(connection, workspace_ids, texts, None) if workspace_ids else []
    return dict(Counter(workspace_id for workspace_id, _, _ in found))


async def _find_in(
    connection: AsyncConnection,
    workspace_ids: Collection[str],
    texts: Sequence[str],
    kinds: Collection[TextKind] | None,
) -> list[tuple[str, TextKind, str]]:
    is_sqlite = connection.dialect.name == "sqlite"
    texts = [text for text in texts if text.strip()]
    found: dict[tuple[str, TextKind, str], None] = {}
    for start in range(0, len(texts), _TEXTS):
        some = texts[start : start + _TEXTS]
        for kind, key, columns in _PLACES:
            if kinds is not None and kind not in kinds:
                continue
            repeats = (
                each
                for column in columns
                for text in some
                for each in _build_conditions(column, text, is_sqlite=is_sqlite)
            )
            home = key.table.c.workspace_id
            query = sa.select(home, key).where(home.in_(workspace_ids), sa.or_(*repeats)).limit(_ROWS)
            found |= dict.fromkeys((row[0], kind, row[1]) for row in await connection.execute(query))
    return list(found)
