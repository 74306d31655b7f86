"""The memories that a recall has found, read from the record: only what is live, and only of the one workspace."""

import pytest

from server.store.record.recall.recalled import read_recalled_memories
from tests.helpers.ledger import open_ledger

pytestmark = pytest.mark.anyio


async def test_what_is_live_is_read_as_its_row_is(ledger):
    ids = await ledger.store("heron", "grebe", tags=["a"], author="Ann", occurred_at=ledger.now())
    found = await read_recalled_memories(ledger.db, ledger.workspace, ids)
    for each in ids:
        shown = found[each].model_dump() | {"images": []}
        kept = await ledger.get(each)
        assert shown == kept.model_dump(include=set(shown))
        assert (found[each].metadata, found[each].updated_at) == (kept.metadata, kept.updated_at)


async def test_what_was_deleted_or_merged_or_is_elsewhere_is_not_read(ledger, clock):
    kept, deleted, merged = await ledger.store("kept", "deleted", "merged")
    await ledger.delete(deleted)
    await ledger.change(merged, consolidated=True)
    other = await open_ledger(ledger.db, clock, "ben")
    (elsewhere,) = await other.store("elsewhere")
    asked = [kept, deleted, merged, elsewhere, "nowhere"]
    assert set(await read_recalled_memories(ledger.db, ledger.workspace, asked)) == {kept}
    assert set(await read_recalled_memories(ledger.db, other.workspace, asked)) == {elsewhere}


async def test_a_change_is_seen_at_once(ledger):
    (memory_id,) = await ledger.store("old")
    await read_recalled_memories(ledger.db, ledger.workspace, [memory_id])
    await ledger.change(memory_id, content="new")
    assert (await read_recalled_memories(ledger.db, ledger.workspace, [memory_id]))[memory_id].content == "new"
