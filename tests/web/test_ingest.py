"""An ingest with bad memories: all are named by their places, and the others are stored if that is asked for."""

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_rest, check_refusal, read_totals

pytestmark = pytest.mark.anyio

BAD = [
    {"content": "one"},
    {"content": ""},
    {"content": "three", "expires_at": "soon"},
    {"content": "four", "linkages": [{"type": "memory", "id": NOBODY}]},
    5,
    {"content": "six"},
]


async def test_every_problem_is_named_by_its_place_and_nothing_is_stored(cat):
    answer = await call_rest(cat, "ingest_memories", {"memories": [BAD[0], BAD[1], BAD[2], BAD[4]]})
    assert (answer.status, answer.error) == (400, "invalid")
    assert [each["field"] for each in answer.body["problems"]] == [
        "memories.1.content",
        "memories.2.expires_at",
        "memories.3",
    ]
    for each in answer.body["problems"]:
        assert f"{each['field']}: {each['message']}." in answer.text
    await check_refusal(
        cat, "ingest_memories", {"memories": [BAD[0], BAD[3], BAD[3]]}, says="memories.2.linkages: there is no"
    )
    assert (await read_totals(cat))["memories"] == 0


async def test_the_good_memories_are_stored_in_their_order_if_the_bad_ones_are_to_be_skipped(cat):
    answer = (await call_rest(cat, "ingest_memories", {"memories": BAD, "on_error": "skip"})).body
    assert answer["ingested"] == len(answer["ids"]) == 2
    assert [each["index"] for each in answer["refused"]] == [1, 2, 3, 4]
    assert [each["field"] for each in answer["refused"]] == ["content", "expires_at", "linkages", ""]
    stored = [(await call_rest(cat, "fetch", {"id": each})).body["content"] for each in answer["ids"]]
    assert stored == ["one", "six"]


async def test_a_word_for_nothing_is_a_problem_of_its_own_memory_only(cat):
    entries = [{"content": "a"}, {"content": "b", "project": "null"}, {"content": ""}, {"content": "c", "tags": "None"}]
    answer = await call_rest(cat, "ingest_memories", {"memories": entries})
    assert [each["field"] for each in answer.body["problems"]] == [
        "memories.1.project",
        "memories.2.content",
        "memories.3.tags",
    ]
    answer = (await call_rest(cat, "ingest_memories", {"memories": entries, "on_error": "skip"})).body
    assert (answer["ingested"], [each["index"] for each in answer["refused"]]) == (1, [1, 2, 3])
    assert answer["refused"][0]["message"].startswith("the word 'null' stands for no value")


async def test_a_value_that_cannot_be_stored_is_a_problem_of_its_own_memory_only(cat):
    entries = [{"content": "a"}, {"content": "b\0"}, {"content": "c", "tags": ["\0"]}, {"content": ""}]
    fields = ["content", "tags.0", "content"]
    answer = await call_rest(cat, "ingest_memories", {"memories": entries})
    assert [each["field"] for each in answer.body["problems"]] == [
        f"memories.{index}.{field}" for index, field in enumerate(fields, 1)
    ]
    answer = (await call_rest(cat, "ingest_memories", {"memories": entries, "on_error": "skip"})).body
    assert (answer["ingested"], [each["field"] for each in answer["refused"]]) == (1, fields)


@pytest.mark.parametrize("bad", [[BAD[1]], [BAD[3]], [BAD[1], BAD[3], 5]])
async def test_an_ingest_of_which_nothing_can_be_stored_is_refused(cat, bad):
    await check_refusal(cat, "ingest_memories", {"memories": bad, "on_error": "skip"}, says="memories.0.")
    assert await read_totals(cat) == {"memories": 0, "workspaces": 0, "keys": 1}


async def test_more_than_a_hundred_are_refused_also_if_bad_ones_are_to_be_skipped(cat):
    for entries in ([{"content": "x"}] * 101, [{"content": "x"}, *[{}] * 100]):
        says = "memories: must have at most 100 entries"
        await check_refusal(cat, "ingest_memories", {"memories": entries, "on_error": "skip"}, says=says)


async def test_a_refusal_tells_five_problems_and_counts_the_others(cat):
    answer = await call_rest(cat, "ingest_memories", {"memories": [{}] * 9})
    assert answer.text.endswith("memories.4.content: is required. And 4 more problem(s).")
    assert len(answer.body["problems"]) == 9


@pytest.mark.parametrize("rule", [["skip"], {"a": 1}, 5, "some"])
async def test_a_rule_that_is_none_is_refused(cat, rule):
    await check_refusal(cat, "ingest_memories", {"memories": [{"content": "x"}], "on_error": rule}, says="on_error: ")


async def test_a_workspace_of_its_own_and_pictures_are_problems_of_their_memory_unless_they_are_as_answered(cat):
    stored = (await call_rest(cat, "store_memory", {"content": "tea", "workspace": "attic"})).body["memory"]
    answered = {**stored, "workspace": "Attic", "images": [{"filename": "a.png", "key": "k"}]}
    entries = [answered, {"content": "b", "workspace": "cellar"}, {"content": "c", "images": [{"data": "aGk="}]}]
    request = {"memories": entries, "workspace": "attic"}
    await check_refusal(cat, "ingest_memories", request, says="memories.2.images: an ingest takes no pictures")
    await check_refusal(cat, "ingest_memories", {**request, "memories": entries[:2]}, says="memories.1.workspace: all")
    answer = (await call_rest(cat, "ingest_memories", {**request, "on_error": "skip"})).body
    assert (answer["ingested"], [each["field"] for each in answer["refused"]]) == (1, ["workspace", "images"])
