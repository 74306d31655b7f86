"""Recall while a Qdrant server answers searches but takes no writes: its disk is full, or it may only be read."""

from datetime import timedelta

import pytest

from tests.doubles.qdrant_rest import QdrantDouble, serve_double
from tests.helpers.doors import call_rest
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio


@pytest.fixture
def double(tmp_path):
    (tmp_path / "double").mkdir()
    return QdrantDouble(tmp_path / "double")


@pytest.fixture
def on_server(settings, double):
    with serve_double(double) as url:
        yield settings.model_copy(update={"qdrant_url": url})


async def search(person, query="tea", **facets):
    """The contents that are found, and why memories may be missing."""
    answer = await call_rest(person, "search", {"query": query, **facets})
    assert answer.error is None, answer.text
    _, _, reason = (answer.body["meta"]["notice"] or "").partition("Memories may be missing: ")
    return sorted(each["content"] for each in answer.body["memories"]), reason


@pytest.mark.parametrize("status", [403, 500])
async def test_a_recall_is_answered_from_the_collection_and_the_words_of_the_record(on_server, double, clock, status):
    async with open_site(on_server, clock) as site:
        ann, ben = await site.add_person("ann"), await site.add_person("ben")
        await ann.store("green tea")
        gone, changed = await ann.store("black tea"), await ann.store("white tea")
        await ben.store("tea of another account")
        double.refused = status
        answer = await ann.http.post("/v1/memories", json={"content": "red tea", "project": "kitchen"})
        assert (answer.status_code, answer.json()["indexed"]) == (201, False)
        await ann.http.delete(f"/v1/memories/{gone}")
        await ann.http.patch(f"/v1/memories/{changed}", json={"content": "white coffee"})
        for _ in range(2):
            found, reason = await search(ann)
            assert found == ["green tea", "red tea"], "nothing that was deleted or changed since"
            assert reason == f"the Qdrant server refused with status {status}."
        assert (await search(ann, "coffee"))[0] == ["white coffee"]
        assert (await search(ann, project="kitchen", scope="project"))[0] == ["red tea"]
        assert (await search(ben))[0] == ["tea of another account"]
        double.refused = None
        assert await search(ann) == (["green tea", "red tea"], ""), "what was missing is projected"


async def test_a_server_that_starts_meanwhile_answers_and_catches_up_by_itself(on_server, double, clock):
    async with open_site(on_server, clock) as site:
        ann = await site.add_person("ann")
        await ann.store("green tea")
        await ann.store("oolong is a tea", expires_at=(clock() + timedelta(days=1)).isoformat())
    double.refused = 403
    async with open_site(on_server, clock) as site:
        ann, ben = await site.add_person("ann"), await site.add_person("ben")
        await ann.store("red tea")
        await ben.store("black tea")
        assert (await search(ann))[0] == ["green tea", "oolong is a tea", "red tea"]
        found, reason = await search(ben)
        assert (found, bool(reason)) == (["black tea"], True), "his collection could not be made"
        clock.move(days=2)
        assert (await search(ann))[0] == ["green tea", "red tea"]
        assert (await ann.http.get("/readyz")).status_code == 200, "it answers recalls"
        double.refused = None
        await site.services.projection.flush()
        double.refused = 403
        assert await search(ann) == (["green tea", "red tea"], ""), "nothing is left to be written"
        assert await search(ben) == (["black tea"], "")
