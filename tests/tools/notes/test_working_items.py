"""Items of one's other workspaces in one list: merged, counted and paged as if they were of one workspace."""

import pytest
import structlog

from tests.helpers.doors import call_rest, call_tool

pytestmark = pytest.mark.anyio

PATH = "/v1/working-memory/items"


async def add_item(person, title, workspace="default", **fields):
    answer = await call_rest(
        person, "add_item", {"category": "active_work", "title": title, "workspace": workspace} | fields
    )
    assert answer.error is None, answer.text


async def list_items(person, **arguments):
    """Return the list that both doors give: [(title, workspace)] and the total."""
    over_rest = await call_rest(person, "list_items", arguments)
    over_mcp = await call_tool(person, "list_items", arguments)
    assert over_rest.error is None, over_rest.text
    assert over_mcp.error is None, over_mcp.text
    found = [[(each["title"], each.get("workspace")) for each in page.body["items"]] for page in (over_rest, over_mcp)]
    assert found[0] == found[1]
    assert over_rest.body["total"] == over_mcp.body["total"]
    return found[0], over_rest.body["total"]


@pytest.fixture
async def desks(ann, clock):
    """Items in three workspaces of ann's, each a second younger than the one before."""
    for title, workspace, fields in (
        ("a", "default", {"priority": 5}),
        ("b", "attic", {"priority": 9}),
        ("c", "attic", {"priority": 5, "status": "paused"}),
        ("d", "cellar", {"priority": 5, "category": "waiting_for"}),
        ("e", "default", {"priority": 0, "content": "the teapot"}),
        ("f", "attic", {"priority": 0, "content": "the teapot"}),
    ):
        clock.move(seconds=1)
        await add_item(ann, title, workspace, **fields)
    return ann


async def test_items_of_peeked_workspaces_stand_among_the_others_and_say_where_they_are_from(desks):
    assert await list_items(desks) == ([("a", None), ("e", None)], 2)
    merged = [("b", "attic"), ("d", "cellar"), ("c", "attic"), ("a", None), ("f", "attic"), ("e", None)]
    assert await list_items(desks, peek_workspaces=["attic", "cellar"]) == (merged, 6)


async def test_pages_and_filters_hold_over_all_that_is_merged(desks):
    where = {"peek_workspaces": ["attic", "cellar"]}
    pages = [await list_items(desks, limit=2, offset=offset, **where) for offset in (0, 2, 4, 6)]
    assert [[title for title, _ in page] for page, _ in pages] == [["b", "d"], ["c", "a"], ["f", "e"], []]
    assert {total for _, total in pages} == {6}
    assert await list_items(desks, query="TEAPOT", **where) == ([("f", "attic"), ("e", None)], 2)
    assert await list_items(desks, query="teapot", limit=1, **where) == ([("f", "attic")], 2)
    assert await list_items(desks, status="paused", **where) == ([("c", "attic")], 1)
    assert await list_items(desks, category="waiting_for", **where) == ([("d", "cellar")], 1)


async def test_items_are_peeked_at_by_query_or_header_and_the_query_goes_first(desks):
    for how, titles in (
        ({"params": {"peek_workspaces": "cellar"}}, ["d", "a", "e"]),
        ({"params": {"peek_workspaces": ["cellar", "attic"]}}, ["b", "d", "c", "a", "f", "e"]),
        ({"headers": {"x-memento-peek-workspaces": "cellar, none"}}, ["d", "a", "e"]),
        (
            {"params": {"peek_workspaces": "cellar"}, "headers": {"x-memento-peek-workspaces": "attic"}},
            ["d", "a", "e"],
        ),
    ):
        page = (await desks.http.get(PATH, **how)).json()
        assert ([each["title"] for each in page["items"]], page["total"]) == (titles, len(titles))


async def test_a_workspace_that_is_named_twice_or_ones_own_has_its_items_listed_once(desks):
    where = ["cellar", "default", "cellar", f"{desks.name}/cellar"]
    assert await list_items(desks, peek_workspaces=where) == ([("d", "cellar"), ("a", None), ("e", None)], 3)


async def test_unknown_and_foreign_workspaces_show_no_items_and_the_log_says_who_asked(desks, bob):
    await add_item(bob, "bob's", "attic")
    await add_item(bob, "bob's", priority=1)
    theirs = (await bob.http.get("/v1/workspaces")).json()["workspaces"][0]["id"]
    with structlog.testing.capture_logs() as logs:
        found = await list_items(desks, peek_workspaces=["bob/default", "bob/attic", theirs, "nobody/x", "x" * 100])
    assert found == ([("a", None), ("e", None)], 2)
    noted = [(each["user"], each["workspace"]) for each in logs if each["event"] == "peek.refused"]
    assert noted[:3] == [(desks.user_id, place) for place in ("bob/default", "bob/attic", "nobody/x")]
    assert await list_items(bob, peek_workspaces=["attic", "cellar"]) == ([("bob's", None), ("bob's", "attic")], 2)


async def test_a_bound_key_sees_no_items_but_those_of_its_workspace(desks, site):
    made = (await desks.http.post("/v1/keys", json={"workspace": "cellar"})).json()
    bound = type(desks)("x", desks.user_id, desks.account_id, made["api_key"], site.url, site.client(made["api_key"]))
    assert await list_items(bound, peek_workspaces=["default", "attic", f"{desks.name}/default"]) == ([("d", None)], 1)


async def test_items_of_a_workspace_that_was_deleted_are_not_peeked_at(desks):
    places = {each["name"]: each["id"] for each in (await desks.http.get("/v1/workspaces")).json()["workspaces"]}
    await desks.http.delete(f"/v1/workspaces/{places['attic']}")
    assert await list_items(desks, peek_workspaces=["attic"]) == ([("a", None), ("e", None)], 2)


async def test_from_a_workspace_that_is_not_there_the_others_can_be_peeked_at_and_it_is_not_made(desks):
    arguments = {"workspace": "new", "peek_workspaces": ["cellar"]}
    assert await list_items(desks, **arguments) == ([("d", "cellar")], 1)
    assert len((await desks.http.get("/v1/workspaces")).json()["workspaces"]) == 3


async def test_six_workspaces_are_too_many_to_list_the_items_of(desks):
    six = [f"w{number}" for number in range(6)]
    says = "peek_workspaces: Too many workspaces: at most 5 can be looked into; you named 6."
    assert (await call_tool(desks, "list_items", {"peek_workspaces": six})).text == f"invalid: {says}"
    for how in (
        {"params": {"peek_workspaces": ",".join(six)}},
        {"params": {"peek_workspaces": six}},
        {"headers": {"x-memento-peek-workspaces": "a,b,c,d,e,f"}},
    ):
        answer = await desks.http.get(PATH, **how)
        assert (answer.status_code, answer.json()["field"]) == (400, "peek_workspaces")
        assert answer.json()["message"].startswith(says.removesuffix("."))


async def test_mementos_list_of_items_says_where_each_is_from(desks):
    said = (await call_tool(desks, "memento_item_list", {"peek_workspaces": ["cellar"]})).text.splitlines()
    assert said[0] == "Found 3 items:"
    assert [line.partition(") ")[2] for line in said[2:]] == ["[cellar] d", "a", "e"]
