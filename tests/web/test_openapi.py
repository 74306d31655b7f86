"""The description of the API says what the doors take and refuse. tests/schema_suite.py tries much more of it."""

import re

import pytest

from tests.helpers.doors import read_answer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def openapi(shared):
    return (await shared.client().get("/openapi.json")).json()


def parameters_of(openapi, method, path, place):
    return {each["name"]: each for each in openapi["paths"][path][method]["parameters"] if each["in"] == place}


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("notes", True),
        ("a" * 100, True),
        ("ann/notes", True),
        ("a" * 101, False),
        (" ", False),
        ("a/", False),
        ("/a", False),
    ],
)
async def test_the_pattern_of_a_workspace_is_what_the_server_takes(openapi, cat, name, fits):
    header = parameters_of(openapi, "get", "/v1/memories", "header")["X-Memento-Workspace"]["schema"]
    in_query = parameters_of(openapi, "get", "/v1/memories", "query")["workspace"]["schema"]
    patterns = {
        header["pattern"],
        *(each.get("pattern") for each in in_query.get("anyOf", [in_query]) if "pattern" in each),
    }
    assert len(patterns) == 1
    assert bool(re.search(patterns.pop(), name)) == fits
    answer = await cat.http.get("/v1/memories", params={"workspace": name})
    assert (answer.status_code != 400) == fits or name == " "


async def test_texts_in_a_query_are_short_enough_for_a_url(openapi):
    for path, methods in openapi["paths"].items():
        for method in methods:
            for name, each in parameters_of(openapi, method, path, "query").items():
                assert each["schema"].get("maxLength", 0) <= 2000, (path, name)


async def test_what_must_not_be_empty_is_described_so(openapi):
    bodies = {
        path: methods["post"]["requestBody"]["content"]["application/json"]["schema"]
        for path, methods in openapi["paths"].items()
        if "application/json" in methods.get("post", {}).get("requestBody", {}).get("content", {})
    }
    assert bodies["/v1/memories"]["properties"]["content"]["minLength"] == 1
    assert bodies["/v1/search"]["properties"]["query"]["minLength"] == 1
    group = bodies["/v1/consolidate/group"]
    assert (group["properties"]["source_ids"]["minItems"], "source_ids" in group["required"]) == (2, True)
    links = bodies["/v1/memories/{id}/links"]
    assert (links["properties"]["linkages"]["minItems"], "linkages" in links["required"]) == (1, True)


async def test_a_flag_in_the_query_and_in_the_body_must_say_the_same(cat):
    both = read_answer(await cat.http.post("/v1/consolidate?dry_run=true", json={"dry_run": False}))
    assert (both.status, both.body["field"]) == (400, "dry_run")
    twice = read_answer(await cat.http.post("/v1/consolidate?dry_run=true&dry_run=false", json={}))
    assert (twice.status, twice.body["field"]) == (400, "dry_run")
    for same in (True, "true", None):
        for query in ("true", "1", "True"):
            answer = await cat.http.post(f"/v1/consolidate?dry_run={query}", json={"dry_run": same})
            assert answer.json()["dry_run"] is True, (query, same)
    assert (await cat.http.post("/v1/consolidate?dry_run=true", json={})).is_success
