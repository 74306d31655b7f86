"""A workspace on both databases, and imports into it."""

import shutil

import pytest

from server.store.db import Database
from server.store.record import workspaces
from server.store.record.people.plans import Plans
from tests.helpers.databases import create_postgres_database, make_url
from tests.helpers.erasures import TOMBSTONES
from tests.helpers.ledger import open_ledger
from tools.imports.importing import import_entries
from tools.imports.reading import read_entries
from tools.imports.target import ImportTarget


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def ledger(request, tmp_path, clock):
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "loci.db")
        db = Database(make_url(f"sqlite:///{path}"))
        yield await open_ledger(db, clock)
        await db.close()
    else:
        async with create_postgres_database(request.getfixturevalue("postgres_template")) as url:
            db = Database(url)
            yield await open_ledger(db, clock)
            await db.close()


@pytest.fixture
def bring(ledger):
    """Imports a file into the ledger's workspace, or another one; the report."""

    async def bring_file(path, workspace_id=None, *, dry_run=False, entries=None):
        async with ledger.db.read() as connection:
            workspace = await workspaces.get_workspace(connection, workspace_id or ledger.workspace)
        assert workspace is not None
        target = ImportTarget(
            db=ledger.db,
            plans=Plans({}, ""),
            now=ledger.now,
            actor=ledger.actor,
            workspace=workspace,
            generation=0,
            tombstones=TOMBSTONES,
        )
        report = await import_entries(target, path.name, entries or read_entries(path), dry_run=dry_run)
        assert report.imported + report.skipped + report.refused == report.total
        return report

    return bring_file
