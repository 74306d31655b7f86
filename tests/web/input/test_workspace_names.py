"""A workspace is found by its name in any case and any Unicode form, and keeps the name that it was given."""

import unicodedata
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from server.names import fold_name
from server.store.tables.accounts import workspaces
from tests.helpers.doors import call_rest, call_tool, check_refusal

pytestmark = pytest.mark.anyio

CAFE = unicodedata.normalize("NFC", "Café")
FORMS = [CAFE, unicodedata.normalize("NFD", CAFE), CAFE.upper(), CAFE.lower()]


async def names_of(person):
    return [each["name"] for each in (await call_rest(person, "list_workspaces", {})).body["workspaces"]]


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_a_name_is_the_same_workspace(cat, form):
    await call_rest(cat, "store_memory", {"content": "Tea", "workspace": CAFE})
    found = (await call_tool(cat, "search", {"query": "tea", "workspace": form})).body
    assert ([each["content"] for each in found["memories"]], found["meta"]["workspace"]) == (["Tea"], CAFE)
    await call_rest(cat, "store_memory", {"content": "Cake", "workspace": form})
    assert await names_of(cat) == [CAFE]
    made = await call_rest(cat, "create_workspace", {"name": form})
    assert (made.status, made.body["created"], made.body["name"]) == (200, False, CAFE)
    assert "already exists" in made.text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encode", [str, quote], ids=["plain", "percent-encoded"])
async def test_a_header_names_it_in_every_form(cat, form, encode):
    await call_rest(cat, "store_memory", {"content": "Tea", "workspace": CAFE})
    headers = {"x-memento-workspace": encode(form).encode()}
    response = await cat.http.get("/v1/memories", headers=headers)
    assert (response.json()["total"], response.json()["meta"]["workspace"]) == (1, CAFE)


async def test_a_percent_sign_that_encodes_nothing_stays(cat):
    await call_rest(cat, "store_memory", {"content": "Tea", "workspace": "100% mine"})
    response = await cat.http.get("/v1/memories", headers={"x-memento-workspace": "100% mine"})
    assert response.json()["total"] == 1


async def test_the_other_workspaces_of_a_recall_are_found_in_every_form(cat):
    await call_rest(cat, "store_memory", {"content": "Tea", "workspace": CAFE})
    found = (await call_tool(cat, "retrieve_context", {"message": "tea", "peek_workspaces": [CAFE.upper()]})).body
    assert [each["workspace"] for each in found["memories"]["matches"]] == [CAFE]


async def test_a_key_that_is_bound_takes_its_workspace_in_every_form_and_no_other(site):
    ann = await site.add_person("ann")
    await call_rest(ann, "store_memory", {"content": "Tea", "workspace": "Kitchen"})
    made = (await call_rest(ann, "create_key", {"workspace": "kitchen"})).body
    assert made["workspace"] == "Kitchen"
    bound = site.client(made["api_key"])
    assert (await bound.post("/v1/search", json={"query": "tea", "workspace": "KITCHEN"})).status_code == 200
    assert (await bound.post("/v1/search", json={"query": "tea", "workspace": "attic"})).status_code == 403


async def test_a_deleted_name_is_free_again_in_every_form(cat):
    made = (await call_rest(cat, "create_workspace", {"name": "Upper"})).body
    await call_rest(cat, "delete_workspace", {"id": made["id"]})
    again = await call_rest(cat, "create_workspace", {"name": "UPPER"})
    assert (again.status, again.body["name"]) == (201, "UPPER")


UNCLEAR = {
    "kit\u200bchen": "U+200B",
    "kit\u202echen": "U+202E",
    "\ufeffkitchen": "U+FEFF",
    "kit\u00adchen": "U+00AD",
    "my\u00a0kitchen": "U+00A0",
    "my\u3000kitchen": "U+3000",
    ".": "folder",
    "..": "folder",
}


