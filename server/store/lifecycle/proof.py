"""The proof of an erasure: a search for what should be gone."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.search.seam import Collection, Engine
from server.store.tables.memories import images, journal, token_vectors, vectors
from server.store.tables.memories import memories as table

#: The ids that one statement looks up, and the bytes that are read of a file at once.
_STEP, _BLOCK = 500, 1 << 20
_TABLES = sa.text(
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
    r"AND (table_schema = current_schema() OR table_schema LIKE 'before\_restore\_%') ORDER BY 1, 2"
)


async def find_ids_with_content(connection: AsyncConnection, memory_ids: Sequence[str]) -> list[str]:
    """Return the places in the record that still have something of these memories: their ids, and a table."""
    found: list[str] = []
    for start in range(0, len(memory_ids), _STEP):
        some = memory_ids[start : start + _STEP]
        kept = sa.or_(table.c.erased_at.is_(None), table.c.content != "")
        queries = {
            "memories": sa.select(table.c.id).where(table.c.id.in_(some), kept),
            "journal": sa.select(journal.c.memory_id).where(
                journal.c.memory_id.in_(some), sa.or_(journal.c.before.is_not(None), journal.c.after.is_not(None))
            ),
        }
        for each in (vectors, token_vectors, images):
            queries[each.name] = sa.select(each.c.memory_id).where(each.c.memory_id.in_(some))
        for name, query in queries.items():
            ids = (await connection.execute(query.distinct())).scalars()
            found += [f"{name}: {memory_id}" for memory_id in ids]
    return found


async def find_words_in_tables(connection: AsyncConnection, words: str) -> list[str]:
    """Return the tables of a Postgres record that have a row with these words, also of records that were replaced."""
    found: list[str] = []
    for schema, name in (await connection.execute(_TABLES)).all():
        place = f'"{schema}"."{name}" AS t'
        query = sa.text(f"SELECT count(*) FROM {place} WHERE strpos(lower(t::text), lower(:words)) > 0")  # noqa: S608 - the names are ours
        if count := (await connection.execute(query, {"words": words})).scalar_one():
            found.append(f"table {schema}.{name}: {count} row(s)")
    return found


async def find_in_collection(
    engine: Engine, collection: Collection, memory_ids: Sequence[str], words: str
) -> tuple[int, list[str]]:
    """Return the number of points that were read, and those that are of these memories or have these words.

    A point has no content: it has the tags, the names and the type of its memory. `words` may be empty.

    Raises:
        EngineDown: the engine does not answer.
    """
    wanted, sought = frozenset(memory_ids), words.casefold()
    points = await engine.read_points(collection)
    found = [
        f"point {each.id} of {collection.name}"
        for each in points
        if each.id in wanted or (sought and sought in json.dumps(each.payload, ensure_ascii=False).casefold())
    ]
    return len(points), found


def list_searched_files(folder: Path, record: Path | None) -> list[Path]:
    """Return the files of the data folder, and SQLite's file of the record with its log and its copies.

    The shards of the embedded engine are in the data folder; the record may be elsewhere.
    """
    files = {path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    if record is not None and not record.resolve().is_relative_to(folder.resolve()):
        files |= {path for path in record.parent.iterdir() if path.is_file() and path.name.startswith(record.stem)}
    return sorted(files)


def find_words_in_files(files: Iterable[Path], words: str) -> list[Path]:
    """Return those of the files that hold these words, as they are or in small letters."""
    spelled = {words, words.casefold()}
    spelled |= {json.dumps(each, ensure_ascii=False)[1:-1] for each in spelled}  # as a journal or a payload has it
    wanted = {each.encode() for each in spelled}
    return [path for path in files if _has_any(path, wanted)]


def _has_any(path: Path, wanted: set[bytes]) -> bool:
    overlap = max(map(len, wanted)) - 1
    before = b""
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                text = before + block
                if any(each in text for each in wanted):
                    return True
                before = text[len(text) - overlap :] if overlap else b""
    except FileNotFoundError:  # the server removed it just now
        return False
    return False
