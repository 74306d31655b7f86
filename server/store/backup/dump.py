"""Writing the record into a backup: every row of every table, as they are at one moment.

The rows are read in one transaction, which sees the record as it was when it began, without later writes. It
works by the tables that the database has, so a record of an earlier schema can be backed up by a newer program.
"""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.progress import Progress
from server.store.backup.container import MANIFEST, ROWS, BackupWriter
from server.store.backup.manifest import Ending, Manifest, TableContent, describe_columns
from server.store.backup.rows import RowPacker
from server.store.migrate import list_table_names
from server.store.sql_engines import make_copying_engine

#: The number of rows that are in memory at a time. A binary value may have ten megabytes.
_BATCH, _BINARY_BATCH = 250, 16


class NoRecord(Exception):  # noqa: N818 - it is a state that the caller acts on
    """There is no record yet, so nothing can be backed up."""


async def dump_record(
    url: sa.URL, writer: BackupWriter, made_at: datetime, secret_key: str | None, progress: Progress
) -> tuple[Manifest, bytes]:
    """Write the whole record, and return the manifest and the digest of the file.

    Raises:
        NoRecord: the database has no schema.
        SchemaTooNew: its schema is one that this code does not know.
    """
    if url.get_backend_name() == "sqlite" and not await asyncio.to_thread(Path(url.database or "").exists):
        raise NoRecord  # SQLite would make the file
    engine = make_copying_engine(url)
    try:
        async with engine.connect() as connection:
            step, tables = await connection.run_sync(_reflect_tables)
            contents = [await _describe_table(connection, table) for table in tables]
            manifest = Manifest(made_at=made_at, step=step, tables=tuple(contents), secret_key=secret_key)
            writer.write_part(MANIFEST, manifest.model_dump_json().encode())
            counter = _Counter(progress, manifest.row_count)
            counts = [
                await _dump_table(connection, writer, number, table, contents[number], counter)
                for number, table in enumerate(tables)
            ]
    finally:
        await engine.dispose()
    return manifest, writer.finish(Ending(rows=tuple(counts)).model_dump_json().encode())


class _Counter:
    """Counts the rows done, and reports them."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    async def add(self, count: int) -> None:
        self._done += count
        await self._progress(self._done, self._total)


def _reflect_tables(connection: sa.Connection) -> tuple[str, list[sa.Table]]:
    """Return the step of the record and its tables, those that are referred to first."""
    if not sa.inspect(connection).has_table("alembic_version"):
        raise NoRecord
    step = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    metadata = sa.MetaData()
    metadata.reflect(connection, only=list_table_names(step))
    return step, metadata.sorted_tables


async def _describe_table(connection: AsyncConnection, table: sa.Table) -> TableContent:
    count = (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
    return TableContent(name=table.name, columns=tuple(describe_columns(table)), rows=count)


async def _dump_table(
    connection: AsyncConnection,
    writer: BackupWriter,
    number: int,
    table: sa.Table,
    content: TableContent,
    counter: _Counter,
) -> int:
    """Write the rows of a table, and return their number."""
    packer, count = RowPacker(number, content), 0
    batch = _BINARY_BATCH if any(column.kind == "bytes" for column in content.columns) else _BATCH
    query: sa.Select[Any] = sa.select(table).execution_options(yield_per=batch)
    async with connection.stream(query) as result:
        async for rows in result.partitions():
            for row in rows:
                packer.add_row(row)
                if packer.is_full:
                    _write_rows(writer, packer)
            count += len(rows)
            await counter.add(len(rows))
    _write_rows(writer, packer)
    return count


def _write_rows(writer: BackupWriter, packer: RowPacker) -> None:
    if (part := packer.take_part()) is not None:
        writer.write_part(ROWS, part)
