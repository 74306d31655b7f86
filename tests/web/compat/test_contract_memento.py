"""The answers to Memento's clients on the routes that exist: one test for each row of the contract and refusal."""

import json
import re

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_tool, read_answer, read_shown_text

pytestmark = pytest.mark.anyio

#: A memory's fields, as the contract names them.
M = {
    "id": str,
    "content": str,
    "type": str,
    "tags": list,
    "created_at": str,
    "expires_at": str | None,
    "relevance": float,
    "access_count": int,
    "last_accessed_at": str | None,
    "consolidated": int,
    "consolidated_into": str | None,
    "linkages": list,
    "images": list,
}


def is_memory(body):
    return all(name in body and isinstance(body[name], kind) for name, kind in M.items())


async def test_get_root_needs_no_key_and_tells_name_and_version(shared):
    response = await shared.client().get("/")
    assert response.status_code == 200
    assert re.match(r"Loci \d+\.\d+\.\d+", read_shown_text(response))


async def test_post_memories_says_what_it_stored(cat):
    response = await cat.http.post("/v1/memories", json={"content": "Tea", "type": "preference", "tags": ["a", "b"]})
    body = response.json()
    assert (response.status_code, read_shown_text(response)) == (201, f"Stored memory {body['id']} (preference) [a, b]")
    assert is_memory(body["memory"])


async def test_post_memories_without_tags_or_type_is_an_observation(cat):
    response = await cat.http.post("/v1/memories", json={"content": "Tea"})
    assert read_shown_text(response) == f"Stored memory {response.json()['id']} (observation)"


async def test_post_memories_takes_links_and_an_expiry_and_gives_them_back(cat):
    item = (await cat.http.post("/v1/working-memory/items", json={"category": "active_work", "title": "x"})).json()[
        "id"
    ]
    target = await cat.store("target")
    links = [
        {"type": "memory", "id": target, "label": "refines"},
        {"type": "item", "id": item},
        {"type": "file", "path": "docs/a.md"},
    ]
    memory_id = await cat.store("x", expires="2099-12-31", linkages=links)
    memory = (await cat.http.get(f"/v1/memories/{memory_id}")).json()
    assert [{k: v for k, v in link.items() if v is not None} for link in memory["linkages"]] == links
    assert memory["expires_at"].startswith("2099-12-31")


async def test_post_memories_without_content_is_a_400_that_its_client_can_show(cat):
    answer = read_answer(await cat.http.post("/v1/memories", json={"type": "fact"}))
    assert (answer.status, answer.text) == (400, "content: is required.")


async def test_put_memory_refuses_images_by_name_but_not_an_empty_list(cat):
    memory_id = await cat.store("x", images=[])
    image = {"data": "aGk=", "filename": "a.png", "mimetype": "image/png"}
    answer = read_answer(await cat.http.put(f"/v1/memories/{memory_id}", json={"content": "y", "images": [image]}))
    assert (answer.status, answer.body["field"]) == (400, "images")
    assert (await cat.http.put(f"/v1/memories/{memory_id}", json={"content": "y", "images": []})).status_code == 200


async def test_get_memories_is_a_page_of_memories(cat):
    for n in range(3):
        await cat.store(f"memory {n}", tags=["Odd" if n % 2 else "even"], type="fact")
    page = (await cat.http.get("/v1/memories", params={"limit": 2, "offset": 1})).json()
    assert (page["total"], page["offset"], page["limit"]) == (3, 1, 2)
    assert all(is_memory(each) for each in page["memories"])
    assert [each["content"] for each in page["memories"]] == ["memory 1", "memory 0"]
    assert "content" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"tags": "odd"}, [1]),
        ({"tags": "od,ev"}, [2, 1, 0]),
        ({"type": "fact"}, [2, 1, 0]),
        ({"type": "other"}, []),
        ({"order": "asc"}, [0, 1, 2]),
        ({"sort": "access_count", "order": "desc"}, [2, 1, 0]),
        ({"sort": "relevance", "limit": "1"}, [2]),
        ({"sort": "last_accessed_at"}, [2, 1, 0]),
        ({"status": "expired"}, []),
        ({"status": "consolidated"}, []),
        ({"status": "all"}, [2, 1, 0]),
    ],
)
async def test_get_memories_filters_and_sorts(cat, query, found):
    for n in range(3):
        await cat.store(f"{n}", tags=["Odd" if n % 2 else "even"], type="fact")
    page = (await cat.http.get("/v1/memories", params=query)).json()
    assert [int(each["content"]) for each in page["memories"]] == found


