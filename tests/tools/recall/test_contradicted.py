"""A memory that another one contradicts says so in each answer, until one of them goes or the link ends."""

import pytest
import sqlalchemy as sa

from server.store.record.relations.contradictions import find_contradictions
from tests.helpers.console import log_in
from tests.helpers.doors import call_rest, call_tool

pytestmark = pytest.mark.anyio

ASK = "when does the deploy run"


async def list_marks(person):
    """The marks of each path of recall: the path's name → the id of a memory → what contradicts it."""
    found = {
        "search": (await call_tool(person, "search", {"query": ASK})).body["memories"],
        "operators": (await call_rest(person, "search", {"query": "deploy -moon"})).body["memories"],
        "no words": (await call_rest(person, "search", {"query": "-moon"})).body["memories"],
    }
    for name, message in (("context", ASK), ("newest", "")):
        answer = await call_rest(person, "retrieve_context", {"message": message})
        found[name] = answer.body["memories"]["matches"]
    listed = (await call_rest(person, "list_memories", {})).body["memories"]
    found["fetch"] = [(await call_rest(person, "fetch", {"id": each["id"]})).body for each in listed]
    return {
        name: {each["id"]: each["contradicted_by"] for each in some if "contradicted_by" in each}
        for name, some in found.items()
    }


@pytest.mark.parametrize("label", ["contradicts", "Contradicted by"])
async def test_both_ends_of_the_link_are_marked_in_each_answer_until_it_is_decided(site, ann, clock, label):
    friday = await ann.store("The deploy runs on Fridays, says Ann")
    clock.move(days=1)
    monday = await ann.store("On Mondays the deploy of everything runs")
    assert not any((await list_marks(ann)).values())
    link = {"type": "memory", "id": friday, "label": label}
    await call_rest(ann, "link_memories", {"id": monday, "linkages": [link]})
    both = {friday: [monday], monday: [friday]}
    assert set(map(str, map(sorted, (each.items() for each in (await list_marks(ann)).values())))) == {
        str(sorted(both.items()))
    }
    text = (await call_tool(ann, "retrieve_context", {"message": ASK})).text
    assert text.count("contradicted by the memory of 20") == len(both)
    assert f'"contradicted_by":["{monday}"]' in (await call_tool(ann, "search", {"query": ASK})).text
    http = await log_in(site, ann)
    assert "is contradicted by" in (await http.get(f"/memories/{friday}")).text

    await call_rest(ann, "delete_memory", {"id": friday})
    assert not any((await list_marks(ann)).values())
    await call_rest(ann, "restore_memory", {"id": friday})
    assert (await list_marks(ann))["fetch"] == both
    await call_rest(ann, "update_memory", {"id": monday, "supersedes": [friday]})
    assert not any((await list_marks(ann)).values()), "the newer one stands, and the older one is replaced"
    await call_rest(ann, "update_memory", {"id": monday, "metadata": {"seen": True}})
    assert not any((await list_marks(ann)).values())


async def test_the_look_up_reads_the_few_links_that_contradict_and_no_others(site):
    """A hub with thousands of links of other kinds costs a recall nothing."""
    async with site.services.db.read() as connection:
        assert await find_contradictions(site.services.db, ["nothing"]) == {}
        if connection.dialect.name == "sqlite":
            query = (
                "EXPLAIN QUERY PLAN SELECT from_id FROM links WHERE to_id IN ('a', 'b') AND "
                "lower(label) IN ('contradicts', 'contradicted_by', 'contradicted by')"
            )
            plan = " ".join(row[3] for row in await connection.execute(sa.text(query)))
            assert "ix_links_contradicted" in plan
