"""One product, two doors: what goes in through one comes out through the other."""

import pytest

from tests.helpers.doors import drop_nulls

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])


@ERAS
async def test_a_memory_stored_over_rest_is_read_back_over_mcp(ann, mode):
    memory_id = await ann.store("Tea, not coffee", tags=["taste"])
    fetched = await ann.call("fetch", {"id": memory_id}, mode=mode)
    assert (fetched["content"], fetched["tags"]) == ("Tea, not coffee", ["taste"])


@ERAS
async def test_a_memory_stored_over_mcp_is_found_over_rest(ann, mode):
    stored = await ann.call("store_memory", {"text": "The staging database is called heron"}, mode=mode)
    found = (await ann.http.post("/v1/context", json={"message": "which database is staging?"})).json()
    assert [match["id"] for match in found["memories"]["matches"]] == [stored["id"]]


async def test_both_doors_give_the_same_memory(ann):
    memory_id = await ann.store("Same", metadata={"n": 1, "deep": {"yes": True}}, occurred_at="2026-01-02")
    over_rest = (await ann.http.get(f"/v1/memories/{memory_id}")).json()
    over_mcp = await ann.call("fetch", {"id": memory_id})
    assert over_mcp == drop_nulls(over_rest)


async def test_recall_by_meaning_finds_what_shares_no_word(hybrid_site):
    ann = await hybrid_site.add_person()
    await ann.store("The principal investigator of the study is Dr. Okafor")
    wanted = await ann.store("Her car is a red convertible")
    found = await ann.call("retrieve_context", {"message": "what vehicle does she drive"})
    assert found["memories"]["ranking"] == "hybrid"
    assert found["memories"]["matches"][0]["id"] == wanted
