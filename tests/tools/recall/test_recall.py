"""The matches of a recall, and those that it leaves out: filters, expiry by the moved clock, and what was deleted."""

import pytest

from tests.helpers.doors import call_tool

pytestmark = pytest.mark.anyio


async def call_checked(person, name, arguments=None):
    """Return a tool's answer."""
    answer = await call_tool(person, name, arguments or {})
    assert answer.error is None, answer.text
    return answer.body


async def find_every_way(person, **arguments):
    """The contents that each way of recalling finds, which have to agree."""
    searched = await call_checked(person, "search", {"query": "tea", **arguments})
    recalled = await call_checked(person, "retrieve_context", {"message": "tea", **arguments})
    newest = await call_checked(person, "recent", arguments)
    listed = await call_checked(person, "list_memories", arguments)
    ways = [
        {each["content"] for each in memories}
        for memories in (searched["memories"], recalled["memories"]["matches"], newest["memories"], listed["memories"])
    ]
    assert all(way == ways[0] for way in ways), ways
    return ways[0]


@pytest.fixture
async def ann_with_tea(ann):
    """Memories that all say tea, each somewhere else."""
    for content, fields in {
        "tea everywhere": {},
        "tea in the shop": {"project": "shop"},
        "tea in the blog": {"project": "blog", "tags": ["Green", "leaf"]},
        "tea in a task": {"project": "shop", "task": "T-1", "entity": "kettle", "author": "eve"},
        "tea as a fact": {"type": "fact", "tags": ["greenish"], "session": "s-1"},
    }.items():
        await ann.store(content, **fields)
    return ann


async def test_without_a_filter_everything_is_found(ann_with_tea):
    assert len(await find_every_way(ann_with_tea)) == 5


async def test_a_project_brings_the_global_memories_along(ann_with_tea):
    everywhere = {"tea everywhere", "tea as a fact"}
    assert await find_every_way(ann_with_tea, project="shop") == everywhere | {"tea in the shop", "tea in a task"}
    assert await find_every_way(ann_with_tea, project="blog") == everywhere | {"tea in the blog"}
    assert await find_every_way(ann_with_tea, project="elsewhere") == everywhere


async def test_a_task_brings_its_project_and_the_global_memories_along_and_no_other_task(ann_with_tea):
    everywhere = {"tea everywhere", "tea as a fact"}
    await ann_with_tea.store("tea in another task", project="shop", task="T-2")
    there = await find_every_way(ann_with_tea, project="shop", task="T-1")
    assert there == everywhere | {"tea in the shop", "tea in a task"}
    assert await find_every_way(ann_with_tea, task="T-1") == everywhere | {"tea in a task"}
    assert await find_every_way(ann_with_tea, project="shop", task="T-1", scope="task") == {"tea in a task"}


async def test_the_nearer_a_memory_is_the_higher_it_stands(ann):
    for content, fields in (
        ("the port is 1", {"project": "shop", "task": "T-1"}),
        ("the port is 2", {"project": "shop"}),
        ("the port is 3", {}),
    ):
        await ann.store(content, **fields)
    for task, lowest in (("T-1", ["port is 1", "port is 2", "port is 3"]), (None, ["port is 3"])):
        asked = {"query": "port", "project": "shop", "task": task, "explain": True, "track_access": False}
        found = (await call_checked(ann, "search", asked))["memories"]
        assert [each["content"].removeprefix("the ") for each in found][-len(lowest) :] == lowest
        assert ("task" in found[0]["why"]["nudges"]) is (task is not None)


async def test_a_scope_is_exact(ann_with_tea):
    assert await find_every_way(ann_with_tea, scope="global") == {"tea everywhere", "tea as a fact"}
    assert await find_every_way(ann_with_tea, scope="project") == {"tea in the shop", "tea in the blog"}
    assert await find_every_way(ann_with_tea, scope="project", project="shop") == {"tea in the shop"}
    assert await find_every_way(ann_with_tea, scope="task") == {"tea in a task"}


async def test_types_are_any_of_those_named(ann_with_tea):
    assert await find_every_way(ann_with_tea, type=["fact"]) == {"tea as a fact"}
    assert len(await find_every_way(ann_with_tea, type=["fact", "observation"])) == 5
    assert await find_every_way(ann_with_tea, types="fact,decision") == {"tea as a fact"}
    assert await find_every_way(ann_with_tea, type=["decision"]) == set()


async def test_a_tag_is_a_whole_tag_where_memories_are_recalled(ann_with_tea):
    for name, question in (("search", "query"), ("retrieve_context", "message")):
        for tag, expected in (("Green", ["tea in the blog"]), ("gREEN", ["tea in the blog"]), ("ree", [])):
            answer = await call_checked(ann_with_tea, name, {question: "tea", "tags": [tag]})
            matches = answer["memories"]["matches"] if name == "retrieve_context" else answer["memories"]
            assert [each["content"] for each in matches] == expected, (name, tag)


