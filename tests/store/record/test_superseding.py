"""A memory is superseded as long as one that is not deleted says so by a link."""

from datetime import timedelta

import pytest

from server.memory.models import Linkage
from server.store.record import memory_lists
from server.store.record.memory_lists import Listing
from server.store.record.relations.current import Past

pytestmark = pytest.mark.anyio


def supersede(*ids):
    return [Linkage(type="memory", id=each, label="supersedes") for each in ids]


async def list_contents(ledger, now, **fields):
    async with ledger.db.read() as connection:
        page, total = await memory_lists.list_page(connection, ledger.workspace, Listing(**fields), now)
    assert total == len(page)
    return sorted(each.content for each in page)


async def test_a_superseded_memory_is_in_its_own_list_and_has_a_new_revision(ledger, clock):
    (old,) = await ledger.store("Fridays")
    (new,) = await ledger.store("Mondays", linkages=supersede(old))
    found = await ledger.get(old)
    assert (found.superseded_by, found.superseded_at) == (new, clock())
    assert await ledger.row("revision") == (3,)
    assert await list_contents(ledger, clock()) == ["Mondays"]
    assert await list_contents(ledger, clock(), status="superseded") == ["Fridays"]
    assert await list_contents(ledger, clock(), past=Past(has_superseded=True)) == ["Fridays", "Mondays"]


async def test_it_is_back_when_the_link_goes_or_its_memory_is_deleted(ledger):
    (old,) = await ledger.store("Fridays")
    (new,) = await ledger.store("Mondays", linkages=supersede(old))
    (newest,) = await ledger.store("Tuesdays", linkages=supersede(old))
    assert (await ledger.get(old)).superseded_by == newest
    await ledger.delete(newest)
    assert (await ledger.get(old)).superseded_by == new
    await ledger.change(new, linkages=[])
    found = await ledger.get(old)
    assert (found.superseded_by, found.superseded_at) == (None, None)


async def test_a_link_that_is_added_later_supersedes_as_well(ledger, clock):
    old, new = await ledger.store("Fridays", "Mondays")
    await ledger.change(new, linkages=[each.model_dump() for each in supersede(old)])
    assert await list_contents(ledger, clock()) == ["Mondays"]
    await ledger.change(new, occurred_at=clock() - timedelta(days=2))
    assert (await ledger.get(old)).superseded_at == clock() - timedelta(days=2)


async def test_the_past_is_what_was_known_by_then_and_not_replaced_yet(ledger, clock):
    start = clock()
    (old,) = await ledger.store("Fridays", occurred_at=start - timedelta(days=9))
    clock.move(days=1)
    (new,) = await ledger.store("Mondays", linkages=supersede(old))
    clock.move(days=1)
    await ledger.store("Tuesdays", linkages=supersede(new))
    now = clock()
    for days, shown in [(-10, []), (-9, ["Fridays"]), (0, ["Fridays"]), (1, ["Mondays"]), (2, ["Tuesdays"])]:
        assert await list_contents(ledger, now, past=Past(start + timedelta(days=days))) == shown
    both = Past(start + timedelta(days=1), has_superseded=True)
    assert await list_contents(ledger, now, past=both) == ["Fridays", "Mondays"]


async def test_before_a_merge_the_past_has_its_sources_and_after_it_the_merged_memory(ledger, clock):
    start = clock()
    sources = await ledger.store("one", "two")
    clock.move(days=1)
    (merged,) = await ledger.store("one and two")
    for each in sources:
        await ledger.change(each, consolidated=True, consolidated_into=merged)
    assert await list_contents(ledger, clock(), past=Past(start)) == ["one", "two"]
    assert await list_contents(ledger, clock(), past=Past(clock())) == ["one and two"]