@pytest.mark.parametrize("letter", ["%", "_", "\\", '"', "[", "e,"])
async def test_get_memories_takes_wildcards_in_tags_as_letters(cat, letter):
    await cat.store("x", tags=["even", "more"])
    page = (await cat.http.get("/v1/memories", params={"tags": f"v{letter}n"})).json()
    assert page["total"] == (1 if letter == "e," else 0)


async def test_post_memories_ingest_counts_and_tags_with_the_source(cat):
    memories = [{"content": "a", "tags": ["t"]}, {"content": "b", "type": "fact", "expires": "2099-01-01"}]
    response = await cat.http.post("/v1/memories/ingest", json={"memories": memories, "source": "notes"})
    body = response.json()
    assert (response.status_code, body["ingested"], body["source"]) == (201, 2, "notes")
    stored = [(await cat.http.get(f"/v1/memories/{each}")).json() for each in body["ids"]]
    assert [each["tags"] for each in stored] == [["t", "source:notes"], ["source:notes"]]


async def test_post_memories_ingest_without_a_source_is_bulk(cat):
    body = (await cat.http.post("/v1/memories/ingest", json={"memories": [{"content": "a"}]})).json()
    assert body["source"] == "bulk"


async def test_post_memories_ingest_skips_what_has_no_content_and_counts_it(cat):
    memories = [
        {"content": "a"},
        {"content": ""},
        {"tags": ["x"]},
        {"content": "b"},
        {"content": None},
        {"content": " "},
    ]
    body = (await cat.http.post("/v1/memories/ingest", json={"memories": memories})).json()
    assert (body["ingested"], [each["index"] for each in body["refused"]]) == (2, [1, 2, 4, 5])
    stored = [(await cat.http.get(f"/v1/memories/{each}")).json()["content"] for each in body["ids"]]
    assert stored == ["a", "b"]


@pytest.mark.parametrize("bad", [{"content": "", "expires_at": "soon"}, {"content": 5}, 5, {"contents": "a"}])
async def test_post_memories_ingest_refuses_all_for_any_other_mistake(cat, bad):
    answer = read_answer(await cat.http.post("/v1/memories/ingest", json={"memories": [{"content": "a"}, {}, bad]}))
    assert answer.status == 400
    assert "memories.2" in answer.text
    assert (await cat.http.get("/v1/memories")).json()["total"] == 0
    body = {"memories": [{"content": "a"}, {}], "on_error": "refuse"}
    assert read_answer(await cat.http.post("/v1/memories/ingest", json=body)).status == 400


async def test_a_tool_that_ingests_refuses_memories_without_content(cat):
    answer = await call_tool(cat, "ingest_memories", {"memories": [{"content": "a"}, {"content": ""}]})
    assert answer.error == "invalid"
    assert "memories.1.content" in answer.text


async def test_get_memory_is_flat(cat):
    memory_id = await cat.store("Tea")
    response = await cat.http.get(f"/v1/memories/{memory_id}")
    assert response.status_code == 200
    assert is_memory(response.json())
    assert response.json()["content"] == "Tea"


async def test_put_memory_changes_what_was_sent_and_answers_flat(cat):
    memory_id = await cat.store("Tea", tags=["a"], expires="2099-01-01")
    response = await cat.http.put(f"/v1/memories/{memory_id}", json={"content": "Coffee", "expires": None})
    body = response.json()
    assert (response.status_code, body["content"], body["tags"], body["expires_at"]) == (200, "Coffee", ["a"], None)
    assert is_memory(body)
    assert (await cat.http.get(f"/v1/memories/{memory_id}")).json().items() >= body.items()
    found = (await cat.http.post("/v1/context", json={"message": "coffee"})).json()
    assert [each["id"] for each in found["memories"]["matches"]] == [memory_id]


async def test_put_memory_without_a_field_is_a_400(cat):
    memory_id = await cat.store("Tea")
    answer = read_answer(await cat.http.put(f"/v1/memories/{memory_id}", json={}))
    assert answer.status == 400
    assert "No fields to update." in answer.text


