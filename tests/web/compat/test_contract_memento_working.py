"""The answers to Memento's clients on the routes of working memory and the skip list: one test for each row."""

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import read_answer, read_shown_text

pytestmark = pytest.mark.anyio

#: An item's fields, as the contract names them.
ITEM = {
    "id": str,
    "category": str,
    "title": str,
    "content": str,
    "status": str,
    "priority": int,
    "tags": list,
    "next_action": str | None,
    "last_touched": str,
    "created_at": str,
    "updated_at": str,
}


def is_item(body):
    return all(name in body and isinstance(body[name], kind) for name, kind in ITEM.items())


async def item(person, **fields):
    """A new item, as it was answered."""
    given = {"category": "active_work", "title": "Ship it"} | fields
    response = await person.http.post("/v1/working-memory/items", json=given)
    assert response.status_code == 201, response.text
    return response.json()


async def skip(person, item="tea", reason="it is cold", expires="2099-12-31"):
    """A new skip entry, as it was answered."""
    response = await person.http.post("/v1/skip-list", json={"item": item, "reason": reason, "expires": expires})
    assert response.status_code == 201, response.text
    return response


async def test_get_working_memory_is_the_five_sections_and_makes_no_workspace(cat):
    response = await cat.http.get("/v1/working-memory")
    text = read_shown_text(response)
    assert text.startswith("# Working Memory\n\n---\n\n## Active Work\n\n(empty)\n\n---\n\n## Standing Decisions\n\n")
    assert text.endswith("\n\n---\n\n## Session Notes\n\n(empty)")
    assert not response.json()["meta"]["workspace_exists"]
    assert (await cat.http.get("/v1/workspaces")).json()["workspaces"] == []


async def test_get_working_memory_shows_items_instead_where_there_is_one_that_is_not_archived(cat):
    await cat.http.put("/v1/working-memory/active_work", json={"content": "see the items"})
    made = await item(cat, content="Today", tags=["a", "b"], next_action="Tag it", status="paused")
    response = await cat.http.get("/v1/working-memory")
    items = "## Active Work\n\n### Ship it *(paused)* [a, b]\n\nToday\n\n**Next:** Tag it\n"
    assert read_shown_text(response) == f"# Working Memory\n\n---\n\n{items}"
    assert response.json()["sections"][0]["content"] == "see the items"
    assert [each["id"] for each in response.json()["items"]] == [made["id"]]
    await cat.http.put(f"/v1/working-memory/items/{made['id']}", json={"status": "archived"})
    assert "## Active Work\n\nsee the items\n\n" in read_shown_text(await cat.http.get("/v1/working-memory"))


@pytest.mark.parametrize("name", ["active_work", "Active Work", "ACTIVE_WORK"])
async def test_get_section_takes_the_key_or_the_heading_in_any_case(cat, name):
    await cat.http.put("/v1/working-memory/active_work", json={"content": "Ship"})
    assert read_shown_text(await cat.http.get(f"/v1/working-memory/{name}")) == "## Active Work\n\nShip"


async def test_get_section_that_was_never_written_is_empty(cat):
    assert read_shown_text(await cat.http.get("/v1/working-memory/session_notes")) == "## Session Notes\n\n(empty)"


async def test_get_section_that_is_not_there_is_a_404(cat):
    answer = read_answer(await cat.http.get("/v1/working-memory/nowhere"))
    assert (answer.status, answer.text) == (404, 'Section "nowhere" not found in working memory.')


async def test_put_section_writes_over_what_was_there(cat):
    for content in ("one", "two", ""):
        response = await cat.http.put("/v1/working-memory/session_notes", json={"content": content})
        assert response.status_code == 200
        assert read_shown_text(response) == 'Updated section "Session Notes" in working memory.'
        assert (await cat.http.get("/v1/working-memory/session_notes")).json()["section"]["content"] == content


