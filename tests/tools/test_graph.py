"""Links and graphs through both doors."""

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_rest, call_tool, check_refusal, read_totals

pytestmark = pytest.mark.anyio


async def both(person, name, arguments):
    """The answer of both doors, which is one."""
    over_rest = (await call_rest(person, name, arguments)).body
    over_mcp = await person.call(name, arguments)
    assert {k: v for k, v in over_rest.items() if k != "meta"} == {k: v for k, v in over_mcp.items() if k != "meta"}
    return over_mcp


async def test_a_chain_of_memories_is_a_graph(ann):
    third = await ann.store("third")
    second = await ann.store("second", linkages=[{"type": "memory", "id": third, "label": "because"}], tags=["t"])
    first = await ann.store("first", type="fact", linkages=[{"type": "memory", "id": second}])
    answer = await both(ann, "memory_graph", {"id": first})
    assert answer["nodes"] == [
        {"id": first, "content": "first", "type": "fact", "tags": [], "depth": 0},
        {"id": second, "content": "second", "type": "observation", "tags": ["t"], "depth": 1},
        {"id": third, "content": "third", "type": "observation", "tags": [], "depth": 2},
    ]
    assert answer["edges"] == [
        {"from": first, "to": second, "label": "related"},
        {"from": second, "to": third, "label": "because"},
    ]
    assert answer["truncated"] is False
    assert len((await both(ann, "memory_graph", {"id": first, "depth": 1}))["nodes"]) == 2
    answer = await both(ann, "related_memories", {"id": second})
    assert answer["outgoing"] == [{"id": third, "type": "memory", "label": "because"}]
    assert answer["incoming"] == [{"id": first, "type": "memory", "label": "related"}]


async def test_links_can_be_added_and_are_kept_once(ann, clock):
    one, other = await ann.store("one"), await ann.store("other")
    linkages = [{"type": "memory", "id": other, "label": "supports"}, {"type": "file", "path": "a.md"}]
    clock.move(minutes=1)
    added = await ann.call("link_memories", {"id": one, "linkages": linkages})
    assert (added["added"], len(added["linkages"])) == (2, 2)
    assert added["updated_at"] == "2026-11-21T12:01:00.000Z"
    clock.move(minutes=1)
    again = (await call_rest(ann, "link_memories", {"id": one, "linkages": linkages})).body
    assert (again["added"], again["updated_at"]) == (0, "2026-11-21T12:01:00.000Z")
    memory = await ann.call("fetch", {"id": one})
    assert memory["linkages"] == linkages
    assert memory["updated_at"] == "2026-11-21T12:01:00.000Z"
    found = await ann.call("retrieve_context", {"message": "one", "include_graph": True})
    assert [each["linkages"] for each in found["memories"]["matches"] if each["id"] == one] == [linkages]
    assert (await ann.call("related_memories", {"id": other}))["incoming"] == [
        {"id": one, "type": "memory", "label": "supports", "inverse": "supported_by"}
    ]


async def test_min_memorys_words_for_one_link_are_understood(ann):
    one, other = await ann.store("one"), await ann.store("other")
    arguments = {"memory_id": one, "related_id": other, "relation_type": "contradicts"}
    answer = await ann.call("link_memories", arguments)
    assert answer["linkages"] == [{"type": "memory", "id": other, "label": "contradicts"}]


@pytest.mark.parametrize("depth", [0, 6, 99, -1, 1.5, "deep", True])
async def test_a_depth_that_is_none_is_refused(ann, depth):
    memory_id = await ann.store("x")
    for answer in (
        await call_rest(ann, "memory_graph", {"id": memory_id, "depth": depth}),
        await call_tool(ann, "memory_graph", {"id": memory_id, "depth": depth}),
    ):
        assert answer.error == "invalid"
        assert "depth" in answer.text


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ({"type": "memory", "id": NOBODY}, "there is no memory"),
        ({"type": "item", "id": NOBODY}, "there is no working-memory item"),
        ({"type": "memory"}, "needs an id"),
        ({"type": "file"}, "needs a path"),
        ({"type": "person", "id": "x"}, "must be one of"),
        ({"type": "file", "path": "a.md", "colour": "blue"}, "no such field"),
    ],
)
async def test_a_link_that_is_none_is_refused_and_nothing_changes(ann, link, says):
    memory_id = await ann.store("x")
    good = {"type": "file", "path": "good.md"}
    await check_refusal(ann, "link_memories", {"id": memory_id, "linkages": [good, link]}, says=says)
    assert (await ann.call("fetch", {"id": memory_id}))["linkages"] == []


