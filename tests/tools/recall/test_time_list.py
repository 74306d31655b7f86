"""Questions about a time alone, asked through the doors: a list by date, and nothing that was not asked for."""

from datetime import timedelta

import pytest

from tests.helpers.doors import call_rest, check_refusal

pytestmark = pytest.mark.anyio


@pytest.fixture
async def team(ann, clock):
    """A person with the memories of three weeks."""
    today = clock.time.replace(hour=10)
    monday = today - timedelta(days=today.weekday() + 7)
    for days_ago, content, fields in (
        (0, "We chose Postgres", {"type": "decision", "author": "Theo"}),
        (1, "We dropped Redis", {"type": "decision", "author": "Mara Lind"}),
        (2, "The import was slow", {"author": "Theo"}),
        (-14, "We chose gRPC", {"type": "decision"}),
    ):
        await ann.store(content, occurred_at=(monday + timedelta(days=days_ago)).isoformat(), **fields)
    return ann


async def list_contents(person, message, **arguments):
    answer = (await call_rest(person, "retrieve_context", {"message": message, **arguments})).body["memories"]
    assert answer["ranking"] == "recent"
    return [each["content"] for each in answer["matches"]]


async def test_what_was_decided_last_week_is_a_list_newest_first(team):
    decided = ["We dropped Redis", "We chose Postgres"]
    assert await list_contents(team, "what did we decide last week?") == decided
    assert await list_contents(team, "what did we decide?") == [*decided, "We chose gRPC"]
    assert await list_contents(team, "what happened last week?") == ["The import was slow", *decided]
    assert await list_contents(team, "what happened last week?", limit=1) == ["The import was slow"]
    assert await list_contents(team, "what did Mara decide last week?") == ["We dropped Redis"]
    found = (await call_rest(team, "search", {"query": "what did we decide last week?"})).body
    assert ([each["content"] for each in found["memories"]], found["ranking"]) == (decided, "recent")


async def test_filters_hold_and_what_the_skip_list_is_about_is_marked(team):
    assert await list_contents(team, "what happened last week?", author="Theo") == [
        *("The import was slow", "We chose Postgres"),
    ]
    assert await list_contents(team, "what happened last week?", type=["observation"]) == ["The import was slow"]
    await call_rest(team, "add_skip", {"item": "Redis", "reason": "old", "expires": "2099-01-01"})
    answer = (await call_rest(team, "retrieve_context", {"message": "what did we decide last week?"})).body
    assert [bool(each["skipped_by"]) for each in answer["memories"]["matches"]] == [True, False]


async def test_without_types_a_list_of_decisions_has_all_of_that_time(ann, clock):
    await ann.store("We chose Postgres", occurred_at=(clock.time - timedelta(days=1)).isoformat())
    assert await list_contents(ann, "what did we decide yesterday?") == ["We chose Postgres"]
    assert await list_contents(ann, "what do you know about me?") == ["We chose Postgres"]


async def test_a_time_of_which_nothing_is_known_is_an_empty_list(team):
    assert await list_contents(team, "what happened in 2019?") == []


async def test_a_name_that_nobody_has_is_searched(team):
    answer = (await call_rest(team, "retrieve_context", {"message": "what did Zoe decide last week?"})).body
    assert answer["memories"]["ranking"] == "keyword"


async def test_a_time_zone_says_when_a_day_begins(ann, clock):
    midnight = clock.time.replace(hour=0, minute=0, second=0, microsecond=0)
    await ann.store("Just before midnight", occurred_at=(midnight - timedelta(minutes=30)).isoformat())
    assert await list_contents(ann, "what happened today?") == []
    berlin = {"time_zone": "Etc/GMT-2"}
    assert await list_contents(ann, "what happened today?", **berlin) == ["Just before midnight"]
    says = "time_zone: must be a time zone of the IANA database, like Europe/Berlin, or UTC"
    for name in ("Mars/Olympus", "../etc/passwd", "Europe", "\x00"):
        await check_refusal(ann, "search", {"query": "x", "time_zone": name}, says=says if "\x00" not in name else "")
