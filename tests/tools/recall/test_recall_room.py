"""The room of an answer: no more than fits, nothing twice, nothing of the skip list."""

import pytest
from hypothesis import strategies as st

from server.memory.recall.packing import LEAST_EXCERPT, estimate_tokens
from tests.helpers.any_json import list_examples
from tests.helpers.doors import call_rest, call_tool, check_refusal

pytestmark = pytest.mark.anyio

EXAMPLES = 30


async def context(person, message="tea", **arguments):
    answer = await call_rest(person, "retrieve_context", {"message": message, **arguments})
    assert answer.error is None, answer.text
    return answer.body


def contents(answer):
    return [each["content"] for each in answer["memories"]["matches"]]


@pytest.mark.parametrize("bad", [0, -1, 1_000_001])
async def test_no_room_at_all_is_refused(ann, bad):
    says = "max_tokens: must be at least 1" if bad < 1 else "max_tokens: must be at most 1000000"
    await check_refusal(ann, "retrieve_context", {"message": "tea", "max_tokens": bad}, says=says)
    await check_refusal(ann, "explain_recall", {"message": "tea", "memory_id": "x", "max_tokens": bad}, says=says)


async def test_an_answer_never_exceeds_its_budget(ann):
    said = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=80)
    talks = st.tuples(st.lists(said, min_size=1, max_size=6), st.integers(1, 250))
    for number, (texts, room) in enumerate(list_examples(talks)[:EXAMPLES]):
        where = {"workspace": f"w{number}"}
        memories = [{"content": f"tea {place} {text}"} for place, text in enumerate(texts)]
        await call_rest(ann, "ingest_memories", {"memories": memories, **where})
        for message in ("tea", ""):
            answer = await context(ann, message, max_tokens=room, **where)
            fitting = contents(answer)
            assert sum(map(estimate_tokens, fitting)) <= room
            alone = contents(await context(ann, message, **where))
            whole = [match["content"] for match in answer["memories"]["matches"] if match["cut"] is None]
            assert [each for each in alone if each in whole] == whole, "in the same order"
            if len(fitting) < len(alone):
                left = room - sum(map(estimate_tokens, fitting))
                assert left < LEAST_EXCERPT, "what fits comes, or a part of it"
                assert answer["memories"]["omitted"], "and what does not is counted"


async def test_what_does_not_fit_is_cut_and_leaves_room_for_what_fits(ann):
    await ann.store("tea " * 300)
    await ann.store("a cup of green tea with milk")
    answer = await context(ann, max_tokens=100)
    assert set(contents(answer)) > {"a cup of green tea with milk"}
    assert sum(map(estimate_tokens, contents(answer))) <= 100
    answer = await context(ann, max_tokens=LEAST_EXCERPT - 1, explain=True)
    assert contents(answer) == ["a cup of green tea with milk"]
    assert [each["reason"] for each in answer["memories"]["omitted"]] == ["budget"]


LOG = [f"Step {n} of the migration went well and took a while." for n in range(550)]
NEEDLE = "The kettle of the third floor was moved to the attic."


@pytest.mark.parametrize(("place", "room"), [(0, 2_000), (275, 2_000), (549, 2_000), (275, LEAST_EXCERPT)])
async def test_a_memory_larger_than_the_room_comes_as_the_part_around_the_words(ann, place, room):
    text = " ".join([*LOG[:place], NEEDLE, *LOG[place:]])
    memory_id = await ann.store(text)
    (match,) = (await context(ann, "where is the kettle of the third floor?", max_tokens=room))["memories"]["matches"]
    part, cut = match["content"], match["cut"]
    assert part in text
    assert estimate_tokens(part) <= room
    assert part == text[cut["start"] : cut["end"]]
    assert cut["length"] == len(text)
    assert "kettle" in part
    assert (NEEDLE in part) or room == LEAST_EXCERPT
    fetched = await call_rest(ann, "fetch", {"id": match["id"]})
    assert fetched.body["content"] == text
    assert match["id"] == memory_id
    over_mcp = (await call_tool(ann, "retrieve_context", {"message": "the kettle", "max_tokens": room})).body
    assert over_mcp["memories"]["matches"][0]["cut"]["length"] == len(text)


async def test_the_newest_memory_that_is_too_long_comes_as_its_beginning(ann):
    await ann.store(" ".join(LOG))
    (match,) = (await context(ann, "", max_tokens=300))["memories"]["matches"]
    assert match["cut"]["start"] == 0
    assert match["content"].startswith(LOG[0])
    assert match["content"].endswith(".")


async def test_the_text_of_a_part_in_a_prompt_names_the_memory(ann):
    memory_id = await ann.store(" ".join([NEEDLE, *LOG]))
    answer = await call_rest(ann, "retrieve_context", {"query": "the kettle of the third floor", "max_tokens": 500})
    assert f"part of memory {memory_id}] {NEEDLE}" in answer.body["context"]
    assert len(answer.body["memories"]["matches"]) == 1


