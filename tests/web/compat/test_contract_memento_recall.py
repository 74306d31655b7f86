"""The answers to Memento's clients on `/v1/memories/recall`."""

import pytest

from server.background.upkeep import write_counts
from tests.helpers.doors import read_answer, read_shown_text

pytestmark = pytest.mark.anyio
PATH = "/v1/memories/recall"


async def test_get_recall_says_what_it_found_in_blocks(cat):
    memory_id = await cat.store("Staging runs on heron", tags=["ops"], type="fact")
    response = await cat.http.get(PATH, params={"query": "heron"})
    assert response.status_code == 200
    assert read_shown_text(response) == f"Found 1 memory:\n\n**{memory_id}** (fact) [ops]\nStaging runs on heron"


async def test_get_recall_parts_its_blocks_by_a_rule(cat):
    for content in ("heron one is for staging", "heron two is for production"):
        await cat.store(content)
    text = read_shown_text(await cat.http.get(PATH, params={"query": "heron"}))
    assert text.startswith("Found 2 memories:\n\n")
    assert text.count("\n\n---\n\n") == 1


async def test_get_recall_without_a_match_names_the_query(cat):
    await cat.store("Tea")
    assert read_shown_text(await cat.http.get(PATH, params={"query": "zebra"})) == 'No memories found matching "zebra".'


async def test_get_recall_as_json_has_the_text_and_no_envelope(cat):
    memory_id = await cat.store("Staging runs on heron", tags=["ops"])
    body = (await cat.http.get(PATH, params={"query": "heron", "format": "json"})).json()
    assert "content" not in body
    assert body["text"].startswith("Found 1 memory:")
    (found,) = body["memories"]
    assert set(found) >= {"id", "content", "type", "tags", "created_at", "relevance_score"}
    assert found["id"] == memory_id


async def test_get_recall_finds_one_word_of_many_and_puts_the_full_match_first(cat):
    for n in range(30):
        await cat.store(f"Unrelated note number {n} about gardens")
    part = await cat.store("The ferry is late")
    full = await cat.store("The ferry to Lisbon has leaky copper valves, says the harbour's long weekly report")
    query = {"query": "ferry Lisbon copper valves", "format": "json"}
    found = (await cat.http.get(PATH, params=query)).json()["memories"]
    assert [each["id"] for each in found] == [full, part]
    assert found[0]["relevance_score"] > found[1]["relevance_score"] > 0
    await cat.http.put("/v1/settings/recall_threshold", json={"value": "0.9"})
    found = (await cat.http.get(PATH, params=query)).json()["memories"]
    assert [each["id"] for each in found] == [full]


async def test_a_recall_is_counted_at_the_next_read_of_the_memory(site):
    ann = await site.add_person("ann")
    memory_id = await ann.store("heron")
    for count in (1, 2, 3):
        await ann.http.get(PATH, params={"query": "heron"})
        memory = (await ann.http.get(f"/v1/memories/{memory_id}")).json()
        (listed,) = (await ann.http.get("/v1/memories")).json()["memories"]
        assert memory["access_count"] == listed["access_count"] == count
        assert memory["last_accessed_at"] is not None
        if count == 2:
            await write_counts(site.services)
            assert (await ann.http.get(f"/v1/memories/{memory_id}")).json()["access_count"] == count


async def test_get_recall_filters_by_tag_type_and_limit(cat):
    for n in range(3):
        await cat.store(f"heron number {n}", tags=[f"T{n}"], type="fact" if n else "decision")
    for query, count in (({"tags": "t0,t1"}, 2), ({"type": "fact"}, 2), ({"limit": 1}, 1), ({"tags": "t"}, 0)):
        body = (await cat.http.get(PATH, params={"query": "heron", "format": "json"} | query)).json()
        assert len(body["memories"]) == count, query


async def test_get_recall_asks_no_model(hybrid_site):
    ann = await hybrid_site.add_person("ann")
    await ann.store("The cat sleeps on the sofa all afternoon")
    for message, found in (("feline napping on furniture", 0), ("sofa", 1)):
        body = (await ann.http.get(PATH, params={"query": message, "format": "json"})).json()
        assert len(body["memories"]) == found
    assert len((await ann.http.post(PATH, json={"query": "where does the cat nap?"})).json()["memories"]) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_recall_counts_as_a_use_unless_told_otherwise(site, method):
    ann = await site.add_person("ann")
    memory_id = await ann.store("heron")
    for track, count in ((False, 0), (True, 1)):
        query = {"query": "heron", "track_access": track}
        how = {"json": query} if method == "POST" else {"params": query}
        assert (await ann.http.request(method, PATH, **how)).status_code == 200
        await write_counts(site.services)
        assert (await ann.http.get(f"/v1/memories/{memory_id}")).json()["access_count"] == count


async def test_recall_peeks_by_query_or_header_into_ones_own_workspaces_only(cat, dan):
    await cat.store("heron at home")
    await cat.store("heron in the attic", workspace="attic")
    await dan.store("heron of dan", workspace="attic")
    for how in ({"params": {"peek_workspaces": "attic,none"}}, {"headers": {"x-memento-peek-workspaces": "attic"}}):
        params = {"query": "heron", "format": "json"} | how.get("params", {})
        body = (await cat.http.get(PATH, params=params, headers=how.get("headers"))).json()
        found = {each["content"]: each.get("workspace") for each in body["memories"]}
        assert ["workspace" in each for each in body["memories"]].count(True) == 1
        assert found == {"heron at home": None, "heron in the attic": "attic"}
        assert "[attic]\n" in body["text"]
    six = read_answer(await cat.http.get(PATH, params={"query": "heron", "peek_workspaces": "a,b,c,d,e,f"}))
    assert (six.status, six.body["field"]) == (400, "peek_workspaces")
    assert "Too many" in six.text


async def test_post_recall_answers_as_json(cat, dan):
    await cat.store("heron", tags=["ops"])
    body = (await cat.http.post(PATH, json={"query": "heron", "tags": ["ops"]})).json()
    assert body["text"].startswith("Found 1 memory:")
    assert len(body["memories"]) == 1
    assert (await dan.http.post(PATH, json={"query": "heron"})).json()["memories"] == []


async def test_recall_refuses_by_name_what_it_cannot_do(cat):
    for query, field in (({}, "query"), ({"query": " "}, "query"), ({"query": "x", "limit": 0}, "limit")):
        assert read_answer(await cat.http.get(PATH, params=query)).body["field"] == field
        assert read_answer(await cat.http.post(PATH, json=query)).body["field"] == field
    for field, value in (("format", "xml"), ("limit", "abc")):
        answer = read_answer(await cat.http.get(PATH, params={"query": "x", field: value}))
        assert (answer.status, answer.body["field"]) == (400, field)
    image = read_answer(
        await cat.http.post(PATH, json={"query": "x", "images": [{"data": "AA==", "mimetype": "image/png"}]})
    )
    assert (image.status, image.body["field"]) == (400, "images")
