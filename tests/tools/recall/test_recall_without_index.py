"""Recall while the search index is damaged or cannot be written: it answers with the points there are, and says so."""

import os
import shutil
from datetime import timedelta

import pytest

from server.store.projection import record_words
from server.store.search.edge import shards
from tests.helpers.doors import call_rest
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio


async def search(person, query="tea"):
    answer = await call_rest(person, "search", {"query": query})
    assert answer.error is None, answer.text
    return sorted(each["content"] for each in answer.body["memories"]), answer.body["meta"]["notice"]


@pytest.fixture
def fill_disk(monkeypatch):
    def fill(is_full):
        monkeypatch.setattr(shards, "LEAST_FREE", 2**60 if is_full else 0)

    return fill


async def test_a_removed_index_is_made_again_from_the_record(ann, settings):
    await ann.store("green tea")
    shutil.rmtree(settings.data_dir / "shards")
    assert (await search(ann))[0] == ["green tea"]
    await ann.store("black tea")
    found, notice = await search(ann)
    assert found == ["black tea", "green tea"]
    assert "missing" not in (notice or "")
    assert list((settings.data_dir / "shards").glob("*/segments")), "it is on the disk again"


async def test_an_index_that_cannot_be_made_again_is_no_outage_of_the_record(ann, settings):
    await ann.store("green tea")
    shutil.rmtree(settings.data_dir / "shards")
    (settings.data_dir / "shards").write_text("a file in place of the folder")
    assert (await ann.http.post("/v1/memories", json={"content": "black tea"})).status_code == 201
    answer = await call_rest(ann, "search", {"query": "tea"})
    assert "record" not in (answer.text or ""), answer
    (settings.data_dir / "shards").unlink()
    assert (await search(ann))[0] == ["black tea", "green tea"]


async def test_a_removed_index_is_made_again_without_a_write(ann, site, settings):
    await ann.store("green tea")
    shutil.rmtree(settings.data_dir / "shards")
    await site.services.projection.flush()
    assert list((settings.data_dir / "shards").glob("*/segments"))
    assert (await search(ann))[0] == ["green tea"]


async def test_on_a_full_disk_recall_answers_from_what_is_there_with_a_notice(ann, fill_disk):
    kept, gone = await ann.store("green tea"), await ann.store("black tea")
    changed = await ann.store("white tea")
    fill_disk(True)
    answer = await ann.http.post("/v1/memories", json={"content": "red tea"})
    assert (answer.status_code, answer.json()["indexed"]) == (201, False)
    await ann.http.delete(f"/v1/memories/{gone}")
    await ann.http.patch(f"/v1/memories/{changed}", json={"content": "white tea with milk"})
    # what is like it is looked for in an index that is behind
    assert (await ann.http.post("/v1/memories", json={"content": "blue tea"})).status_code == 201
    expected = ["blue tea", "green tea", "red tea", "white tea with milk"]
    for _ in range(2):
        found, notice = await search(ann)
        assert found == expected, "nothing that was deleted or changed since"
        assert "Memories may be missing: the disk under the search index has" in notice
    fill_disk(False)
    found, notice = await search(ann)
    assert found == expected
    assert "missing" not in (notice or "")
    assert kept


async def test_on_a_full_disk_a_collection_that_is_not_open_is_searched_by_words_in_the_record(
    settings, clock, fill_disk, monkeypatch
):
    async with open_site(settings, clock) as site:
        ann, ben = await site.add_person("ann"), await site.add_person("ben")
        await ann.store("green tea", project="kitchen", tags=["Drink"])
        gone = await ann.store("black tea")
        await ann.store("oolong is a tea", expires_at=(clock() + timedelta(days=1)).isoformat())
        await ann.store("the router stands in the cellar")
        await ann.http.delete(f"/v1/memories/{gone}")
        await ben.store("tea of another account")
    fill_disk(True)
    async with open_site(settings, clock) as site:
        ann = await site.add_person("ann")
        assert (await ann.http.post("/v1/memories", json={"content": "red tea"})).json()["indexed"] is False
        found, notice = await search(ann)
        assert found == ["green tea", "oolong is a tea", "red tea"]
        assert "Memories may be missing: the disk under the search index has" in notice
        assert (await search(ann, "where is the router?"))[0] == ["the router stands in the cellar"]
        assert (await search(ann, "submarine"))[0] == []
        for facets, contents in (
            ({"tags": ["drink"]}, ["green tea"]),
            ({"project": "kitchen", "scope": "project"}, ["green tea"]),
            ({"project": "garden", "scope": "project"}, []),
        ):
            answer = await call_rest(ann, "search", {"query": "tea", **facets})
            assert [each["content"] for each in answer.body["memories"]] == contents
        assert (await ann.http.post("/v1/context", json={"message": "tea"})).status_code == 200
        clock.move(days=2)
        assert (await search(ann))[0] == ["green tea", "red tea"]
        monkeypatch.setattr(record_words, "MOST_READ", 1)
        assert (await search(ann))[0] == ["red tea"]
        fill_disk(False)
        found, notice = await search(ann)
        assert found == ["green tea", "red tea"]
        assert "missing" not in (notice or "")


async def test_files_that_are_cut_to_nothing_end_an_engine_process_and_the_index_is_made_again(settings, clock):
    async with open_site(settings.model_copy(update={"engine_processes": 1}), clock) as site:
        ann = await site.add_person("ann")
        await ann.store("green tea")
        await site.services.projection.flush()
        assert (await search(ann))[0] == ["green tea"]
        for path in (settings.data_dir / "shards").rglob("*"):
            if path.is_file():
                os.truncate(path, 0)
        first = await ann.http.post("/v1/search", json={"query": "tea"})
        assert first.status_code in {200, 503}
        assert (await search(ann))[0] == ["green tea"]
