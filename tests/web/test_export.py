"""The export of a workspace: every memory once, in lines, as it is read."""

import json

import pytest

from tests.helpers.doors import call_rest, read_answer
from tools.memories import export

pytestmark = pytest.mark.anyio

PATH = "/v1/memories/export"


async def export_lines(person, **query):
    response = await person.http.get(PATH, params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("application/x-ndjson")
    assert response.headers["cache-control"] == "no-store"
    return [json.loads(line) for line in response.text.splitlines()]


@pytest.mark.parametrize("step", [1, 2, 200])
async def test_every_memory_is_exported_once_oldest_first_and_as_it_is_fetched(cat, monkeypatch, step):
    monkeypatch.setattr(export, "STEP", step)
    ids = [await cat.store(f"Tea\nnumber {n}", metadata={"n": [n, None]}, tags=["é"]) for n in range(4)]
    lines = await export_lines(cat)
    assert [each["id"] for each in lines] == ids
    fetched = (await call_rest(cat, "fetch", {"id": ids[2]})).body
    assert lines[2] == {name: value for name, value in fetched.items() if name in lines[2]}


async def test_what_is_deleted_is_not_exported_and_what_was_merged_or_has_expired_only_on_request(cat):
    kept = await cat.store("Tea")
    ended = await cat.store("Old tea", expires="2001-01-01")
    gone = await cat.store("Spilt tea")
    await call_rest(cat, "delete_memory", {"id": gone})
    assert [each["id"] for each in await export_lines(cat)] == [kept, ended]
    assert [each["id"] for each in await export_lines(cat, status="active")] == [kept]


async def test_an_export_can_be_ingested_again(cat):
    await cat.store("Tea at five", tags=["tea"], project="loci")
    lines = await export_lines(cat)
    stored = await call_rest(cat, "ingest_memories", {"workspace": "copy", "memories": lines})
    assert stored.status == 201, stored.text
    (copy,) = await export_lines(cat, workspace="copy")
    assert (copy["content"], copy["project"]) == ("Tea at five", "loci")


async def test_nobody_exports_what_is_not_theirs(cat, dan):
    await cat.store("Tea")
    assert await export_lines(dan) == []
    answer = read_answer(await dan.http.get(PATH, params={"workspace": f"{cat.name}/default"}))
    assert answer.status in {403, 404}
    assert (await cat.http.get(PATH, headers={"authorization": ""})).status_code == 401


@pytest.mark.parametrize(("query", "field"), [({"status": "gone"}, "status"), ({"colour": "blue"}, "colour")])
async def test_a_bad_request_for_an_export_is_refused(cat, query, field):
    answer = read_answer(await cat.http.get(PATH, params=query))
    assert (answer.status, answer.error, answer.body["field"]) == (400, "invalid", field)


async def test_the_workspace_of_the_header_is_exported(cat):
    await call_rest(cat, "store_memory", {"content": "Tea", "workspace": "kitchen"})
    response = await cat.http.get(PATH, headers={"x-memento-workspace": "kitchen"})
    assert len(response.text.splitlines()) == 1
    assert await export_lines(cat) == []
