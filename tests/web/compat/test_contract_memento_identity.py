"""The answers to Memento's clients on the routes of the identity crystal: one test for each row of the contract."""

import re

import pytest

from tests.helpers.doors import call_rest, check_refusal, read_answer, read_shown_text

pytestmark = pytest.mark.anyio


async def put_identity(person, crystal, **fields):
    response = await person.http.put("/v1/identity", json={"crystal": crystal, **fields})
    assert response.status_code == 200, response.text
    return response.json()


async def test_get_identity_without_a_crystal_says_how_to_get_one(cat):
    response = await cat.http.get("/v1/identity")
    assert response.status_code == 200
    assert "No identity crystal found" in read_shown_text(response)
    assert "POST /v1/identity/crystallize" in read_shown_text(response)
    assert response.json()["crystal"] is None
    assert (await cat.http.get("/v1/workspaces")).json()["workspaces"] == []


async def test_get_identity_is_the_newest_crystal_with_its_id_and_sources(cat):
    await put_identity(cat, "I was")
    stored = await put_identity(cat, "  I am\n", source_count=4)
    response = await cat.http.get("/v1/identity")
    meta = response.json()["meta"]
    assert (read_shown_text(response), response.json()["crystal"]) == ("I am", "I am")
    assert (meta["id"], meta["source_count"], meta["created_at"]) == (stored["id"], 4, stored["created_at"])


async def test_put_identity_says_how_long_it_is_and_keeps_the_earlier_ones(cat):
    for text, length in (("größer", 6), ("I am", 4)):
        response = await cat.http.put("/v1/identity", json={"crystal": text})
        assert read_shown_text(response) == f"Identity crystal {response.json()['id']} stored ({length} chars)."
    assert len((await cat.http.get("/v1/identity/history")).json()["snapshots"]) == 2


@pytest.mark.parametrize("crystal", [None, "", " \n", 5])
async def test_put_identity_without_a_crystal_is_a_400(cat, crystal):
    for body in ({"crystal": crystal}, {}):
        answer = read_answer(await cat.http.put("/v1/identity", json=body))
        assert (answer.status, answer.body["field"]) == (400, "crystal")
    assert (await cat.http.get("/v1/identity/history")).json()["snapshots"] == []


async def test_put_identity_is_bounded_in_bytes_of_utf_8(cat):
    fits = "é" * (128 * 1024)
    stored = await put_identity(cat, fits)
    assert stored["length"] == 128 * 1024
    await check_refusal(cat, "update_identity", {"crystal": fits + "x"}, says="crystal: must be at most 262144 bytes")
    await check_refusal(cat, "update_identity", {"crystal": "x" * 300 * 1024}, says="this is 307200. Shorten it")
    await check_refusal(
        cat, "update_identity", {"crystal": "x", "source_count": -1}, says="source_count: must be at least 0"
    )
    assert (await cat.http.get("/v1/identity")).json()["meta"]["id"] == stored["id"]


async def test_post_crystallize_is_made_of_sections_items_and_memories(cat):
    await cat.http.put("/v1/working-memory/session_notes", json={"content": "The pond froze"})
    await call_rest(cat, "add_item", {"category": "active_work", "title": "Count the herons"})
    memory_id = await cat.store("Herons fish at dawn", tags=["birds"])
    response = await cat.http.post("/v1/identity/crystallize")
    body = response.json()
    assert response.status_code == 200
    assert read_shown_text(response).startswith(f"Identity crystal {body['id']} auto-generated (3 sources).\n")
    for part in (
        "# Identity Crystal\n\nGenerated: ",
        "### Session Notes\n\nThe pond froze\n\n",
        "### Active Work\n\n- **Count the herons**\n\n---\n\n",
        f"## Core Memories (top 1 by relevance)\n\n**{memory_id}** (observation) [birds]\nHerons fish at dawn\n\n---",
        "Sources: 1 working memory sections, 1 working memory items, 1 memories, 0 consolidations",
    ):
        assert part in body["crystal"]
    assert read_shown_text(await cat.http.get("/v1/identity")) == body["crystal"]


async def test_post_crystallize_without_anything_has_no_sources(cat):
    body = (await cat.http.post("/v1/identity/crystallize")).json()
    assert body["source_count"] == 0


async def test_get_identity_history_is_a_list_newest_first(cat):
    assert read_shown_text(await cat.http.get("/v1/identity/history")) == "No identity snapshots found."
    first, second = await put_identity(cat, "I was"), await put_identity(cat, "I am here", source_count=3)
    text = read_shown_text(await cat.http.get("/v1/identity/history"))
    head, *lines = text.splitlines()
    assert head == "Identity crystal history (2 snapshots):"
    assert [re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "WHEN", line) for line in lines] == [
        f"{second['id']} — WHEN (9 chars, 3 sources)",
        f"{first['id']} — WHEN (5 chars, 0 sources)",
    ]
    assert len(read_shown_text(await cat.http.get("/v1/identity/history", params={"limit": 1})).splitlines()) == 2


@pytest.mark.parametrize("limit", [0, 21, "x"])
async def test_get_identity_history_of_a_strange_length_is_a_400(cat, limit):
    answer = read_answer(await cat.http.get("/v1/identity/history", params={"limit": limit}))
    assert (answer.status, answer.body["field"]) == (400, "limit")


async def test_two_people_have_crystals_of_their_own(cat, dan):
    await put_identity(dan, "Dan's heliotrope")
    await dan.store("Dan's heliotrope")
    assert (await cat.call("read_identity")).get("crystal") is None
    assert "heliotrope" not in (await cat.call("crystallize_identity"))["crystal"]
    assert len((await cat.call("identity_history"))["snapshots"]) == 1
    assert (await dan.call("read_identity"))["crystal"] == "Dan's heliotrope"


async def test_with_a_workspace_its_identity_is_gone(cat):
    await put_identity(cat, "I was")
    workspace = (await cat.http.get("/v1/workspaces")).json()["workspaces"][0]
    await cat.http.delete(f"/v1/workspaces/{workspace['id']}")
    await cat.store("the same name, anew")
    assert (await cat.http.get("/v1/identity")).json()["crystal"] is None
