"""A conversation is told a memory once, unless it has changed."""

import pytest

from tests.helpers.doors import call_rest, call_tool

pytestmark = pytest.mark.anyio

QUESTION = "where is the kettle?"


async def recall(person, conversation: str | None = "c-1", **arguments):
    asked = {"message": QUESTION, "include": ["memories"], "conversation": conversation, **arguments}
    answer = await call_rest(person, "retrieve_context", asked)
    assert answer.error is None, answer.text
    return answer.body["memories"]


def list_texts(found):
    return {each["content"] for each in found["matches"]}


async def test_a_memory_is_told_once_in_a_conversation_and_named_as_told_later(ann):
    memory = await ann.store("The kettle is in the attic")
    assert list_texts(await recall(ann)) == {"The kettle is in the attic"}
    again = await recall(ann)
    assert list_texts(again) == set()
    assert again["omitted"] == [{"id": memory, "reason": "told", "by": None}]
    new = await ann.store("The kettle was bought in Oslo")
    assert {each["id"] for each in (await recall(ann))["matches"]} == {new}


async def test_a_memory_that_has_changed_is_told_again(ann):
    memory = await ann.store("The kettle is in the attic")
    await recall(ann)
    await call_tool(ann, "update_memory", {"id": memory, "content": "The kettle is in the cellar"})
    assert list_texts(await recall(ann)) == {"The kettle is in the cellar"}
    assert list_texts(await recall(ann)) == set()


async def test_other_conversations_other_keys_and_questions_without_one_are_told_everything(ann, site):
    await ann.store("The kettle is in the attic")
    await recall(ann)
    for conversation in ("c-2", None, None):
        assert list_texts(await recall(ann, conversation)) == {"The kettle is in the attic"}
    bob = await site.add_person("bob")
    await bob.store("The kettle is Bob's")
    assert list_texts(await recall(bob)) == {"The kettle is Bob's"}


async def test_a_memory_that_was_cut_comes_whole_when_there_is_room(ann):
    text = "The kettle is in the attic. " + "It whistles when it rains. " * 200
    await ann.store(text)
    (cut,) = (await recall(ann, max_tokens=60))["matches"]
    assert cut["cut"] is not None
    assert list_texts(await recall(ann)) == {text}
    assert list_texts(await recall(ann)) == set()


@pytest.mark.parametrize("name", ["x" * 201, 7, ["c"], {}])
async def test_a_name_of_a_conversation_is_a_short_text(ann, name):
    answer = await call_rest(ann, "retrieve_context", {"message": QUESTION, "conversation": name})
    assert answer.status == 400
    assert "conversation" in answer.text
