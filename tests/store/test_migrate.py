"""Bringing the record's schema up to the code: whole, once, and never at the record's cost."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np
import pytest
import sqlalchemy as sa
import structlog.testing
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from server.ids import new_id
from server.memory.embedding_model import Model
from server.memory.models import Linkage
from server.memory.repetition import digest_text
from server.memory.settings import DEFAULTS
from server.names import fold_name
from server.store import migrate as module
from server.store.db import Database
from server.store.migrate import MigrationFailed, SchemaTooNew, make_alembic_config, migrate
from server.store.migrations import HEAD
from server.store.record.journal import journal_change, journal_memories
from server.store.record.notes import skip_list, working_memory
from server.store.record.notes.working_memory import ItemListing
from server.store.record.oauth.chains import Chain, get_chain
from server.store.record.oauth.refresh_tokens import RefreshToken, find_refresh_token
from server.store.record.relations import links
from server.store.record.vectors import unpack_vectors
from server.store.record.works.generations import ensure_generation
from server.store.record.workspaces import ensure_workspace, find_workspace, get_workspace
from server.store.tables import load_all_tables
from server.store.tables.accounts import accounts, users, workspaces
from server.store.tables.entities import entities, entity_changes, entity_names
from server.store.tables.lifecycle import consolidation_runs, consolidations
from server.store.tables.memories import journal, memories, vectors
from server.store.tables.oauth import oauth_grants
from server.store.utc_datetime import UtcDateTime
from tests.helpers.ledger import Ledger, open_ledger
from tests.helpers.programs.commands import ROOT

pytestmark = pytest.mark.anyio

STEP = '''
"""{what}"""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "{revision}", "{down}"


def upgrade():
    op.create_table("novelty", sa.Column("id", sa.Integer, primary_key=True))
    {then}
'''


@pytest.fixture
async def empty(empty_url):
    db = Database(empty_url)
    yield db
    await db.close()


@pytest.fixture
def next_step(tmp_path, monkeypatch):
    """Makes the code one step newer than the records: what that step does after it made a table."""

    def make(then="pass"):
        folder = tmp_path / "migrations"
        versions = folder / "versions"
        versions.mkdir(parents=True)
        for file in (module.FOLDER / "env.py", *module.FOLDER.glob("versions/0*.py")):
            target = folder / file.relative_to(module.FOLDER)
            target.write_text(file.read_text())
        step = STEP.format(what="A fake step.", revision="9999", down=HEAD, then=then)
        (versions / "9999_a_fake_step.py").write_text(step)
        monkeypatch.setattr(module, "FOLDER", folder)
        monkeypatch.setattr(module, "HEAD", "9999")

    return make


async def open_ledger_as_before(db, clock):
    """A workspace as the code made it before users had a time zone."""
    account, user = new_id(clock()), new_id(clock())
    async with db.write() as connection:
        named = {"name": "ann", "name_key": "ann", "created_at": clock()}
        await connection.execute(sa.insert(accounts).values(id=account, **named))
        given = {"is_admin": False, "account_id": account, "default_workspace": "default"}
        await connection.execute(sa.insert(users).values(id=user, **named, **given))
        found, _ = await ensure_workspace(connection, account, "default", 0, clock())
    return Ledger(db, clock, found.id, user, account)


async def store_as_before(ledger, *new):
    """Store memories as the code did before memories had a digest; their ids."""
    async with ledger.db.write() as connection:
        rows = [
            each.model_dump(exclude={"inferred"})
            | {"workspace_id": ledger.workspace, "revision": place, "position": place}
            for place, each in enumerate(new, 1)
        ]
        await connection.execute(sa.insert(memories), [row | {"consolidated": False, "images": None} for row in rows])
        raised = sa.update(workspaces).where(workspaces.c.id == ledger.workspace)
        await connection.execute(raised.values(revision=len(new)))
        await links.put_links(connection, ledger.workspace, {each.id: each.linkages for each in new})
    return [each.id for each in new]


def up_to(step, upgrade, config, _head):
    upgrade(config, step)


async def step_of(db):
    async with db.read() as connection:
        return (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one()


async def tables_of(db):
    async with db.read() as connection:
        return set(await connection.run_sync(lambda c: sa.inspect(c).get_table_names()))


async def test_head_is_the_newest_step_of_the_folder():
    config = make_alembic_config(None)  # pyright: ignore[reportArgumentType] - to read the folder takes no connection
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


async def test_a_new_record_gets_the_schema_and_a_second_time_changes_nothing(empty):
    assert await migrate(empty) is None
    assert await step_of(empty) == HEAD
    assert await migrate(empty) == HEAD


async def test_the_migrated_schema_is_what_the_tables_say(empty):
    await migrate(empty)

    def differences(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, load_all_tables())

    async with empty.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_process_that_has_imported_nothing_else_knows_every_table(empty):
    await migrate(empty)
    listing = "from server.store.tables import load_all_tables; print(*load_all_tables().tables)"
    command_ = [sys.executable, "-c", listing]
    shown = await asyncio.to_thread(subprocess.check_output, command_, cwd=ROOT, text=True, timeout=60)
    assert {*shown.split(), "alembic_version"} == await tables_of(empty)


async def test_what_was_kept_before_a_workspace_had_settings_is_kept_and_has_the_defaults(empty, clock, monkeypatch):
    monkeypatch.setattr(module, "HEAD", "0001")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0001", command.upgrade))
    await migrate(empty)
    old = {"id": "a", "name": "ann", "created_at": clock()}
    place = {"id": "w", "account_id": "a", "name": "notes", "created_at": clock(), "updated_at": clock()}
    async with empty.write() as connection:
        await connection.execute(sa.insert(accounts).values(**old))
        await connection.execute(sa.insert(workspaces).values(**place))
    monkeypatch.undo()
    assert await migrate(empty) == "0001"
    async with empty.read() as connection:
        found = await get_workspace(connection, "w")
    assert found is not None
    assert found.settings == DEFAULTS


def insert_row(table, values):
    """A statement for a table of an old schema."""
    columns = [sa.column(k, UtcDateTime(timezone=True) if k.endswith("_at") else None) for k in values]
    return sa.insert(sa.table(table, *columns)).values(values)


async def test_skip_entries_and_the_lines_of_sections_become_items_of_one_list(empty, clock, monkeypatch):
    written = {"skip_list": "- milk: too old\n- jam", "standing_decisions": "Ship on Tuesdays", "x": "y"}
    monkeypatch.setattr(module, "HEAD", "0007")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0007", command.upgrade))
    await migrate(empty)
    now = clock()
    place = {"id": "w", "account_id": "a", "name": "notes", "created_at": now, "updated_at": now}
    async with empty.write() as connection:
        await connection.execute(sa.insert(accounts).values(id="a", name="ann", created_at=now))
        await connection.execute(sa.insert(workspaces).values(**place))
        entry = {"id": "s", "item": "tea", "reason": "it is cold", "expires": "2099-01-01"}
        times = {"ends_at": now.replace(year=2099), "created_at": now}
        await connection.execute(insert_row("skip_entries", {"workspace_id": "w", **entry, **times}))
        for name, text in written.items():
            section = {"workspace_id": "w", "name": name, "heading": name, "content": text}
            times = {"created_at": now, "updated_at": now}
            await connection.execute(insert_row("working_sections", section | times))
    monkeypatch.undo()
    assert await migrate(empty) == "0007"
    async with empty.read() as connection:
        entries = await skip_list.list_live_entries(connection, "w", now)
        items, _ = await working_memory.list_items(connection, "w", ItemListing())
        kept = {each.name: each.content for each in await working_memory.list_sections(connection, "w")}
    assert {(each.item, each.reason, each.expires) for each in entries} == {
        ("tea", "it is cold", "2099-01-01"),
        ("milk", "too old", "until it is removed"),
        ("jam", "no reason was given", "until it is removed"),
    }
    assert next(each for each in entries if each.item == "tea").id == "s"
    assert {each.title for each in items if each.category == "standing_decision"} == {"Ship on Tuesdays"}
    assert kept == written
    assert "skip_entries" not in await tables_of(empty)


async def test_a_login_of_before_the_chains_goes_on_as_the_first_chain_of_its_grant(empty, clock, monkeypatch):
    monkeypatch.setattr(module, "HEAD", "0008")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0008", command.upgrade))
    await migrate(empty)
    now, later = clock(), clock() + timedelta(days=20)
    person = {"id": "u", "name": "ann", "is_admin": False, "account_id": "a", "default_workspace": "default"}
    grant = {"id": "g", "user_id": "u", "client_id": "c", "client_name": "C", "scopes": "s", "resource": "r"}
    times = {"created_at": now, "last_used_at": now, "expires_at": later}
    token = {"token_hash": "t", "grant_id": "g", "parent_hash": "p", "expires_at": later, "rotated_at": None}
    async with empty.write() as connection:
        await connection.execute(sa.insert(accounts).values(id="a", name="ann", created_at=now))
        await connection.execute(sa.insert(users).values(**person, created_at=now))
        await connection.execute(sa.insert(oauth_grants).values(**grant, **times, code_hash="h"))
        old = sa.table("oauth_refresh_tokens", *(sa.column(name) for name in token))
        await connection.execute(sa.insert(old).values(token))
    monkeypatch.undo()
    assert await migrate(empty) == "0008"
    async with empty.read() as connection:
        found = await find_refresh_token(connection, "t", "c", now)
        chain = await get_chain(connection, "g")
    assert found == RefreshToken("t", "g", "g", None)
    assert chain == Chain("g", "g", None, None, False, now, now, later, None, None, None)


async def test_names_that_differ_in_case_only_are_kept_apart_by_a_number_and_nothing_is_lost(empty, clock, monkeypatch):
    monkeypatch.setattr(module, "HEAD", "0010")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0010", command.upgrade))
    await migrate(empty)
    names = ["ada", "Ada", "ADA", "ada-2", "bob", "zoe\u0308", "zo\u00eb"]
    async with empty.write() as connection:
        for number, name in enumerate(names):
            made = clock() + timedelta(days=number)
            person = {"id": f"u{number}", "account_id": f"a{number}", "default_workspace": f"{name}/notes"}
            await connection.execute(sa.insert(accounts).values(id=f"a{number}", name=name, created_at=made))
            await connection.execute(sa.insert(users).values(**person, name=name, is_admin=False, created_at=made))
    monkeypatch.undo()
    with structlog.testing.capture_logs() as lines:
        await migrate(empty)
    async with empty.read() as connection:
        found = (await connection.execute(sa.select(users).order_by(users.c.id))).all()
        owners = (await connection.execute(sa.select(accounts).order_by(accounts.c.id))).all()
    renamed = ["ada", "Ada-3", "ADA-4", "ada-2", "bob", "zoe\u0308", "zo\u00eb-2"]
    assert [row.name for row in found] == [row.name for row in owners] == renamed
    assert [row.name_key for row in found] == [fold_name(name) for name in renamed]
    assert [row.default_workspace for row in found] == [f"{name}/notes" for name in renamed]
    told = [(line["before"], line["name"]) for line in lines if line["event"] == "account.renamed"]
    assert told == [("Ada", "Ada-3"), ("ADA", "ADA-4"), ("zo\u00eb", "zo\u00eb-2")]


async def test_a_name_that_stays_is_one_that_somebody_wrote_unless_a_change_had_moved_it(empty, clock, monkeypatch):
    monkeypatch.setattr(module, "HEAD", "0039")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0039", command.upgrade))
    await migrate(empty)
    now = clock()
    place = {"id": "w", "account_id": "a", "name": "notes", "name_key": "notes", "created_at": now, "updated_at": now}
    counts = {"memory_count": 0, "about_count": 0}
    change = {"id": "c", "workspace_id": "w", "entity_id": "e", "kind": "merge", "user_id": "u", "at": now}
    parts = [{"id": "x", "type": "name", "is_kept": False, "shown": 2, "names": [2, 3], "kept": [3]}]
    async with empty.write() as connection:
        await connection.execute(sa.insert(accounts).values(id="a", name="ann", name_key="ann", created_at=now))
        await connection.execute(sa.insert(workspaces).values(**place))
        entity = {"id": "e", "workspace_id": "w", "name": "one", "type": "name", "is_kept": True}
        await connection.execute(sa.insert(entities).values(**entity, **counts))
        await connection.execute(sa.insert(entity_changes).values(**change, parts=parts))
        for number, (name, is_kept) in enumerate([("one", True), ("two", True), ("three", True), ("four", False)], 1):
            row = {"id": number, "workspace_id": "w", "key": name, "name": name, "entity_id": "e"}
            await connection.execute(insert_row("entity_names", row | {"is_given": True, "is_kept": is_kept}))
    monkeypatch.undo()
    assert await migrate(empty) == "0039"
    async with empty.read() as connection:
        names = sa.select(entity_names.c.name).where(entity_names.c.is_written).order_by(entity_names.c.id)
        assert list((await connection.execute(names)).scalars()) == ["one", "three"]


async def test_a_schema_that_is_newer_than_the_code_is_refused_and_left_alone(db):
    async with db.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9000'"))
    with pytest.raises(SchemaTooNew, match="9000"):
        await migrate(db)
    assert await step_of(db) == "9000"


async def test_a_refused_schema_does_not_overwrite_an_earlier_copy(lite, sqlite_path):
    copy = sqlite_path.with_suffix(f".before-{HEAD}.db")
    copy.write_text("the copy of last year")
    async with lite.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9000'"))
    with pytest.raises(SchemaTooNew):
        await migrate(lite)
    assert copy.read_text() == "the copy of last year"


async def test_several_servers_that_start_together_migrate_once(empty_url):
    servers = [Database(empty_url) for _ in range(3)]
    assert sorted(map(str, await asyncio.gather(*map(migrate, servers)))) == [HEAD, HEAD, "None"]
    for db in servers:
        assert await step_of(db) == HEAD
        await db.close()


async def test_who_waits_for_the_migration_of_another_process_keeps_its_loop_turning(sqlite_path):
    sqlite_path.unlink()
    script = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX); "
        "print('locked', flush=True); sys.stdin.read()"
    )
    lock = sqlite_path.with_suffix(".migrate.lock")
    other = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        str(lock),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"locked\n"
    db = Database(f"sqlite+aiosqlite:///{sqlite_path}")
    waiting = asyncio.create_task(migrate(db))
    await asyncio.to_thread(lock.exists)  # the loop goes round while the other one holds the lock
    assert not waiting.done()
    assert not sqlite_path.exists()
    await other.communicate(b"")
    assert await waiting is None
    assert await step_of(db) == HEAD
    await db.close()


async def test_the_sqlite_file_is_copied_before_a_step(lite, sqlite_path, clock, next_step):
    async with lite.write() as connection:
        await connection.execute(sa.insert(accounts).values(id="a", name="ann", name_key="ann", created_at=clock()))
    next_step()
    assert await migrate(lite) == HEAD
    assert "novelty" in await tables_of(lite)
    with closing(sqlite3.connect(sqlite_path.with_suffix(".before-9999.db"))) as copy:
        assert copy.execute("SELECT name FROM accounts").fetchall() == [("ann",)]
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


async def test_a_step_is_made_though_a_page_is_damaged_that_it_does_not_touch(lite, sqlite_path, next_step):
    with closing(sqlite3.connect(sqlite_path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_master WHERE tbl_name = 'signup_links' AND type = 'table'"
        (page,) = connection.execute(query).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with sqlite_path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    next_step()
    assert await migrate(lite) == HEAD
    assert "novelty" in await tables_of(lite)


async def test_a_record_that_cannot_be_copied_is_not_migrated(lite, sqlite_path, next_step):
    next_step()
    sqlite_path.with_suffix(".before-9999.db").mkdir()
    with pytest.raises(MigrationFailed, match="cannot be copied first: unable to open"):
        await migrate(lite)
    assert "novelty" not in await tables_of(lite)


async def test_a_step_that_fails_leaves_the_record_as_it_was(db, next_step):
    next_step('op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(MigrationFailed, match=f"is unchanged, at step {HEAD}: .*nowhere"):
        await migrate(db)
    assert "novelty" not in await tables_of(db)
    assert await step_of(db) == HEAD


async def test_a_step_that_would_leave_a_row_without_what_it_refers_to_is_undone(ledger, next_step):
    (memory_id,) = await ledger.store("x")
    next_step('op.execute("DELETE FROM workspaces")')
    with pytest.raises(MigrationFailed, match=r"refer|foreign key"):
        await migrate(ledger.db)
    assert (await ledger.get(memory_id)).content == "x"
    assert await step_of(ledger.db) == HEAD


async def test_a_step_on_sqlite_may_rebuild_a_table_that_others_refer_to(book, next_step):
    (memory_id,) = await book.store("x")
    next_step(
        'with op.batch_alter_table("workspaces", recreate="always") as batch:\n'
        '        batch.add_column(sa.Column("colour", sa.String(20)))'
    )
    await migrate(book.db)
    assert (await book.get(memory_id)).content == "x"
    async with book.db.read() as connection:
        assert (await connection.exec_driver_sql("PRAGMA foreign_key_check")).fetchall() == []
        assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar_one() == 1


async def test_workspaces_whose_names_were_two_and_are_one_now_keep_everything_and_one_gets_a_number(
    empty, clock, monkeypatch
):
    monkeypatch.setattr(module, "HEAD", "0009")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0009", command.upgrade))
    await migrate(empty)
    monkeypatch.undo()
    named = {"w1": "upper", "w2": "UPPER", "w3": "Upper", "w4": "UPPER-2", "w5": "Cafe\u0301", "w6": "Caf\u00e9"}
    place = {"account_id": "a", "created_at": clock(), "updated_at": clock(), "revision": 0, "flushed_revision": 0}
    place |= {"generation": 0, "erasures": 0, "vacuumed": 0, "key_rule": "1-english"}
    async with empty.write() as connection:
        await connection.execute(sa.insert(accounts).values(id="a", name="ann", created_at=clock()))
        then = {"created_at": UtcDateTime(), "updated_at": UtcDateTime()}
        rows = sa.table("workspaces", *(sa.column(each, then.get(each)) for each in ("id", "name", *place)))
        for each, name in named.items():
            await connection.execute(sa.insert(rows).values(id=each, name=name, **place))
    assert await migrate(empty) == "0009"
    async with empty.read() as connection:
        kept = {each: getattr(await get_workspace(connection, each), "name", None) for each in named}
        found = await find_workspace(connection, "a", "uPPer")
    assert kept == {
        "w1": "upper",
        "w2": "UPPER-3",
        "w3": "Upper-4",
        "w4": "UPPER-2",
        "w5": "Cafe\u0301",
        "w6": "Caf\u00e9-2",
    }
    assert found is not None
    assert found.id == "w1"


@asynccontextmanager
async def with_later_columns(db):
    """An old schema, in which rows are stored as now: the columns that came later are there for the while."""
    later = (("memories", "inferred JSON"), ("users", "time_zone VARCHAR(100)"))
    async with db.write() as connection:
        for table, column in later:
            await connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    yield
    async with db.write() as connection:
        for table, column in later:
            await connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column.partition(' ')[0]}")


async def test_vectors_of_four_bytes_a_number_become_vectors_of_two_and_the_file_shrinks(empty, clock, monkeypatch):
    monkeypatch.setattr(module, "HEAD", "0016")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0016", command.upgrade))
    await migrate(empty)
    monkeypatch.undo()
    async with with_later_columns(empty):
        ledger = await open_ledger(empty, clock)
        ids = await store_as_before(ledger, *(ledger.memory(str(n)) for n in range(1200)))
    chance = np.random.default_rng(3).standard_normal((len(ids), 2, 384), dtype=np.float32)
    whole = chance / np.linalg.norm(chance, axis=2, keepdims=True)
    async with empty.write() as connection:
        generation = await ensure_generation(connection, Model("m", "d", 384, 8, ""), clock())
        rows = [
            {"memory_id": each, "generation": generation, "windows": windows.tobytes()}
            for each, windows in zip(ids, whole, strict=True)
        ]
        await connection.execute(sa.insert(vectors), rows)
    before = await count_pages(empty)
    assert await migrate(empty) == "0016"
    assert await count_pages(empty) <= before * 0.8
    async with empty.read() as connection:
        rows = await connection.execute(sa.select(vectors.c.memory_id, vectors.c.windows))
        found = {row.memory_id: row.windows for row in rows}
    assert {len(each) for each in found.values()} == {2 * 384 * 2}
    for each, windows in zip(ids, whole, strict=True):
        np.testing.assert_allclose(unpack_vectors(found[each], 384), windows, atol=3e-4)


async def test_the_text_of_a_stored_memory_leaves_the_journal_and_that_of_a_merged_or_changed_one_stays(
    empty, clock, monkeypatch
):
    monkeypatch.setattr(module, "HEAD", "0020")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0020", command.upgrade))
    await migrate(empty)
    monkeypatch.undo()
    async with with_later_columns(empty):
        ledger = await open_ledger(empty, clock)
        stored, merged, changed, deleted = await store_as_before(ledger, *map(ledger.memory, "abcd"))
    text = {"content": "heron"}
    entries = [(stored, None, text), (merged, None, text), (changed, text, text), (deleted, text, None)]
    run = {"id": "r", "workspace_id": ledger.workspace, "kind": "auto", "state": "done", "active": 4, "sources": 0}
    merge = {"memory_id": merged, "run_id": "r", "revision": 2, "source_ids": [], "method": "agent"}
    async with empty.write() as connection:
        await connection.execute(sa.delete(journal))
        await journal_memories(connection, ledger.workspace, ledger.actor, clock(), 1, entries)
        await journal_change(connection, ledger.workspace, ledger.actor, clock(), {"item": "i1"})
        await connection.execute(sa.insert(consolidation_runs).values(**run, at=clock()))
        await connection.execute(sa.insert(consolidations).values(**merge))
    assert await migrate(empty) == "0020"
    query = sa.select(journal.c.memory_id, journal.c.before, journal.c.after).order_by(journal.c.id)
    async with empty.read() as connection:
        kept = [tuple(row) for row in await connection.execute(query)]
    assert kept == [(stored, None, None), *entries[1:], (None, None, {"item": "i1"})]


async def test_what_links_say_of_older_memories_is_marked_and_repeats_of_them_are_found(empty, clock, monkeypatch):
    monkeypatch.setattr(module, "HEAD", "0025")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0025", command.upgrade))
    await migrate(empty)
    monkeypatch.undo()
    ledger = await open_ledger_as_before(empty, clock)
    old, other = ledger.memory("Fridays"), ledger.memory("Ann")
    link = Linkage(type="memory", id=old.id, label="Supersedes")
    happened = clock() - timedelta(days=3)
    new = ledger.memory("Mondays", linkages=[link], occurred_at=happened)
    newest = ledger.memory("Tuesdays", linkages=[link, Linkage(type="memory", id=other.id, label="refines")])
    await store_as_before(ledger, old, other, new, newest)
    assert await migrate(empty) == "0025"
    found = await ledger.get(old.id)
    assert found is not None
    assert (found.superseded_by, found.superseded_at) == (newest.id, happened)
    kept = [await ledger.get(each.id) for each in (other, new, newest)]
    assert [each and each.superseded_by for each in kept] == [None] * 3
    assert None not in kept
    assert await ledger.row("revision") == (5,), "so the point of the old one is removed"
    query = sa.select(memories.c.id).where(memories.c.text_digest == digest_text(" Fridays "))
    async with empty.read() as connection:
        assert list((await connection.execute(query)).scalars()) == [old.id]


async def test_who_stored_the_older_memories_is_read_from_the_journal(empty, clock, monkeypatch):
    monkeypatch.setattr(module, "HEAD", "0029")
    monkeypatch.setattr("alembic.command.upgrade", partial(up_to, "0029", command.upgrade))
    await migrate(empty)
    monkeypatch.undo()
    ledger = await open_ledger_as_before(empty, clock)
    stored, unknown = await store_as_before(ledger, ledger.memory("a"), ledger.memory("b"))
    by_ann, by_ben = replace(ledger.actor, credential_id="first"), replace(ledger.actor, credential_id="later")
    async with empty.write() as connection:
        for actor in (by_ann, by_ben):
            await journal_memories(connection, ledger.workspace, actor, clock(), 1, [(stored, None, None)])
    assert await migrate(empty) == "0029"
    query = sa.select(memories.c.id, memories.c.user_id, memories.c.credential_id, memories.c.client_id)
    async with empty.read() as connection:
        found = {row[0]: tuple(row[1:]) for row in await connection.execute(query)}
    assert found == {stored: ("user", "first", None), unknown: (None, None, None)}


async def count_pages(db):
    """The pages of SQLite's file; none on Postgres, which reuses the room by itself."""
    if not db.is_sqlite:
        return 0
    await db.empty_log()
    async with db.read() as connection:
        return (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()
