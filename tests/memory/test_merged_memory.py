"""The memory that takes the place of several: against texts worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from server.memory.merging.merged_memory import (
    MOST_BYTES,
    MOST_DAYS,
    MOST_SOURCES,
    SOURCE_LABEL,
    expand_repeats,
    find_merged_repeats,
    merge_memories,
    render_summary,
    render_template,
    split_group,
)
from server.memory.models import Linkage, Memory

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def memory(memory_id, content="x", **fields):
    given = {"type": "fact", "tags": [], "scope": "global", "linkages": [], "metadata": {}, "relevance": 1.0}
    given |= {"access_count": 0, "consolidated": 0, "created_at": NOW, "updated_at": NOW}
    return Memory.model_validate(given | fields | {"id": memory_id, "content": content})


def test_the_template_says_everything():
    two = [memory("a", "Tea", tags=["b", "A"]), memory("b", "Milk", type="decision", tags=["b"])]
    assert render_template(two) == (
        "[A, b] — 2 memories consolidated\n\n"
        "• Tea (fact, 2026-11-21T12:00:00.000Z)\n"
        "• Milk (decision, 2026-11-21T12:00:00.000Z)"
    )
    assert render_template([memory("a")]).startswith("1 memories consolidated")


def test_repeats_are_said_once_as_the_newest_has_it_with_the_days_on_which_they_were_told():
    repeats = [
        memory("a", "Tea is at four.", created_at=NOW - timedelta(days=40)),
        memory("b", "tea is at four", created_at=NOW - timedelta(days=1)),
        memory("c", "Tea is at four!", created_at=NOW - timedelta(hours=26)),
    ]
    assert render_summary(repeats) == "tea is at four (2026-10-12, 2026-11-20)"
    assert (
        render_summary(repeats[:1]) == "1 memories consolidated\n\n• Tea is at four. (fact, 2026-10-12T12:00:00.000Z)"
    )
    lines = [memory(each, "# Tea\n- at four") for each in "ab"]
    assert render_summary(lines) == "# Tea\n- at four\n(2026-11-21)"
    asked = [*repeats[:1], memory("d", "Tea is at four?")]
    assert render_summary(asked).startswith("2 memories consolidated")


def test_repeats_that_come_later_are_said_with_those_before():
    told = {"m": [memory("a", "Tea", created_at=NOW - timedelta(days=2)), memory("b", "Tea")]}
    merged, later = memory("m", "Tea (2026-11-19, 2026-11-21)"), memory("c", "Tea", created_at=NOW + timedelta(days=1))
    assert find_merged_repeats([merged, later, memory("n", "Tea (2026-11-19)")], told | {"n": told["m"]}) == told
    assert split_group([merged, later], told) == [[merged, later]]
    assert render_summary(expand_repeats([merged, later], told)) == "Tea (2026-11-19, 2026-11-21, 2026-11-22)"


def test_the_template_names_the_people_and_the_time_of_each_if_they_differ():
    one = memory("a", "Tea", author="Ann", entity="shop", occurred_at=NOW - timedelta(days=9))
    two = memory("b", "Milk", author="Ben", entity="shop")
    assert render_template([one, two]).endswith(
        "• Tea (fact, Ann, 2026-11-12T12:00:00.000Z)\n• Milk (fact, Ben, 2026-11-21T12:00:00.000Z)"
    )


def test_a_merged_memory_is_as_old_as_its_newest_source_and_keeps_the_metadata_that_all_have():
    later = NOW + timedelta(days=9)
    one = memory("a", metadata={"issue": 1, "by": "x"}, created_at=NOW - timedelta(days=3), source="notes")
    two = memory("b", metadata={"issue": 1, "by": "y"}, source="notes")
    merged = merge_memories([one, two], "m", later, "x")
    assert (merged.created_at, merged.updated_at, merged.metadata) == (NOW, later, {"issue": 1})
    assert merged.source == "notes"
    assert merge_memories([one, two], "m", later, "x", is_new=True).created_at == later


def test_a_merged_memory_has_what_its_sources_had():
    earlier = NOW - timedelta(hours=48)
    other = Linkage(type="file", path="a.md")
    sources = [
        memory("a", tags=["x", "B"], access_count=2, last_accessed_at=earlier, linkages=[other], author="Ann"),
        memory("b", tags=["x"], type="decision", access_count=5, author="Ann", entity="tea"),
        memory("c", tags=["c"], type="decision", linkages=[other, Linkage(type="memory", id="z")], author="Ann"),
    ]
    one = merge_memories(sources, "m", NOW, "All of it", tags=["new"])
    assert (one.id, one.content, one.type, one.tags) == ("m", "All of it", "decision", ["B", "c", "new", "x"])
    assert (one.access_count, one.last_accessed_at, one.author, one.entity) == (7, earlier, "Ann", None)
    assert one.relevance == pytest.approx(1.9 * 1.25)
    assert [(link.type, link.id or link.path, link.label) for link in one.linkages] == [
        ("memory", "a", SOURCE_LABEL),
        ("memory", "b", SOURCE_LABEL),
        ("memory", "c", SOURCE_LABEL),
        ("file", "a.md", None),
        ("memory", "z", None),
    ]
    assert (one.created_at, one.consolidated, one.expires_at) == (NOW, 0, None)
    assert merge_memories(sources, "m", NOW, "x", kind="rule").type == "rule"


def test_of_equally_frequent_types_the_first_seen_is_taken():
    assert merge_memories([memory("a", type="x"), memory("b", type="y")], "m", NOW, "t").type == "x"


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([("project", "p", None), ("project", "p", None)], ("project", "p", None)),
        ([("task", "p", "t"), ("task", "p", "t")], ("task", "p", "t")),
        ([("task", "p", "t"), ("task", "p", "u")], ("project", "p", None)),
        ([("task", "p", "t"), ("project", "p", None)], ("project", "p", None)),
        ([("project", "p", None), ("project", "q", None)], ("global", None, None)),
        ([("project", "p", None), ("global", None, None)], ("global", None, None)),
        ([("global", "p", None), ("project", "p", None)], ("global", None, None)),
    ],
)
def test_a_merged_memory_holds_where_all_its_sources_do(places, expected):
    sources = [memory(f"{n}", scope=s, project=p, task=t) for n, (s, p, t) in enumerate(places)]
    one = merge_memories(sources, "m", NOW, "x")
    assert (one.scope, one.project, one.task) == expected


def test_a_merged_memory_expires_with_the_last_of_its_sources_if_all_do():
    day = timedelta(days=1)
    assert (
        merge_memories([memory("a", expires_at=NOW), memory("b", expires_at=NOW + day)], "m", NOW, "x").expires_at
        == NOW + day
    )
    assert merge_memories([memory("a", expires_at=NOW), memory("b")], "m", NOW, "x").expires_at is None


def test_a_group_that_is_too_much_for_one_memory_is_cut_in_pieces():
    many = [memory(f"{n}", f"number {n}") for n in range(MOST_SOURCES + 4)]
    assert [len(piece) for piece in split_group(many)] == [MOST_SOURCES, 4]
    assert [len(piece) for piece in split_group(many[: MOST_SOURCES + 2])] == [MOST_SOURCES]  # two are left over
    same = [memory(f"{n}") for n in range(MOST_SOURCES + 2)]
    assert [len(piece) for piece in split_group(same)] == [MOST_SOURCES, 2]  # of repeats, two are enough
    days = [memory(f"{n}", created_at=NOW + timedelta(days=n)) for n in range(MOST_DAYS + 2)]
    assert [len(piece) for piece in split_group(days)] == [MOST_DAYS, 2]
    long = [memory(f"{n}", "é" * 5_000 + f" {n}") for n in range(7)]
    pieces = split_group(long)
    assert [len(piece) for piece in pieces] == [3, 3]
    assert all(len(render_template(piece).encode()) <= MOST_BYTES for piece in pieces)
    tagged = [memory(f"{n}", tags=[f"t{n}-{m}" for m in range(15)]) for n in range(6)]
    assert [len(piece) for piece in split_group(tagged)] == [3, 3]


def test_two_near_ones_stay_a_piece_and_one_alone_is_none():
    assert [len(piece) for piece in split_group([memory("a"), memory("b")])] == [2]
    assert split_group([memory("a", "x" * MOST_BYTES), memory("b"), memory("c")]) == []