async def test_what_says_the_same_is_told_once(ann):
    first = await ann.store("Deploys go out on Tuesdays after the standup has ended")
    second = await ann.store("Deploys  go out on TUESDAYS after the standup has ended")
    await ann.store("Deploys are made by Ben")
    answer = await context(ann, "deploys", explain=True)
    ids = [each["id"] for each in answer["memories"]["matches"]]
    assert len(ids) == 2
    (same,) = answer["memories"]["omitted"]
    assert same["reason"] == "duplicate"
    assert {same["id"], same["by"]} == {first, second}
    assert same["by"] in ids


REPORT = "Nightly backup of {day}: all tables of the shop were copied to the vault and checked, which took {n} minutes"
HOST = "The host {name} stands in rack {rack} of the cellar and answers at 10.0.0.{rack} for everybody in the office"


async def test_records_of_one_pattern_all_come(ann):
    reports = [REPORT.format(day=f"2026-05-{day:02}", n=40 + day) for day in range(1, 5)]
    hosts = [HOST.format(name=name, rack=rack) for rack, name in enumerate(["atlas", "zeus", "hera", "ares"] * 2)]
    for text in reports + hosts:
        await ann.store(text)
    for message, expected in (("nightly backup of the shop", reports), ("which host stands in the cellar", hosts)):
        answer = await context(ann, message)
        assert sorted(contents(answer)) == sorted(expected)
        assert answer["memories"]["omitted"] is None


@pytest.mark.parametrize("field", ["occurred_at", "author", "entity", "project"])
async def test_the_same_words_of_another_time_person_or_thing_all_come(ann, field):
    values = ["2026-05-01", "2026-05-02"] if field == "occurred_at" else ["Ann", "Bob"]
    for value in values:
        await ann.store("I deployed the shop", **{field: value})
    assert len(contents(await context(ann, "deployed the shop"))) == 2


async def test_what_was_dropped_is_counted_without_explain(ann):
    first = await ann.store("Deploys go out after the standup")
    copies = [await ann.store(f"Deploys go out after the standup{'.' * n}") for n in range(1, 4)]
    await ann.store("Deploys are made by Ben")
    for limit, known in ((10, 3), (2, 1)):
        answer = await context(ann, "deploys after the standup", limit=limit)
        searched = (await call_rest(ann, "search", {"query": "deploys after the standup", "limit": limit})).body
        for omitted in (answer["memories"]["omitted"], searched["omitted"]):
            assert len(omitted) == known, "of those that rank among the first"
            assert all(each["reason"] == "duplicate" and each["id"] in {first, *copies} for each in omitted)


@pytest.fixture
async def skipping(ann):
    """An entry of the skip list, and a memory that it speaks against."""
    await ann.store("Tailwind makes the shop look good")
    await ann.store("The shop is built with plain CSS")
    entry = {"item": "Tailwind", "reason": "Ann dislikes it", "expires": "2026-12-01"}
    return (await call_rest(ann, "add_skip", entry)).body["id"]


async def test_what_the_skip_list_speaks_against_says_so(ann, skipping):
    answer = await context(ann, "what about the shop?")
    against = {each["content"]: each["skipped_by"] for each in answer["memories"]["matches"]}
    assert against == {
        "The shop is built with plain CSS": None,
        "Tailwind makes the shop look good": [
            {"id": skipping, "item": "Tailwind", "reason": "Ann dislikes it", "expires": "2026-12-01"}
        ],
    }
    assert answer["memories"]["withheld"] == 0
    assert answer["skip_matches"] == []


async def test_what_the_skip_list_speaks_against_is_withheld_where_that_is_set(ann, skipping):
    await call_rest(ann, "set_setting", {"key": "skip_enforcement", "value": "withhold"})
    answer = await context(ann, "what about the shop?", explain=True)
    assert contents(answer) == ["The shop is built with plain CSS"]
    assert answer["memories"]["withheld"] == 1
    assert [(each["reason"], each["by"]) for each in answer["memories"]["omitted"]] == [("skip_list", skipping)]
    searched = (await call_tool(ann, "search", {"query": "shop"})).body
    assert (len(searched["memories"]), searched["withheld"]) == (1, 1)


async def test_a_message_that_touches_the_skip_list_is_told_so(ann, skipping):
    answer = await context(ann, "Shall we add Tailwind?")
    assert [each["id"] for each in answer["skip_matches"]] == [skipping]
    only = await context(ann, "Shall we add Tailwind?", include=["skip_list"])
    assert [each["id"] for each in only["skip_matches"]] == [skipping]
    assert "memories" not in only
    assert "skip_matches" not in await context(ann, "Shall we add Tailwind?", include=["memories"])


async def test_an_entry_that_has_ended_speaks_against_nothing(ann, skipping, clock):
    assert skipping
    clock.move(days=10)
    assert (await context(ann, "Shall we add Tailwind?"))["skip_matches"] == []
    answer = await context(ann, "what about the shop?")
    assert all(each["skipped_by"] is None for each in answer["memories"]["matches"])
    assert len(contents(answer)) == 2


@pytest.mark.usefixtures("skipping")
async def test_another_persons_skip_list_is_not_ones_own(bob):
    await bob.store("Tailwind makes the shop look good")
    answer = await context(bob, "Tailwind")
    assert answer["skip_matches"] == []
    assert answer["memories"]["matches"][0]["skipped_by"] is None
