"""Recall while the search index is damaged or cannot be written: it answers with the points there are, and says so."""

import shutil

import pytest

from server.store.search.edge import shards
from tests.helpers.doors import rest

pytestmark = pytest.mark.anyio


async def search(person, query="tea"):
    answer = await rest(person, "search", {"query": query})
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
    answer = await rest(ann, "search", {"query": "tea"})
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
    for _ in range(2):
        found, notice = await search(ann)
        assert found == ["green tea", "white tea with milk"], "nothing that was deleted or changed since"
        assert "Memories may be missing: the disk under the search index has" in notice
    fill_disk(False)
    found, notice = await search(ann)
    assert found == ["green tea", "red tea", "white tea with milk"]
    assert "missing" not in (notice or "")
    assert kept
