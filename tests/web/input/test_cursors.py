"""Pages by a cursor: each memory and each item comes once, whatever others write between two pages."""

import base64
import json
from typing import get_args

import pytest

from server.store.record.memory_lists import Sort
from tests.helpers.doors import call_rest, check_refusal

pytestmark = pytest.mark.anyio

SORTS = get_args(Sort)


async def read_pages(person, name, key, arguments, between=None):
    """The entries of all pages, read by their cursors; `between` is called before each page but the first."""
    entries, cursor = [], None
    while True:
        page = (await call_rest(person, name, arguments | ({"cursor": cursor} if cursor else {}))).body
        entries += page[key]
        cursor = page["next_cursor"]
        if cursor is None:
            return entries
        if between:
            await between()


@pytest.fixture
async def seven(cat):
    """Seven memories, some with equal values and some without a value of what they can be sorted by."""
    ids = []
    for n in range(7):
        when = {"occurred_at": f"2026-01-0{1 + n // 2}"} if n != 3 else {}
        ids.append(await cat.store(f"Tea number {n}", **when))
    return ids


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.usefixtures("seven")
async def test_the_pages_of_a_cursor_are_the_whole_list_in_its_order(cat, sort, order):
    how = {"sort": sort, "order": order}
    whole = (await call_rest(cat, "list_memories", how)).body["memories"]
    assert len(whole) == 7
    assert (await call_rest(cat, "list_memories", how | {"limit": 7})).body["next_cursor"] is None
    for limit in (1, 2, 3, 7):
        assert await read_pages(cat, "list_memories", "memories", how | {"limit": limit}) == whole


async def test_what_others_write_neither_doubles_nor_hides_a_memory(cat, seven):
    async def write():
        await cat.store("Another tea")
        await call_rest(cat, "delete_memory", {"id": seven.pop()}) if len(seven) > 5 else None

    order = list(reversed(seven))
    pages = await read_pages(cat, "list_memories", "memories", {"limit": 2}, write)
    assert [each["id"] for each in pages][:2] == order[:2]
    assert [each["id"] for each in pages][2:] == order[2:]


async def test_a_page_goes_on_after_a_memory_that_was_deleted_meanwhile(cat, seven):
    page = (await call_rest(cat, "list_memories", {"limit": 3})).body
    await call_rest(cat, "delete_memory", {"id": page["memories"][-1]["id"], "erase": True})
    following = (await call_rest(cat, "list_memories", {"limit": 3, "cursor": page["next_cursor"]})).body
    assert [each["id"] for each in following["memories"]] == seven[3::-1][:3]


async def test_the_items_of_working_memory_have_cursors_too(cat):
    for n in range(5):
        await call_rest(cat, "add_item", {"category": "active_work", "title": f"Item {n}", "priority": n % 2})
    whole = (await call_rest(cat, "list_items", {})).body["items"]
    pages = await read_pages(cat, "list_items", "items", {"limit": 2})
    assert [each["id"] for each in pages] == [each["id"] for each in whole]


def make_cursor(*values):
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "AAAA",
        make_cursor(),
        make_cursor("memories created_at desc"),
        make_cursor("memories created_at asc", "2026-01-01T00:00:00Z", "x"),
        make_cursor("memories created_at desc", "soon", "x"),
        make_cursor("memories created_at desc", "2026-01-01T00:00:00Z", "a\x00"),
        make_cursor("memories created_at desc", {"a": 1}, 5),
    ],
)
async def test_what_is_no_cursor_of_this_list_is_refused(cat, cursor):
    await check_refusal(cat, "list_memories", {"cursor": cursor}, says="cursor: ")
    await check_refusal(cat, "list_items", {"cursor": cursor}, says="cursor: is not the next_cursor of this list")


@pytest.mark.parametrize("name", ["list_memories", "list_items"])
async def test_a_cursor_and_an_offset_are_two_places(cat, name):
    await check_refusal(cat, name, {"cursor": "x", "offset": 2}, says="send cursor or offset, not both")


@pytest.mark.usefixtures("seven")
async def test_a_cursor_of_another_person_shows_nothing_of_theirs(cat, dan):
    page = (await call_rest(cat, "list_memories", {"limit": 2})).body
    assert (await call_rest(dan, "list_memories", {"cursor": page["next_cursor"]})).body["memories"] == []


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00"])
async def test_a_time_that_is_none_in_utc_is_no_place_in_a_list(cat, time):
    cursors = {
        "list_memories": make_cursor("memories created_at desc", time, "x"),
        "list_items": make_cursor("items", 0, time, "x"),
        "read_timeline": make_cursor("timeline", time),
    }
    for name, cursor in cursors.items():
        await check_refusal(cat, name, {"cursor": cursor}, says="cursor: is not the next_cursor of this list")
