"""Merges of merges, undone merges and crystals, in any order: no table holds an erased text, on both databases."""

import os
import random
from contextlib import nullcontext
from importlib import import_module
from typing import Any
from unittest.mock import Mock

import pytest
import sqlalchemy as sa

from server.background.upkeep import clean_up_records
from server.ids import new_id
from server.store.consolidation.carry_out import ConsolidationDeps, NotActive, consolidate_group
from server.store.consolidation.runs import NothingToUndo, undo_run
from server.store.lifecycle.erasure import erase_memories
from server.store.record.notes import identity
from server.store.record.notes.identity import Crystal
from server.store.record.notes.synthesis import compose_crystal
from server.store.tables import metadata
from server.store.tables.working import identity_crystals
from tests.helpers.erasures import OTHERS, erase_memory, request_json
from tests.helpers.ledger import CountingProjection

pytestmark = pytest.mark.anyio


async def read_record(db):
    async with db.read() as connection:
        return str([(await connection.execute(sa.select(each))).all() for each in metadata.sorted_tables])


async def crystallize(ledger):
    now = ledger.now()
    async with ledger.db.write() as connection:
        text = await compose_crystal(connection, ledger.workspace, now)
        new = Crystal(new_id(now), text.text, text.source_count, now)
        await identity.insert_crystal(connection, ledger.workspace, new, is_composed=True)


async def merge(ledger, ids):
    deps = ConsolidationDeps(ledger.db, CountingProjection())
    done = await consolidate_group(deps, ledger.workspace, ledger.actor, ledger.now(), ids)
    return done.run_id, done.plan.merges[0].result.id


@pytest.mark.parametrize("seed", range(6))
async def test_no_table_holds_an_erased_text(ledger, clock, seed):
    chance = random.Random(seed)  # noqa: S311 - the same walk every time
    words = [f"word{number}word" for number in range(8)]
    texts = [f"The {word} is kept in a drawer." for word in words]
    ids = await ledger.store(*texts, session="s")
    active, runs = list(ids), []
    for _ in range(10):
        clock.move(minutes=1)
        match chance.choice(["merge", "merge", "undo", "crystal"]):
            case "merge" if len(active) > 2:
                some = chance.sample(active, chance.choice([2, 3]))
                try:
                    run, merged = await merge(ledger, some)
                except NotActive:
                    continue
                runs.append(run)
                active = [each for each in active if each not in some] + [merged]
            case "undo" if runs:
                try:
                    undone = await undo_run(ledger.db, ledger.workspace, chance.choice(runs), ledger.actor, clock())
                except NothingToUndo:
                    continue
                active = [each for each in active if each not in undone.removed] + undone.restored
            case _:
                await crystallize(ledger)
    erased = chance.sample(range(8), 3)
    for number in erased:
        clock.move(minutes=1)
        async with ledger.db.write() as connection:
            await erase_memories(connection, ledger.workspace, [ids[number]], ledger.actor, clock())
    record = await read_record(ledger.db)
    assert [number for number in range(8) if words[number] in record] == sorted(set(range(8)) - set(erased))


async def test_a_copy_of_the_record_is_named_and_that_of_an_upgrade_is_removed_after_seven_days(
    site, ann, settings, clock
):
    upgraded, restored = (settings.data_dir / f"loci.before-{each}.db" for each in ("0002", "restore-20261101"))
    for each in (upgraded, restored):
        each.write_bytes(b"")
        os.utime(each, (clock().timestamp(),) * 2)
    names = [upgraded.name, restored.name]
    answer = await erase_memory(ann, await ann.store(OTHERS[0]))
    assert (answer["erased"], [each["id"] for each in answer["kept"]]) == (False, names)
    notice = answer["meta"]["notice"]
    assert f"{upgraded.name} is the record from before an upgrade: the server deletes it on 2026-11-28" in notice
    assert f"{restored.name} is the record that a restore replaced" in notice
    assert (await request_json(ann, "GET", "/v1/memories"))["total"] == 0
    await ann.store(OTHERS[1])
    purged = await request_json(ann, "POST", "/v1/purge", json={})
    assert (purged["kept"], upgraded.name in purged["meta"]["notice"]) == (names, True)
    clock.move(days=6, hours=23)
    await clean_up_records(site.services)
    assert upgraded.exists()
    clock.move(hours=1)
    await clean_up_records(site.services)
    assert (upgraded.exists(), restored.exists()) == (False, True)


async def test_the_migration_knows_the_crystals_that_were_composed(ledger):
    (memory_id,) = await ledger.store("The heron stays.")
    await crystallize(ledger)
    async with ledger.db.write() as connection:
        written = Crystal("written", f"# Identity Crystal\n\nI wrote **{memory_id}** myself.", 0, ledger.now())
        await identity.insert_crystal(connection, ledger.workspace, written)
        await connection.execute(sa.update(identity_crystals).values(is_composed=sa.false()))
        await connection.run_sync(mark_composed_crystals)
        found = await identity.find_quoting_crystals(connection, ledger.workspace, [memory_id])
    assert len(found) == 1
    assert found != ["written"]


def mark_composed_crystals(connection):
    """Run the step of the migration on rows that are there; the column is there, too."""
    step: Any = import_module("server.store.migrations.versions.0012_composed_crystals")
    step.op = Mock(batch_alter_table=lambda *_, **__: nullcontext(Mock()), execute=connection.execute)
    step.upgrade()
