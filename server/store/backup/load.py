"""Writing the rows of a backup into a database that has no schema yet, and bringing them up to this code.

The schema is made as it was at the backup's step, filled, and then migrated as a record of that age would be.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.progress import Progress
from server.store.backup.check import read_manifest
from server.store.backup.container import END, BackupReader
from server.store.backup.manifest import Manifest, TableContent, describe_columns
from server.store.backup.refusals import DamagedBackup, NewerBackup
from server.store.backup.rows import unpack_rows
from server.store.migrate import SchemaTooNew, check_step, run_steps
from server.store.outage import find_outage
from server.store.record.works.runs import file_run
from server.store.tables.accounts import workspaces
from server.store.tables.webhooks import webhook_events

#: Why an event of a restored record is not sent.
HELD_BACK = "waited in a backup, and is held back after its restore"

#: The number of rows in one statement, and of those with binary values.
_BATCH, _BINARY_BATCH = 500, 32


def check_known(manifest: Manifest) -> None:
    """Check that this code knows the schema of a backup.

    Raises:
        NewerBackup: it does not.
    """
    try:
        check_step(manifest.step)
    except SchemaTooNew:
        raise NewerBackup(f"with step {manifest.step} of the schema") from None


async def load_record(
    connection: AsyncConnection, path: Path, password: str | None, digest: bytes, progress: Progress
) -> None:
    """Make the schema, write every row, and migrate them, in the connection's transaction. The caller commits.

    Args:
        connection: an engine's for copying, to a database without a schema.
        path: the backup, which `check_file` has read.
        password: its password.
        digest: the digest that `check_file` has returned.
        progress: called with the number of rows written, and of all.

    Raises:
        UnusableBackup: the file was changed since it was checked, or its rows do not fit its schema.
    """
    with path.open("rb") as file:
        reader = BackupReader.open(file, password)
        parts = reader.read_parts()
        manifest = read_manifest(parts)
        check_known(manifest)
        tables = await connection.run_sync(_make_tables, manifest)
        done = 0
        for part in parts:
            if part.kind == END:
                break
            number, rows = unpack_rows(part.data, manifest.tables)
            await _insert_rows(connection, tables[number], rows)
            done += len(rows)
            await progress(done, manifest.row_count)
        if reader.digest != digest:
            raise DamagedBackup("it was changed while it was read")
    await _check_counts(connection, tables, manifest)
    await connection.run_sync(_advance_sequences, tables)
    await connection.run_sync(run_steps)


async def have_collections_rebuilt(connection: AsyncConnection, now: datetime, *, must_file_run: bool) -> None:
    """Note that no collection is on a disk. A run rebuilds them all, if collections of another state may be there."""
    await connection.execute(sa.update(workspaces).values(flushed_revision=0))
    if must_file_run:
        await file_run(connection, "reindex", None, now)


async def hold_events_back(connection: AsyncConnection, now: datetime) -> int:
    """Let no event wait any more, and return how many did: the server of the backup may have sent them since."""
    waiting = sa.update(webhook_events).where(webhook_events.c.state == "waiting")
    held = waiting.values(state="failed", finished_at=now, problem=HELD_BACK)
    return (await connection.execute(held)).rowcount


def _make_tables(connection: sa.Connection, manifest: Manifest) -> list[sa.Table]:
    """Make the schema of the backup's step, without any rows, and return the tables in the manifest's order."""
    run_steps(connection, manifest.step)
    metadata = sa.MetaData()
    metadata.reflect(connection, only=lambda name, _: name != "alembic_version")
    for table in reversed(metadata.sorted_tables):
        connection.execute(sa.delete(table))  # some steps insert a first row
    return [_find_table(metadata, content) for content in manifest.tables]


def _find_table(metadata: sa.MetaData, content: TableContent) -> sa.Table:
    table = metadata.tables.get(content.name)
    if table is None or sorted(map(str, describe_columns(table))) != sorted(map(str, content.columns)):
        raise DamagedBackup(f"the table {content.name}")
    return table


async def _insert_rows(connection: AsyncConnection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    is_binary = any(isinstance(column.type, sa.LargeBinary) for column in table.columns)
    batch = _BINARY_BATCH if is_binary else _BATCH
    try:
        for start in range(0, len(rows), batch):
            await connection.execute(sa.insert(table), rows[start : start + batch])
    except StatementError as error:
        if isinstance(error, DBAPIError) and find_outage(error) is not None:
            raise
        raise DamagedBackup(f"the rows of {table.name}") from error
    except (ValueError, OverflowError) as error:  # the driver cannot encode a value: half a surrogate, a huge number
        raise DamagedBackup(f"the rows of {table.name}") from error


async def _check_counts(connection: AsyncConnection, tables: list[sa.Table], manifest: Manifest) -> None:
    for table, content in zip(tables, manifest.tables, strict=True):
        count = (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
        if count != content.rows:
            raise DamagedBackup(f"the rows of {table.name}")


def _advance_sequences(connection: sa.Connection, tables: list[sa.Table]) -> None:
    """Have Postgres number new rows after those that were written. SQLite does so by itself."""
    if connection.dialect.name == "sqlite":
        return
    for table in tables:
        column = table.autoincrement_column
        if column is None:
            continue
        name = connection.execute(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name))).scalar()
        highest = connection.execute(sa.select(sa.func.max(column))).scalar()
        if name is not None and highest is not None:
            connection.execute(sa.select(sa.func.setval(name, highest)))