async def test_put_section_of_a_new_name_makes_it_with_the_name_as_heading(cat):
    response = await cat.http.put("/v1/working-memory/Release Plan", json={"content": "Friday"})
    assert read_shown_text(response) == 'Updated section "Release Plan" in working memory.'
    assert read_shown_text(await cat.http.get("/v1/working-memory/release plan")) == "## Release Plan\n\nFriday"
    assert read_shown_text(await cat.http.get("/v1/working-memory")).endswith("\n\n---\n\n## Release Plan\n\nFriday")


@pytest.mark.parametrize("body", [{}, {"content": None}])
async def test_put_section_without_content_is_a_400(cat, body):
    answer = read_answer(await cat.http.put("/v1/working-memory/active_work", json=body))
    assert (answer.status, answer.body["field"]) == (400, "content")


async def test_post_item_is_flat_and_has_the_contracts_defaults(cat):
    made = await item(cat)
    assert is_item(made)
    expected = {"content": "", "status": "active", "priority": 0, "tags": [], "next_action": None}
    assert {name: made[name] for name in expected} == expected


@pytest.mark.parametrize("category", ["active_work", "standing_decision", "skip_list", "waiting_for", "session_note"])
async def test_post_item_takes_every_category(cat, category):
    made = await item(cat, category=category, content="c", status="completed", priority=10, tags=["t"], next_action="n")
    assert (await cat.http.get(f"/v1/working-memory/items/{made['id']}")).json() == made


async def test_get_items_is_a_page_by_priority_that_has_archived_ones_too(cat):
    for title, priority, status in (("a", 1, "active"), ("b", 9, "archived"), ("c", 5, "paused")):
        await item(cat, title=title, priority=priority, status=status)
    page = (await cat.http.get("/v1/working-memory/items", params={"limit": 2, "offset": 1})).json()
    assert ([each["title"] for each in page["items"]], page["total"]) == (["c", "a"], 3)
    assert (page["offset"], page["limit"]) == (1, 2)
    assert all(is_item(each) for each in page["items"])


async def test_get_items_peeks_and_what_is_peeked_at_carries_its_workspace(cat):
    await item(cat, title="a", priority=1)
    await item(cat, title="b", priority=2, workspace="attic")
    for how in ({"params": {"peek_workspaces": "attic,none"}}, {"headers": {"x-memento-peek-workspaces": "attic"}}):
        page = (await cat.http.get("/v1/working-memory/items", **how)).json()
        assert [(each["title"], each.get("workspace")) for each in page["items"]] == [("b", "attic"), ("a", None)]
        assert page["total"] == 2
        assert all(is_item(each) for each in page["items"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"category": "waiting_for"}, ["b"]),
        ({"status": "paused"}, ["b"]),
        ({"q": "TEAPOT"}, ["a"]),
        ({"query": "B"}, ["b"]),
        ({"category": "active_work", "status": "paused"}, []),
    ],
)
async def test_get_items_filters_and_searches(cat, query, found):
    await item(cat, title="a", content="the teapot")
    await item(cat, title="b", category="waiting_for", status="paused")
    page = (await cat.http.get("/v1/working-memory/items", params=query)).json()
    assert [each["title"] for each in page["items"]] == found
    assert page["total"] == len(found)


async def test_put_item_changes_what_was_sent_and_answers_flat(cat):
    made = await item(cat, tags=["t"], next_action="n", content="c")
    changes = {"status": "completed", "priority": 3, "next_action": None}
    sent = {"status": "completed", "priority": 3, "clear": ["next_action"]}
    response = await cat.http.put(f"/v1/working-memory/items/{made['id']}", json=sent)
    assert (response.status_code, response.json()) == (200, made | changes)
    assert (await cat.http.get(f"/v1/working-memory/items/{made['id']}")).json() == made | changes


async def test_put_item_without_a_field_is_a_400(cat):
    made = await item(cat)
    answer = read_answer(await cat.http.put(f"/v1/working-memory/items/{made['id']}", json={}))
    assert answer.status == 400
    assert "No fields to update." in answer.text


