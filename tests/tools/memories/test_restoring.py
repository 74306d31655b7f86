"""A deleted memory comes back to every path, until it is erased."""

from datetime import timedelta

import pytest

from server.store.lifecycle.due import erase_due_memories
from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_rest, check_refusal
from tests.helpers.erasures import TOMBSTONES

pytestmark = pytest.mark.anyio


async def list_found(person, query="tea"):
    """The ids that a search finds."""
    return [each["id"] for each in (await person.call("search", {"query": query}))["memories"]]


async def test_what_was_deleted_comes_back_to_every_path(ann):
    target = await ann.store("the kettle")
    memory_id = await ann.store("tea at nine", linkages=[{"type": "memory", "id": target, "label": "supports"}])
    await ann.http.delete(f"/v1/memories/{memory_id}")
    assert await list_found(ann) == []
    answer = (await call_rest(ann, "restore_memory", {"id": memory_id})).body
    assert (answer["restored"], answer["memory"]["content"]) == (True, "tea at nine")
    assert await list_found(ann) == [memory_id]
    assert (await ann.call("fetch", {"id": memory_id}))["content"] == "tea at nine"
    related = (await call_rest(ann, "related_memories", {"id": target})).body
    assert [each["id"] for each in related["incoming"]] == [memory_id]
    again = await ann.call("restore_memory", {"id": memory_id})
    assert (again["restored"], await list_found(ann)) == (False, [memory_id])


async def test_an_erased_memory_another_persons_and_an_unknown_one_are_the_same_404(ann, site, clock):
    other = await site.add_person("ben")
    theirs = await other.store("tea of another person")
    await other.http.delete(f"/v1/memories/{theirs}")
    erased, due = await ann.store("tea for today"), await ann.store("tea for later")
    await ann.http.delete(f"/v1/memories/{erased}", params={"erase": "true"})
    await ann.http.delete(f"/v1/memories/{due}")
    clock.move(days=31)
    await erase_due_memories(site.services.db, TOMBSTONES, clock(), timedelta(days=30))
    for each in (erased, due, theirs, NOBODY):
        await check_refusal(
            ann, "restore_memory", {"id": each}, status=404, code="not_found", says=f"Memory not found: {each}"
        )
    assert await list_found(ann) == []