@pytest.mark.parametrize("name", UNCLEAR)
async def test_a_new_workspace_has_a_name_that_can_be_seen(cat, name):
    says = UNCLEAR[name]
    await check_refusal(cat, "store_memory", {"content": "Tea", "workspace": name}, says=says)
    await check_refusal(cat, "search", {"query": "tea", "workspace": name}, says=says)
    await check_refusal(cat, "create_workspace", {"name": name}, says=says)
    await check_refusal(cat, "create_key", {"workspace": name}, says=says)
    header = await cat.http.post(
        "/v1/memories", json={"content": "Tea"}, headers={"x-memento-workspace": quote(name, safe="")}
    )
    assert (header.status_code, says in header.json()["message"]) == (400, True)
    assert await names_of(cat) == []


async def test_a_workspace_that_has_such_a_name_already_is_read_written_and_listed(shared, cat):
    name = "kit\u200bchen"
    services = shared.services
    made, _ = await services.directory.ensure_workspace(cat.account_id, "kitchen", services.encoder.generation)
    async with services.db.write() as connection:  # as an earlier version made it
        renamed = sa.update(workspaces).where(workspaces.c.id == made.id)
        await connection.execute(renamed.values(name=name, name_key=fold_name(name)))
    services.directory.forget()
    await call_rest(cat, "store_memory", {"content": "Tea", "workspace": name})
    found = (await call_tool(cat, "search", {"query": "tea", "workspace": name})).body
    assert [each["content"] for each in found["memories"]] == ["Tea"]
    assert await names_of(cat) == [name]
    assert (await call_rest(cat, "create_workspace", {"name": name})).body["created"] is False


@pytest.mark.parametrize("field", ["author", "entity", "project", "task"])
async def test_the_names_of_a_memory_can_be_seen_and_those_that_are_stored_are_found(cat, field):
    given = {"project": "p", field: "Zoe\u200b"}
    await check_refusal(
        cat, "store_memory", {"content": "Tea", **given}, says=f"{field}: has the invisible character U+200B"
    )
    memory = await cat.store("Tea", project="p")
    await check_refusal(
        cat, "update_memory", {"id": memory, field: "Zoe\u00a0B"}, says=f"{field}: has the blank U+00A0"
    )
    assert (await call_rest(cat, "list_memories", {field: "Zoe\u200b"})).body["total"] == 0


@pytest.mark.parametrize("unseen", ["\u200b", "\u202e", "\ufeff"])
async def test_the_tags_sessions_and_sections_that_are_new_can_be_seen(cat, unseen):
    word = f"ops{unseen}x"
    says = f"has the invisible character U+{ord(unseen):04X}"
    for field, value in (("tags", [word]), ("session", word)):
        await check_refusal(cat, "store_memory", {"content": "Tea", field: value}, says=says)
        assert (await call_rest(cat, "list_memories", {field: value})).body["total"] == 0
    memory = await cat.store("Tea", tags=["\U0001f469\u200d\U0001f4bb", "\u2764\ufe0f"])
    await check_refusal(cat, "update_memory", {"id": memory, "tags": [word]}, says=says)
    await check_refusal(cat, "update_working_memory", {"section": word, "content": "x"}, says=f"section: {says}")


async def test_the_name_of_a_key_can_be_seen(cat):
    await check_refusal(cat, "create_key", {"name": "lap\u202etop"}, says="name: has the invisible character U+202E")


async def test_a_project_is_named_by_what_can_be_seen_of_its_folder(cat):
    made = await call_rest(cat, "create_project", {"path": "/home/cat/my\u00a0sh\u200bop"})
    assert made.body["project"]["name"] == "my shop"
    again = await call_rest(cat, "create_project", {"path": "/home/cat/my\u00a0sh\u200bop"})
    assert (again.body["created"], await names_of(cat)) == (False, ["my shop"])
    await check_refusal(cat, "create_project", {"name": "my\u00a0shop"}, says="U+00A0")


@pytest.mark.parametrize("name", ["a/", "/a", "a//b"])
async def test_a_name_with_a_slash_at_its_end_is_refused_and_not_taken_for_another(cat, name):
    await check_refusal(cat, "search", {"query": "tea", "workspace": name}, says="workspace: ")
