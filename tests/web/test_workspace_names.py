"""A workspace is found by its name in any case and any Unicode form, and keeps the name that it was given."""

import unicodedata
from urllib.parse import quote

import pytest

from tests.helpers.doors import refused, rest, tool

pytestmark = pytest.mark.anyio

CAFE = unicodedata.normalize("NFC", "Café")
FORMS = [CAFE, unicodedata.normalize("NFD", CAFE), CAFE.upper(), CAFE.lower()]


async def names_of(person):
    return [each["name"] for each in (await rest(person, "list_workspaces", {})).body["workspaces"]]


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_a_name_is_the_same_workspace(cat, form):
    await rest(cat, "store_memory", {"content": "Tea", "workspace": CAFE})
    found = (await tool(cat, "search", {"query": "tea", "workspace": form})).body
    assert ([each["content"] for each in found["memories"]], found["meta"]["workspace"]) == (["Tea"], CAFE)
    await rest(cat, "store_memory", {"content": "Cake", "workspace": form})
    assert await names_of(cat) == [CAFE]
    made = await rest(cat, "create_workspace", {"name": form})
    assert (made.status, made.body["created"], made.body["name"]) == (200, False, CAFE)
    assert "already exists" in made.text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encode", [str, quote], ids=["plain", "percent-encoded"])
async def test_a_header_names_it_in_every_form(cat, form, encode):
    await rest(cat, "store_memory", {"content": "Tea", "workspace": CAFE})
    headers = {"x-memento-workspace": encode(form).encode()}
    response = await cat.http.get("/v1/memories", headers=headers)
    assert (response.json()["total"], response.json()["meta"]["workspace"]) == (1, CAFE)


async def test_a_percent_sign_that_encodes_nothing_stays(cat):
    await rest(cat, "store_memory", {"content": "Tea", "workspace": "100% mine"})
    response = await cat.http.get("/v1/memories", headers={"x-memento-workspace": "100% mine"})
    assert response.json()["total"] == 1


async def test_the_other_workspaces_of_a_recall_are_found_in_every_form(cat):
    await rest(cat, "store_memory", {"content": "Tea", "workspace": CAFE})
    found = (await tool(cat, "retrieve_context", {"message": "tea", "peek_workspaces": [CAFE.upper()]})).body
    assert [each["workspace"] for each in found["memories"]["matches"]] == [CAFE]


async def test_a_key_that_is_bound_takes_its_workspace_in_every_form_and_no_other(site):
    ann = await site.person("ann")
    await rest(ann, "store_memory", {"content": "Tea", "workspace": "Kitchen"})
    made = (await rest(ann, "create_key", {"workspace": "kitchen"})).body
    assert made["workspace"] == "Kitchen"
    bound = site.client(made["api_key"])
    assert (await bound.post("/v1/search", json={"query": "tea", "workspace": "KITCHEN"})).status_code == 200
    assert (await bound.post("/v1/search", json={"query": "tea", "workspace": "attic"})).status_code == 403


async def test_a_deleted_name_is_free_again_in_every_form(cat):
    made = (await rest(cat, "create_workspace", {"name": "Upper"})).body
    await rest(cat, "delete_workspace", {"id": made["id"]})
    again = await rest(cat, "create_workspace", {"name": "UPPER"})
    assert (again.status, again.body["name"]) == (201, "UPPER")


@pytest.mark.parametrize("name", ["a/", "/a", "a//b"])
async def test_a_name_with_a_slash_at_its_end_is_refused_and_not_taken_for_another(cat, name):
    await refused(cat, "search", {"query": "tea", "workspace": name}, says="workspace: ")
