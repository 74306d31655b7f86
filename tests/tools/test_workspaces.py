"""Which workspace a call is about, and when one is made."""

import asyncio

import pytest

from server.background.upkeep import write_counts
from tests.helpers.arguments import NEED_LANGUAGE_MODEL, NOBODY, VALID
from tests.helpers.doors import call_rest, call_tool
from tools import catalog
from tools.core.operation import Effect

pytestmark = pytest.mark.anyio


async def place_of(person, **how):
    """Which workspace a read is answered from."""
    return (await person.http.get("/v1/memories", **how)).json()["meta"]["workspace"]


async def names(person):
    return {each["name"] for each in (await person.http.get("/v1/workspaces")).json()["workspaces"]}


async def test_the_argument_goes_before_the_header_and_the_header_before_the_url(ann):
    header = {"x-memento-workspace": "from-header"}
    url = "/mcp?workspace=from-url"
    for arguments, headers, path, expected in (
        ({"workspace": "from-argument"}, header, url, "from-argument"),
        ({"projectId": "from-argument"}, header, url, "from-argument"),
        ({}, header, url, "from-header"),
        ({}, {"x-memento-workspace": ""}, url, "from-url"),
        ({}, {}, url, "from-url"),
        ({}, {}, "/mcp?workspace=", "default"),
        ({}, {}, "/mcp", "default"),
    ):
        answer = await call_tool(ann, "recent", arguments, headers=headers, path=path)
        assert answer.body["meta"]["workspace"] == expected
    assert await place_of(ann, headers=header) == "from-header"
    assert await place_of(ann, headers=header, params={"workspace": "from-query"}) == "from-query"


async def test_the_body_goes_before_the_header_and_the_header_before_the_query(ann):
    header = {"x-memento-workspace": "from-header"}
    for body, headers, expected in (
        ({"workspace": "from-body"}, header, "from-body"),
        ({}, header, "from-header"),
        ({}, {}, "from-url"),
    ):
        response = await ann.http.post("/v1/context?workspace=from-url", json=body, headers=headers)
        assert response.json()["meta"]["workspace"] == expected


async def test_a_binding_goes_before_everything_that_agrees_and_refuses_the_rest(ann, site):
    await ann.store("x", workspace="bound")
    made = await ann.call("create_key", {"workspace": "bound"})
    bound = site.client(made["api_key"])
    for how in ({}, {"params": {"workspace": "bound"}}, {"headers": {"x-memento-workspace": "bound"}}):
        assert (await bound.get("/v1/memories", **how)).json()["meta"]["workspace"] == "bound"
    for how in ({"params": {"workspace": "x"}}, {"headers": {"x-memento-workspace": "x"}}):
        assert (await bound.get("/v1/memories", **how)).status_code == 403


async def test_ones_own_account_may_be_named(ann):
    await ann.store("x", workspace="attic")
    assert (await ann.call("recent", {"workspace": f"{ann.name}/attic"}))["meta"]["workspace_exists"]


#: They change what every workspace has from the start: settings, sections, and an identity.
WRITES_WHAT_IS_ALWAYS_THERE = {"set_setting", "update_working_memory", "update_identity", "crystallize_identity"}


#: Their answers have the form of the caller, which has no `meta`.
HAVE_NO_META = {"on_event"}


@pytest.mark.parametrize(
    "name", [each.name for each in catalog.OPERATIONS if each.is_in_workspace and each.name not in NEED_LANGUAGE_MODEL]
)
async def test_only_what_stores_makes_a_missing_workspace(ann, name):
    operation = catalog.CANONICAL[name]
    arguments = VALID.get(name, {})
    stores = operation.effect is Effect.CREATE or name in WRITES_WHAT_IS_ALWAYS_THERE
    for answer in (
        await call_rest(ann, name, arguments | {"workspace": "one"}),
        await call_tool(ann, name, arguments | {"workspace": "two"}),
    ):
        if name in HAVE_NO_META:
            assert answer.error is None
        elif stores:
            assert answer.body["meta"]["workspace_exists"] is True
        elif answer.error is None:
            assert answer.body["meta"]["workspace_exists"] is False
        else:
            assert answer.error in {"not_found", "invalid"}
    assert await names(ann) == ({"one", "two"} if stores else set())


async def test_a_store_that_is_refused_makes_no_workspace(ann):
    link = {"type": "memory", "id": NOBODY}
    for fields in ({"content": ""}, {"content": "x", "linkages": [link]}, {"content": "x", "task": "t"}):
        assert (await call_rest(ann, "store_memory", fields | {"workspace": "new"})).status == 400
    assert await names(ann) == set()


async def test_two_stores_into_a_workspace_that_is_missing_make_it_once(ann):
    stored = await asyncio.gather(*(ann.store(f"{n}", workspace="new") for n in range(5)))
    assert len(set(stored)) == 5
    assert (await ann.call("list_memories", {"workspace": "new"}))["total"] == 5
    assert await names(ann) == {"new"}


async def test_a_workspace_name_may_be_in_any_script_and_of_any_case(ann):
    for name in ("Büro", "東京", "a b", "UPPER"):
        await ann.store(name, workspace=name)
    assert await names(ann) == {"Büro", "東京", "a b", "UPPER"}
    assert (await ann.call("recent", {"workspace": " Büro "}))["memories"][0]["content"] == "Büro"


async def test_a_key_knows_when_it_was_last_used(ann, site, clock):
    (key,) = (await ann.call("list_keys"))["keys"]
    assert "last_used_at" not in key
    clock.move(minutes=5)
    await ann.http.get("/v1/health")
    await write_counts(site.services)
    (key,) = (await ann.call("list_keys"))["keys"]
    assert key["last_used_at"] == "2026-11-21T12:05:00.000Z"


async def test_a_name_that_is_too_long_for_the_record_is_refused_wherever_it_stands(ann):
    await ann.store("x", workspace="n" * 100)
    long = "n" * 101
    for path, body in (("memories", {"content": "x", "workspace": long}), ("workspaces", {"name": long})):
        refused = await ann.http.post(f"/v1/{path}", json=body)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid")
        assert "at most 100 characters" in refused.json()["message"]
    assert (await ann.http.post("/v1/keys", json={"workspace": f"ann/{long}"})).status_code == 400
