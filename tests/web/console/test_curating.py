"""A person curates in the console: marks, links, history and undo, many at once, and golden cases from a recall."""

import re
from html import unescape

import pytest

from auth.pages.navigation import PAGES
from tests.helpers.console import log_in, send
from tests.helpers.doors import call_rest

pytestmark = pytest.mark.anyio

HOSTILE = "<script>alert(1)</script>\"'&"


async def fetch(person, memory_id):
    return (await call_rest(person, "fetch", {"id": memory_id})).body


async def test_a_memory_is_buried_pinned_and_brought_back_by_its_buttons(site):
    ann = await site.add_person("ann")
    memory = await ann.store("The kettle is in the attic")
    http, path = await log_in(site, ann), f"/memories/{memory}"
    assert ">Pin<" in (await http.get(path)).text
    await send(http, path, action="pin")
    assert "pinned_at" in await fetch(ann, memory)
    back = await send(http, path, action="bury")
    page = (await http.get(back.headers["location"])).text
    assert "no recall returns it" in page
    assert ">Pin<" not in page
    assert "kettle" not in (await http.get("/memories")).text
    assert "kettle" in (await http.get("/memories?status=buried")).text
    await send(http, path, action="unbury")
    assert "kettle" in (await http.get("/memories")).text


async def test_every_field_is_changed_links_come_and_go_and_the_history_undoes_it(site):
    ann = await site.add_person("ann")
    memory, other = await ann.store("The kettle is in the attic"), await ann.store(f"Tea {HOSTILE}")
    http, path = await log_in(site, ann), f"/memories/{memory}"
    before = await fetch(ann, memory)
    await send(http, path, action="save", content="The kettle is in the attic")
    assert await fetch(ann, memory) == before, "a form without a change changes nothing"
    fields = {"scope": "task", "project": "house", "task": "tidy", "entity": "kettle", "session": "s-9"}
    times = {"occurred_at": "2026-03-04T05:06", "expires_at": "2199-01-01T00:00", "source": "a.md"}
    saved = await send(http, path, action="save", content="The kettle is in the big cellar", **fields, **times)
    assert saved.headers["location"] == f"{path}?done=saved"
    stored = await fetch(ann, memory)
    assert {name: stored[name] for name in fields} == fields
    assert stored["occurred_at"] == "2026-03-04T05:06:00.000Z"
    linked = await send(http, path, action="link", to=other, label=HOSTILE[:40])
    assert "The link is there." in (await http.get(linked.headers["location"])).text
    page = (await http.get(path)).text
    assert "<script>" not in page
    assert "Tea &lt;script&gt;" in page, "a link shows the title of the other memory"
    assert "<del>attic</del><ins>big cellar</ins>" in re.sub(r"</(ins|del)>\s+<", r"</\1><", page)
    name = re.findall(r'name="link" value="([^"]+)"', page)[0]
    link = unescape(name)
    await send(http, path, action="unlink", link=link)
    assert (await fetch(ann, memory))["linkages"] == []
    change = [
        each["id"]
        for each in (await call_rest(ann, "memory_history", {"id": memory})).body["changes"]
        if each["operation"] == "update_memory"
    ][-1]
    await send(http, path, action="undo", change=change)
    stored = await fetch(ann, memory)
    assert (stored["content"], stored.get("project"), stored["scope"]) == ("The kettle is in the attic", None, "global")


async def test_many_change_after_a_preview_those_that_are_ticked_or_all_of_the_list(site):
    ann = await site.add_person("ann")
    ids = [await ann.store(f"Boat {n}", tags=["boat"]) for n in range(3)]
    await ann.store("Tea")
    http = await log_in(site, ann)
    for path, form in (
        ("/memories/change", {"action": "tag", "words": "new, wet", "id": ids[:2]}),
        ("/memories/change", {"action": "delete", "which": "all", "tags": "boat"}),
    ):
        preview = await send(http, path, page="/memories", **form)
        assert preview.status_code == 200
        count = len(form.get("id", ids))
        assert f'name="expected" value="{count}"' in preview.text
        total = (await call_rest(ann, "list_memories", {"tags": ["new"]})).body["total"]
        assert total == (0 if form["action"] == "tag" else 2), "a preview changes nothing"
        wrong = await send(http, path, page="/memories", **form, expected=str(count + 1))
        assert wrong.status_code == 409
        done = await send(http, path, page="/memories", **form, expected=str(count))
        assert f"{count} memories were" in (await http.get(done.headers["location"])).text
    assert [each["content"] for each in (await call_rest(ann, "list_memories", {})).body["memories"]] == ["Tea"]
    assert (await send(http, "/memories/change", page="/memories", action="delete")).status_code == 400
    assert (await send(http, "/memories/change", page="/memories", action="x", id=ids)).status_code == 400


