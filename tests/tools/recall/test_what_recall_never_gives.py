"""A memory that is deleted, buried, expired or somebody else's appears by no path."""

import json

import pytest

from server.store.projection.upkeep.backfill import fill_gaps
from server.store.record import memories
from tests.helpers.doors import call_rest, call_tool, send_rpc

pytestmark = pytest.mark.anyio

SECRET = "heliotrope"


async def everything_said(person, query="tea"):
    """All that each path of recall answers: both doors, the recall link, resources; as one text."""
    said = []
    asks = {
        "search": [{"query": query, "explain": True, "limit": 100}],
        "retrieve_context": [
            {"message": query, "explain": True, "include_graph": True, "limit": 100},
            {"message": ""},
            {"query": query},
            {"message": query, "peek_workspaces": ["attic", "bob/default", "bob/attic"]},
        ],
        "recent": [{}],
        "list_memories": [{}],
    }
    for name, calls in asks.items():
        for arguments in calls:
            for door in (call_rest, call_tool):
                answer = await door(person, name, arguments)
                assert answer.error is None, (name, answer.text)
                said.append(answer.body)
    for name in ("search", "context", "recent"):
        arguments = {} if name == "recent" else {"query": query}
        said.append((await call_tool(person, name, arguments, path="/v1/mcp")).body)
    for uri in ("memory://recent", "memory://workspaces/default/recent"):
        resource = await send_rpc(person, "resources/read", {"uri": uri})
        said.append(resource.json())
    return json.dumps(said)


@pytest.fixture
async def talk(ann):
    """A conversation about tea, in which every memory is found by its neighbours' words too."""
    told = [("tea before", {}), (f"tea {SECRET}", {"expires": "2026-12-01"}), ("tea after", {})]
    return [await ann.store(content, session="s-1", **fields) for content, fields in told]


async def vanishes(ann, fate, memory_id, site, clock):
    """A memory meets its fate."""
    services = site.services
    if fate in {"deleted", "erased"}:
        await call_rest(ann, "delete_memory", {"id": memory_id, "erase": fate == "erased"})
    elif fate == "superseded":
        await ann.store("tea and nothing else", supersedes=[memory_id])
    elif fate == "superseded by a link":
        newer = await ann.store("tea and nothing else")
        link = {"type": "memory", "id": memory_id, "label": "supersedes"}
        await call_rest(ann, "link_memories", {"id": newer, "linkages": [link]})
    elif fate == "expired":
        clock.move(days=30)
    elif fate == "expired by an update":
        await call_rest(ann, "update_memory", {"id": memory_id, "expires": "2026-11-21T12:00:00Z"})
    elif fate == "buried":
        await call_rest(ann, "bury_memory", {"id": memory_id})
    elif fate == "reworded":
        await call_rest(ann, "update_memory", {"id": memory_id, "content": "tea and nothing else"})
    else:
        workspace = await services.directory.find_workspace(ann.account_id, "default")
        async with services.db.write() as connection:
            revision = await memories.advance_revision(connection, workspace.id, 1, services.now())
            await memories.update_memory(connection, memory_id, revision, {"consolidated": True})
        await services.projection.project(workspace.id)


FATES = ["deleted", "erased", "expired", "expired by an update", "reworded", "consolidated", "superseded", "buried"]
FATES += ["superseded by a link"]


@pytest.mark.parametrize("fate", FATES)
async def test_what_a_memory_said_is_in_no_answer_after_its_end(ann, site, clock, talk, fate):
    assert SECRET in await everything_said(ann)
    await vanishes(ann, fate, talk[1], site, clock)
    said = await everything_said(ann)
    assert SECRET not in said
    assert "tea before" in said


@pytest.mark.parametrize("fate", FATES)
async def test_nor_is_it_after_the_collection_was_built_anew(ann, site, clock, talk, fate):
    await vanishes(ann, fate, talk[1], site, clock)
    services = site.services
    workspace = await services.directory.find_workspace(ann.account_id, "default")
    await services.projection.forget(workspace.id)
    assert SECRET not in await everything_said(ann)
    await call_rest(ann, "set_setting", {"key": "language", "value": "german"})
    await fill_gaps(services.db, services.encoder, services.projection, services.now)
    assert SECRET not in await everything_said(ann)


@pytest.mark.parametrize("fate", ["deleted", "erased", "reworded", "buried"])
async def test_nobody_is_found_by_its_words_any_more(ann, site, clock, talk, fate):
    found = (await call_tool(ann, "search", {"query": SECRET})).body["memories"]
    assert {each["id"] for each in found} == {talk[1], talk[2]}, "what follows it is found by it"
    await vanishes(ann, fate, talk[1], site, clock)
    assert (await call_tool(ann, "search", {"query": SECRET})).body["memories"] == []


async def test_somebody_elses_memories_are_in_no_answer(ann, bob):
    await bob.store(f"tea {SECRET}", session="s-1")
    await bob.store(f"tea {SECRET}", workspace="attic")
    assert SECRET not in await everything_said(ann)
    await ann.store("tea", session="s-1")
    await ann.store("tea", workspace="attic")
    said = await everything_said(ann)
    assert SECRET not in said
    found = await call_tool(ann, "search", {"query": SECRET})
    assert found.body["memories"] == [], "nor is one's own memory found by the words of another's in its session"


async def test_another_workspaces_session_lends_no_words(ann):
    await ann.store(f"tea {SECRET}", session="s-1", workspace="attic")
    await ann.store("tea", session="s-1")
    assert (await call_tool(ann, "search", {"query": SECRET})).body["memories"] == []
    assert SECRET in await everything_said(ann), "by peeking"


async def test_a_deleted_workspaces_memories_are_in_no_answer_when_its_name_is_used_again(ann):
    await ann.store(f"tea {SECRET}", workspace="attic")
    workspace = (await ann.http.get("/v1/workspaces")).json()["workspaces"][0]["id"]
    await call_rest(ann, "delete_workspace", {"id": workspace})
    assert SECRET not in await everything_said(ann)
    await ann.store("tea", workspace="attic")
    assert SECRET not in await everything_said(ann)