async def test_a_tag_is_a_whole_tag_in_recent_too(ann_with_tea):
    for tag, expected in (("Green", ["tea in the blog"]), ("gREEN", ["tea in the blog"]), ("ree", [])):
        newest = await call_checked(ann_with_tea, "recent", {"tags": [tag]})
        assert [each["content"] for each in newest["memories"]] == expected


@pytest.mark.parametrize(
    "where",
    [
        {"entity": "kettle"},
        {"author": "eve"},
        {"task": "T-1", "scope": "task"},
        {"entity": "kettle", "author": "eve"},
    ],
)
async def test_who_what_and_where_are_exact(ann_with_tea, where):
    assert await find_every_way(ann_with_tea, **where) == {"tea in a task"}
    assert await find_every_way(ann_with_tea, **(where | {name: "other" for name in where if name != "scope"})) == set()


async def test_a_session_is_exact(ann_with_tea):
    assert await find_every_way(ann_with_tea, session="s-1") == {"tea as a fact"}


async def test_what_expires_is_found_until_the_moment_it_does(ann, clock):
    memory_id = await ann.store("tea until noon tomorrow", expires="2026-11-22T12:00:00Z")
    clock.move(hours=23, minutes=59)
    assert await find_every_way(ann) == {"tea until noon tomorrow"}
    clock.move(minutes=1)
    assert await find_every_way(ann) == set()
    assert (await call_checked(ann, "fetch", {"id": memory_id}))["content"] == "tea until noon tomorrow"
    assert (await call_checked(ann, "list_memories", {"status": "expired"}))["total"] == 1
    assert (await call_checked(ann, "health"))["memories"] == {
        "total": 1,
        "active": 0,
        "expired": 1,
        "consolidated": 0,
        "superseded": 0,
    }


async def test_an_expiry_that_is_moved_or_cleared_counts_at_once(ann, clock):
    memory_id = await ann.store("tea", expires="2026-11-22")
    clock.move(days=2)
    assert await find_every_way(ann) == set()
    await call_checked(ann, "update_memory", {"id": memory_id, "expires": None})
    assert await find_every_way(ann) == {"tea"}
    await call_checked(ann, "update_memory", {"id": memory_id, "expires": "2026-11-23"})
    assert await find_every_way(ann) == set()


async def test_what_was_deleted_or_erased_is_never_found(ann):
    for erase in (False, True):
        memory_id = await ann.store("tea")
        await call_checked(ann, "delete_memory", {"id": memory_id, "erase": erase})
        assert await find_every_way(ann) == set()
        assert (await call_checked(ann, "list_memories", {"status": "all"}))["total"] == 0


async def test_what_was_updated_is_found_by_its_new_words_only(ann):
    memory_id = await ann.store("a pot of coffee")
    await call_checked(ann, "update_memory", {"id": memory_id, "content": "a pot of tea"})
    assert (await call_checked(ann, "search", {"query": "coffee"}))["memories"] == []
    assert [each["id"] for each in (await call_checked(ann, "search", {"query": "tea"}))["memories"]] == [memory_id]


async def test_recent_is_newest_first_and_no_longer_than_asked(ann, clock):
    for number in range(4):
        await ann.store(f"memory {number}")
        clock.move(seconds=1)
    newest = await call_checked(ann, "recent", {"limit": 2})
    assert [each["content"] for each in newest["memories"]] == ["memory 3", "memory 2"]


async def test_an_ingest_keeps_its_order_within_one_moment(ann):
    await call_checked(ann, "ingest_memories", {"memories": [{"content": f"{n}"} for n in range(5)]})
    newest = await call_checked(ann, "recent")
    assert [each["content"] for each in newest["memories"]] == ["4", "3", "2", "1", "0"]


async def test_finding_a_memory_counts_unless_it_was_asked_not_to(ann, site):
    memory_id = await ann.store("tea")
    await call_checked(ann, "search", {"query": "tea", "track_access": False})
    await call_checked(ann, "retrieve_context", {"message": "tea", "track_access": False})
    await site.services.accesses.drain()
    assert (await call_checked(ann, "fetch", {"id": memory_id}))["access_count"] == 0
    await call_checked(ann, "search", {"query": "tea"})
    await call_checked(ann, "retrieve_context", {"message": "tea"})
    await site.services.accesses.drain()
    fetched = await call_checked(ann, "fetch", {"id": memory_id})
    assert fetched["access_count"] == 2
    assert fetched["last_accessed_at"] == "2026-11-21T12:00:00.000Z"


async def test_an_erased_memory_is_found_no_more_while_a_long_read_keeps_its_bytes_in_the_log(ann, site, monkeypatch):
    memory_id = await ann.store("heron")
    found = []

    async def empty_log(_db, _tries):
        # the loop may empty the log as well, also before the memory is erased
        if (await ann.http.get(f"/v1/memories/{memory_id}")).status_code == 404:
            found.append((await ann.http.post("/v1/search", json={"query": "heron"})).json()["memories"])
        return True

    monkeypatch.setattr(type(site.services.db), "empty_log", empty_log)
    assert (await ann.http.delete(f"/v1/memories/{memory_id}", params={"erase": "true"})).status_code == 200
    assert {len(each) for each in found} == {0}