async def test_a_link_leads_to_an_item_of_the_same_workspace_and_to_no_other(ann, bob):
    items = [(await each.call("add_item", {"category": "active_work", "title": "x"}))["id"] for each in (ann, bob)]
    mine, theirs = ({"type": "item", "id": each} for each in items)
    memory_id = await ann.store("x", linkages=[mine])
    for name, arguments in (
        ("store_memory", {"content": "y", "linkages": [mine, theirs]}),
        ("update_memory", {"id": memory_id, "linkages": [theirs]}),
        ("link_memories", {"id": memory_id, "linkages": [theirs]}),
    ):
        await check_refusal(ann, name, arguments, says=f"linkages: there is no working-memory item '{items[1]}'")
    assert (await ann.call("fetch", {"id": memory_id}))["linkages"] == [mine]


async def test_a_memory_does_not_link_to_itself(ann):
    memory_id = await ann.store("x")
    link = {"type": "memory", "id": memory_id}
    says = "linkages: a memory cannot link to itself"
    await check_refusal(ann, "link_memories", {"id": memory_id, "linkages": [link]}, says=says)
    await check_refusal(ann, "update_memory", {"id": memory_id, "linkages": [link]}, says=says)


async def test_links_of_one_meaning_close_no_circle(ann):
    first = await ann.store("first")
    second = await ann.store("second", linkages=[{"type": "memory", "id": first}])
    third = await ann.store("third", linkages=[{"type": "memory", "id": second, "label": "related"}])
    before = await read_totals(ann)
    for end in (second, third):
        closing = {"id": first, "linkages": [{"type": "file", "path": "a.md"}, {"type": "memory", "id": end}]}
        await check_refusal(ann, "link_memories", closing, says="linkages: this would close a circle")
        await check_refusal(ann, "update_memory", closing, says="links labelled 'related' lead back")
    assert await read_totals(ann) == before
    other = {"id": first, "linkages": [{"type": "memory", "id": third, "label": "explains"}]}
    assert (await ann.call("link_memories", other))["added"] == 1
    walked = await ann.call("memory_graph", {"id": first, "depth": 5})
    assert {each["id"] for each in walked["nodes"]} == {first, second, third}


async def test_a_deleted_memory_closes_no_circle(ann):
    first = await ann.store("first")
    second = await ann.store("second", linkages=[{"type": "memory", "id": first}])
    third = await ann.store("third", linkages=[{"type": "memory", "id": second}])
    await ann.http.delete(f"/v1/memories/{second}")
    link = {"id": first, "linkages": [{"type": "memory", "id": third}]}
    assert (await ann.call("link_memories", link))["added"] == 1


async def test_no_link_and_too_many_are_refused(ann):
    memory_id = await ann.store("x")
    await check_refusal(ann, "link_memories", {"id": memory_id}, says="linkages is required")
    many = [{"type": "file", "path": f"{n}.md"} for n in range(101)]
    await check_refusal(ann, "link_memories", {"id": memory_id, "linkages": many}, says="at most 100 entries")
    await ann.call("link_memories", {"id": memory_id, "linkages": many[:100]})
    await check_refusal(ann, "link_memories", {"id": memory_id, "linkages": many[100:]}, says="at most 100 links")


async def test_somebody_elses_memory_is_neither_walked_from_nor_linked_to(ann, bob):
    theirs = await bob.store("theirs")
    mine = await ann.store("mine")
    before = await read_totals(bob)
    await check_refusal(
        ann, "link_memories", {"id": mine, "linkages": [{"type": "memory", "id": theirs}]}, says="there is no memory"
    )
    for name in ("memory_graph", "related_memories"):
        await check_refusal(ann, name, {"id": theirs}, status=404, code="not_found")
    link = {"id": theirs, "linkages": [{"type": "file", "path": "a.md"}]}
    await check_refusal(ann, "link_memories", link, status=404, code="not_found")
    assert await read_totals(bob) == before


async def test_a_deleted_memory_is_in_no_graph(ann):
    target = await ann.store("target")
    source = await ann.store("source", linkages=[{"type": "memory", "id": target}])
    await ann.http.delete(f"/v1/memories/{target}")
    answer = await both(ann, "memory_graph", {"id": source})
    assert ([each["id"] for each in answer["nodes"]], answer["edges"]) == ([source], [])
    await check_refusal(ann, "memory_graph", {"id": target}, status=404, code="not_found")
