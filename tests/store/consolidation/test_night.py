"""What the night merges by itself, and the memories that a merged one answers for."""

from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from server.memory.models import Linkage
from server.store.consolidation.runs import undo_run
from server.store.lifecycle.erasure import erase_memories
from server.store.record.leaves import find_live_merges, read_leaves
from server.store.record.memory_lists import Listing
from server.store.record.recall.happened import list_happened
from server.store.tables.memories import memories as table
from server.store.tables.memories import token_vectors, vectors
from tests.helpers.consolidations import read_active_texts, read_everything

pytestmark = pytest.mark.anyio

BACKUP = "The backup runs every night"


@pytest.fixture
def spend_night(consolidate):
    """Merges what a night merges."""

    async def run(**options):
        return await consolidate(**{"kind": "nightly", "rule": "duplicates"} | options)

    return run


async def read_vector_rows(ledger):
    async with ledger.db.read() as connection:
        return [(await connection.execute(sa.select(each))).all() for each in (vectors, token_vectors)]


async def test_the_night_merges_repeats_and_not_what_shares_a_tag(ledger, spend_night, clock):
    await ledger.store("one", "two", "three", tags=["infra"])
    (first,) = await ledger.store(BACKUP, tags=["infra"], author="Ann", session="s")
    clock.move(days=3)
    (second,) = await ledger.store(f"{BACKUP}.", author="Ann", session="s")
    outcome = await spend_night()
    (only,) = outcome.plan.merges
    assert [each.id for each in only.sources] == [first, second]
    merged = await ledger.get(only.result.id)
    days = [f"{at:%Y-%m-%d}" for at in (clock() - timedelta(days=3), clock())]
    assert merged.content == f"{BACKUP}. ({', '.join(days)})"
    assert (merged.author, merged.session, merged.tags, merged.created_at) == ("Ann", "s", ["infra"], clock())
    assert (await spend_night()).state == "nothing", "a night is not done twice"


async def test_a_workspace_of_one_text_becomes_few_memories_and_then_one(ledger, spend_night, clock):
    ids = await ledger.store(*["All the same"] * 120)
    await spend_night(share=1.0)
    assert len(await read_active_texts(ledger)) == 3
    await spend_night(share=1.0)
    (left,) = await read_active_texts(ledger)
    assert left == f"All the same ({clock():%Y-%m-%d})"
    async with ledger.db.read() as connection:
        places = await find_live_merges(connection, ids)
        (last,) = set(places.values())
        leaves = await read_leaves(connection, [last])
    assert [each.id for each in leaves[last]] == ids
    assert (await spend_night(share=1.0)).state == "nothing"


async def test_a_repeat_of_what_was_merged_is_said_with_it(ledger, spend_night, clock):
    await ledger.store(BACKUP, BACKUP)
    first = await spend_night()
    clock.move(days=1)
    (late,) = await ledger.store(BACKUP)
    second = await spend_night()
    days = [f"{at:%Y-%m-%d}" for at in (clock() - timedelta(days=1), clock())]
    assert await read_active_texts(ledger) == [f"{BACKUP} ({', '.join(days)})"]
    await undo_run(ledger.db, ledger.workspace, second.run_id, ledger.actor, clock())
    assert await read_active_texts(ledger) == [BACKUP, f"{BACKUP} ({days[0]})"]
    assert (await spend_night()).state == "nothing", "what was taken apart stays apart"
    await undo_run(ledger.db, ledger.workspace, first.run_id, ledger.actor, clock())
    assert await read_active_texts(ledger) == [BACKUP] * 3
    assert (await ledger.get(late)).consolidated == 0


async def test_what_expires_is_superseded_or_was_changed_is_no_repeat(ledger, spend_night, clock):
    old, _ = await ledger.store(BACKUP, "another")
    await ledger.store(BACKUP, expires_at=clock() + timedelta(days=9))
    await ledger.store("It runs by day", linkages=[Linkage(type="memory", id=old, label="supersedes")])
    await ledger.store(BACKUP)
    assert (await spend_night()).state == "nothing"


async def test_an_undo_leaves_rows_vectors_and_links_as_they_were(ledger, spend_night, store_with_vectors, clock):
    one = np.eye(8, dtype=np.float32)[:1]
    ids = await store_with_vectors(**{BACKUP: one, f"{BACKUP}.": one})
    await ledger.store("See the backup", linkages=[Linkage(type="memory", id=ids[0], label="supports")])
    before, had = await read_active_texts(ledger), await read_vector_rows(ledger)
    rows = [await ledger.get(each) for each in ids]
    done = await spend_night()
    await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert (await read_active_texts(ledger), await read_vector_rows(ledger)) == (before, had)
    assert [await ledger.get(each) for each in ids] == rows


async def test_what_a_person_erased_stays_erased_after_an_undo(ledger, spend_night, clock):
    first, *others = await ledger.store(BACKUP, BACKUP, BACKUP)
    done = await spend_night()
    clock.move(days=2)
    async with ledger.db.write() as connection:
        await erase_memories(connection, ledger.workspace, [first], ledger.actor, clock())
    (text,) = await read_active_texts(ledger)
    assert text.startswith(f"{BACKUP} (2")
    undone = await undo_run(ledger.db, ledger.workspace, done.run_id, ledger.actor, clock())
    assert (undone.restored, await read_active_texts(ledger)) == (others, [BACKUP] * 2)


async def test_a_memory_that_was_merged_from_two_is_listed_for_the_days_of_both(ledger, spend_night, clock):
    started = clock()
    await ledger.store(BACKUP)
    clock.move(days=30)
    await ledger.store(BACKUP, "other")
    (only,) = (await spend_night()).plan.merges

    async def list_ids(day):
        async with ledger.db.read() as connection:
            between = (day - timedelta(hours=1), day + timedelta(hours=1))
            return [
                each
                for each, _ in await list_happened(connection, ledger.workspace, Listing(), clock(), between=between)
            ]

    assert await list_ids(started) == [only.result.id]
    assert only.result.id in await list_ids(clock())
    async with ledger.db.read() as connection:
        every = await list_happened(connection, ledger.workspace, Listing(limit=2), clock())
    assert len(every) == len(dict(every)) == 2


async def test_by_night_a_tag_groups_only_what_is_close_and_has_been_there_for_a_week(
    ledger, spend_night, store_with_vectors, clock
):
    close = np.eye(8, dtype=np.float32)[:1]
    far = np.eye(8, dtype=np.float32)[1:2]
    ids = await store_with_vectors(one=close, two=close, three=close, far=far, rule=close)
    await ledger.change(ids[4], type="instruction")
    async with ledger.db.write() as connection:
        await connection.execute(sa.update(table).values(tags=["infra"]))
    before = await read_everything(ledger)
    assert (await spend_night(rule="close")).state == "nothing"
    clock.move(days=8)
    assert (await spend_night()).state == "nothing"
    assert await read_everything(ledger) == before
    (only,) = (await spend_night(rule="close")).plan.merges
    assert [each.id for each in only.sources] == ids[:3]
    assert only.result.content.startswith("[infra] — 3 memories consolidated")