async def test_a_recall_becomes_a_golden_case_and_is_read_in_a_few_operations(site):
    ann = await site.add_person("ann")
    for n in range(60):
        await ann.store(f"The harbour has boat number {n}", project="harbour")
    http = await log_in(site, ann)
    query = {"message": "which boat number is in the harbour?"}
    page = (await http.get("/recall-check", params=query)).text
    assert "tokens ·" in page
    assert '<option value="harbour">' in page
    assert page.count("This should come") >= 15
    memory = re.findall(r'name="id" value="([^"]+)"', page)[0]
    for expect, says in (("recalled", "comes for this prompt"), ("not_recalled", "does not come for this prompt")):
        form = query | {"id": memory, "expect": expect}
        done = await send(http, "/recall-check", page=f"/recall-check?message={query['message']}", **form)
        assert says in (await http.get(done.headers["location"])).text
    cases = (await call_rest(ann, "list_golden", {})).body["cases"]
    assert {(each["memory_id"], each["expect"]) for each in cases} == {(memory, "recalled"), (memory, "not_recalled")}
    refused = await send(http, "/recall-check", page="/recall-check?message=boat", expect="maybe", id=memory)
    assert refused.status_code == 400


async def test_no_form_of_any_page_works_from_another_site_and_no_page_is_framed(site):
    ann = await site.add_person("ann")
    memory = await ann.store("The kettle is in the attic")
    await call_rest(ann, "add_skip", {"item": "tea", "reason": "cold", "expires": "2099-01-01"})
    http = await log_in(site, ann)
    sent = 0
    for path in [*(address for address, _ in PAGES), f"/memories/{memory}", "/recall-check?message=kettle", "/logout"]:
        page = await http.get(path)
        assert page.status_code == 200, path
        assert page.headers["x-frame-options"] == "DENY", path
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], path
        for form in re.findall(r"<form[^>]*>.*?</form>", page.text, re.DOTALL):
            if 'method="post"' not in form:
                continue
            address = re.findall(r'action="([^"]+)"', form)[0].replace("&amp;", "&")
            fields = dict(re.findall(r'name="([^"]+)"[^>]* value="([^"]*)"', form))
            for token in ("x", ""):
                assert (await http.post(address, data=fields | {"csrf": token})).status_code == 403, (path, address)
                sent += 1
    assert sent > 20
    assert (await call_rest(ann, "list_memories", {})).body["total"] == 1
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = await site.client().get("/login", params={"next": target})
        assert "evil.example" not in answer.headers.get("location", "")
        assert f'value="{target}"' not in answer.text


async def test_metadata_are_changed_as_json_and_anything_else_is_refused_with_what_was_written(site):
    ann = await site.add_person("ann")
    memory = await ann.store("The kettle is in the attic", metadata={"place": {"floor": 2, "room": "<b>"}, "boxes": 3})
    http, path = await log_in(site, ann), f"/memories/{memory}"
    assert "&#34;room&#34;: &#34;&lt;b&gt;&#34;" in (await http.get(path)).text
    saved = await send(http, path, action="save", metadata='{"place": {"floor": 3}, "who": ["ann"]}')
    assert saved.headers["location"] == f"{path}?done=saved"
    assert (await fetch(ann, memory))["metadata"] == {"place": {"floor": 3}, "who": ["ann"]}
    for wrong, word in (
        ('{"place": ', "no JSON: look at line 1"),
        ("[1]", "must be one JSON object"),
        ('{"n": NaN}', "no JSON"),
        ("[" * 10_000, "no JSON"),
        (f'{{"long": "{"x" * 20_000}"}}', "metadata"),
    ):
        refused = await send(http, path, action="save", content="A new text", metadata=wrong)
        assert (refused.status_code, word in refused.text) == (400, True), wrong[:20]
        assert "A new text</textarea>" in refused.text, "nobody writes it again"
        assert 'aria-invalid="true"' in refused.text
    late = await send(http, path, action="save", scope="task")
    assert (late.status_code, "project is required" in late.text) == (400, True)
    stored = await fetch(ann, memory)
    assert (stored["content"], stored["metadata"]["who"]) == ("The kettle is in the attic", ["ann"])
    await send(http, path, action="save", metadata="")
    assert (await fetch(ann, memory))["metadata"] == {}