async def test_delete_memory_says_so(cat):
    memory_id = await cat.store("Tea")
    response = await cat.http.delete(f"/v1/memories/{memory_id}")
    assert (response.status_code, read_shown_text(response)) == (200, f"Memory {memory_id} deleted.")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_memory_that_is_not_there_is_a_404_in_the_envelope(cat, method):
    body = {"json": {"content": "x"}} if method == "PUT" else {}
    response = await cat.http.request(method, f"/v1/memories/{NOBODY}", **body)
    assert read_answer(response).status == 404
    assert read_shown_text(response).startswith("Memory not found")


async def test_post_workspaces_makes_one_and_finds_it_again(cat):
    made = await cat.http.post("/v1/workspaces", json={"name": "attic"})
    workspace_id = made.json()["id"]
    assert (made.status_code, read_shown_text(made)) == (201, f'Workspace "attic" created (id: {workspace_id}).')
    again = await cat.http.post("/v1/workspaces", json={"name": "attic"})
    assert (again.status_code, again.json()["id"]) == (200, workspace_id)
    assert "already exists" in read_shown_text(again)


async def test_post_workspaces_without_a_name_makes_the_default(cat):
    assert (await cat.http.post("/v1/workspaces")).json()["name"] == "default"


async def test_get_workspaces_is_a_list_as_json_text(cat):
    for name in ("b", "a"):
        await cat.http.post("/v1/workspaces", json={"name": name})
    response = await cat.http.get("/v1/workspaces")
    listed = json.loads(read_shown_text(response))
    assert {each["name"] for each in listed} == {"a", "b"}
    assert [set(each) for each in listed] == [{"id", "name", "created_at", "updated_at"}] * 2
    whole = response.json()["workspaces"]
    assert listed == [{name: each[name] for name in listed[0]} for each in whole]


async def test_delete_workspace_takes_the_id_and_says_the_name(cat):
    made = (await cat.http.post("/v1/workspaces", json={"name": "attic"})).json()
    assert read_answer(await cat.http.delete("/v1/workspaces/attic")).status == 404
    response = await cat.http.delete(f"/v1/workspaces/{made['id']}")
    assert (response.status_code, read_shown_text(response)) == (200, 'Workspace "attic" deleted.')


async def test_the_connections_own_workspace_can_be_deleted_and_comes_back_new(cat):
    await cat.store("x")
    old = (await cat.http.get("/v1/workspaces")).json()["workspaces"][0]
    assert (await cat.http.delete(f"/v1/workspaces/{old['id']}")).status_code == 200
    await cat.store("y")
    new = (await cat.http.get("/v1/workspaces")).json()["workspaces"][0]
    assert new["name"] == old["name"]
    assert new["id"] != old["id"]


async def test_get_health_is_a_report(cat):
    await cat.store("x")
    await cat.store("y", expires="2020-01-01")
    await cat.http.post("/v1/skip-list", json={"item": "tea", "reason": "cold", "expires": "2099-12-31"})
    report = read_shown_text(await cat.http.get("/v1/health")).splitlines()
    assert report[:11] == [
        "**Memento Health Report**",
        "Workspace: default",
        "**Working Memory**",
        "  Sections: 5",
        "  Last updated: never",
        "**Stored Memories**",
        "  Total: 2 (1 active, 1 expired, 0 consolidated)",
        "**Skip List**",
        "  Total: 1 (1 active, 0 expired)",
        "**Access Log**",
        "  Total accesses: 0",
    ]


async def test_post_auth_rotate_gives_a_key_and_refuses_the_old_one_at_once(shared, cat):
    response = await cat.http.post("/v1/auth/rotate")
    body = response.json()
    assert (response.status_code, body["previous_key_revoked"]) == (200, True)
    assert re.fullmatch(r"mp_live_[0-9a-f]{32}", body["api_key"])
    assert body["key_prefix"] == body["api_key"][:12]
    assert body["message"]
    assert "content" not in body
    old = await cat.http.get("/v1/memories")
    assert old.status_code == 401
    assert "Invalid or missing API key" in read_shown_text(old)
    assert (await shared.client(body["api_key"]).get("/v1/memories")).status_code == 200