async def test_delete_item_says_so_and_it_is_gone(cat):
    made = await item(cat)
    path = f"/v1/working-memory/items/{made['id']}"
    body = (await cat.http.delete(path)).json()
    assert (body["deleted"], body["id"]) == (True, made["id"])
    assert read_answer(await cat.http.get(path)).status == 404
    assert (await cat.http.get("/v1/working-memory/items")).json()["total"] == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_item_that_is_not_there_is_a_404(cat, method):
    body = {"json": {"title": "x"}} if method == "PUT" else {}
    response = await cat.http.request(method, f"/v1/working-memory/items/{NOBODY}", **body)
    assert read_answer(response).status == 404
    assert read_shown_text(response).startswith("Item not found")


@pytest.mark.parametrize("expires", ["2099-12-31", "2099-12-31T10:00:00Z", "until the migration is done"])
async def test_post_skip_says_what_it_added_and_keeps_the_expiry_as_it_was_given(cat, expires):
    response = await skip(cat, expires=expires)
    assert read_shown_text(response) == f'Added to skip list: "tea" (expires {expires})'
    (entry,) = (await cat.http.get("/v1/skip-list")).json()["entries"]
    assert entry == response.json()["entry"]
    assert (entry["id"], entry["item"], entry["reason"]) == (response.json()["id"], "tea", "it is cold")
    assert entry["expires_at"] == expires


@pytest.mark.parametrize("missing", ["item", "reason", "expires"])
async def test_post_skip_without_one_of_its_fields_is_a_400(cat, missing):
    body = {"item": "tea", "reason": "cold", "expires": "2099-12-31"}
    for sent in ({k: v for k, v in body.items() if k != missing}, body | {missing: ""}, body | {missing: " "}):
        answer = read_answer(await cat.http.post("/v1/skip-list", json=sent))
        assert (answer.status, answer.body["field"]) == (400, missing)
    assert (await cat.http.get("/v1/skip-list")).json()["total"] == 0


async def test_get_skip_list_check_says_the_first_match(cat):
    await skip(cat, item="coffee machine")
    response = await cat.http.get("/v1/skip-list/check", params={"query": "Buy a coffee machine?"})
    assert read_shown_text(response) == 'SKIP: "coffee machine"\nReason: it is cold\nExpires: 2099-12-31'
    assert response.json()["skip"] is True
    response = await cat.http.get("/v1/skip-list/check", params={"query": "Buy a to-do list?"})
    assert read_shown_text(response) == 'Not on skip list. Proceed with "Buy a to-do list?".'
    assert response.json()["skip"] is False


async def test_get_skip_list_check_without_a_query_is_a_400(cat):
    answer = read_answer(await cat.http.get("/v1/skip-list/check"))
    assert (answer.status, answer.text) == (400, "query: is required.")


async def test_delete_skip_says_so_and_it_is_gone(cat):
    entry_id = (await skip(cat)).json()["id"]
    response = await cat.http.delete(f"/v1/skip-list/{entry_id}")
    assert (response.status_code, read_shown_text(response)) == (200, f"Skip entry {entry_id} removed.")
    assert (await cat.http.get("/v1/skip-list")).json()["total"] == 0
    assert read_answer(await cat.http.delete(f"/v1/skip-list/{entry_id}")).status == 404


async def test_a_skip_entry_that_has_ended_is_in_no_answer(cat):
    response = await skip(cat, expires="2020-01-01")
    assert "has passed already" in response.json()["meta"]["notice"]
    assert (await cat.http.get("/v1/skip-list")).json()["total"] == 0
    assert not (await cat.http.get("/v1/skip-list/check", params={"query": "tea"})).json()["skip"]
    assert read_answer(await cat.http.delete(f"/v1/skip-list/{response.json()['id']}")).status == 404
