"""Which memories belong together, and what takes their place: against groups and texts worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.consolidation import (
    FEW,
    FROM,
    LARGEST,
    LONGEST,
    Candidate,
    groups,
    is_too_much,
    merged,
    parts,
    template,
)
from server.memory.models import Linkage, Memory

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def candidate(memory_id, *tags, scope="global", project=None, task=None):
    return Candidate(memory_id, tags, scope, project, task)


def memory(memory_id, content="x", **fields):
    given = {"type": "fact", "tags": [], "scope": "global", "linkages": [], "metadata": {}, "relevance": 1.0}
    given |= {"access_count": 0, "consolidated": 0, "created_at": NOW, "updated_at": NOW}
    return Memory.model_validate(given | fields | {"id": memory_id, "content": content})


def test_three_that_share_a_tag_belong_together_and_two_do_not():
    three = [candidate(each, "tea") for each in "abc"]
    assert groups(three) == [["a", "b", "c"]]
    assert groups(three[:2]) == []


def test_sharing_is_passed_on():
    # a-b by tea, b-c by milk, c-d by sugar; e stands alone.
    five = [
        candidate("a", "tea"),
        candidate("b", "tea", "milk"),
        candidate("c", "milk", "sugar"),
        candidate("d", "sugar"),
        candidate("e", "salt"),
    ]
    assert groups(five) == [["a", "b", "c", "d"]]


def test_tags_are_equal_in_any_case_and_only_when_whole():
    assert groups([candidate("a", "Tea"), candidate("b", "TEA"), candidate("c", "tea")]) == [["a", "b", "c"]]
    assert groups([candidate("a", "tea"), candidate("b", "teapot"), candidate("c", "te")]) == []


def test_where_memories_come_from_does_not_make_them_belong_together():
    assert groups([candidate(each, "source:notes") for each in "abcd"]) == []
    assert groups([candidate(each, "Source:Notes", "tea") for each in "abc"]) == [["a", "b", "c"]]


def test_a_memory_without_tags_belongs_to_none():
    assert groups([candidate(each) for each in "abcd"]) == []


def test_what_holds_in_different_places_stays_apart():
    heron = [candidate(each, "tea", scope="project", project="heron") for each in "abc"]
    egret = [candidate(each, "tea", scope="project", project="egret") for each in "def"]
    everywhere = [candidate(each, "tea") for each in "gh"]
    assert groups([*heron, *egret, *everywhere]) == [["a", "b", "c"], ["d", "e", "f"]]
    assert groups([heron[0], egret[0]], [("a", "d")]) == []


def test_two_that_say_nearly_the_same_are_enough():
    four = [candidate("a"), candidate("b"), candidate("c", "tea"), candidate("d", "tea")]
    assert groups(four, [("a", "b")]) == [["a", "b"]]
    assert groups(four, [("b", "c")]) == [["b", "c", "d"]]
    assert groups(four, [("a", "unknown"), ("unknown", "a")]) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.sets(st.integers(0, 6), max_size=3)), max_size=25))
def test_groups_are_the_connected_parts_of_an_exhaustive_search(given_memories):
    some = [candidate(f"{n}", *map(str, tags)) for n, (_, tags) in enumerate(given_memories)]
    rest, expected = list(some), []
    while rest:
        part, tags = [rest.pop(0)], set()
        while True:
            tags = {tag for each in part for tag in each.tags}
            more = [each for each in rest if tags & set(each.tags)]
            if not more:
                break
            part += more
            rest = [each for each in rest if each not in more]
        if len(part) >= 3:
            expected.append(sorted((each.id for each in part), key=int))
    assert groups(some) == expected


def test_the_template_says_everything():
    two = [memory("a", "Tea", tags=["b", "A"]), memory("b", "Milk", type="decision", tags=["b"])]
    assert template(two) == (
        "[A, b] — 2 memories consolidated\n\n"
        "• Tea (fact, 2026-11-21T12:00:00.000Z)\n"
        "• Milk (decision, 2026-11-21T12:00:00.000Z)"
    )
    assert template([memory("a")]).startswith("1 memories consolidated")


def test_a_merged_memory_has_what_its_sources_had():
    earlier = NOW - timedelta(hours=48)
    other = Linkage(type="file", path="a.md")
    sources = [
        memory("a", tags=["x", "B"], access_count=2, last_accessed_at=earlier, linkages=[other], author="Ann"),
        memory("b", tags=["x"], type="decision", access_count=5, author="Ann", entity="tea"),
        memory("c", tags=["c"], type="decision", linkages=[other, Linkage(type="memory", id="z")], author="Ann"),
    ]
    one = merged(sources, "m", NOW, "All of it", tags=["new"])
    assert (one.id, one.content, one.type, one.tags) == ("m", "All of it", "decision", ["B", "c", "new", "x"])
    assert (one.access_count, one.last_accessed_at, one.author, one.entity) == (7, earlier, "Ann", None)
    assert one.relevance == pytest.approx(1.9 * 1.25)
    assert [(link.type, link.id or link.path, link.label) for link in one.linkages] == [
        ("memory", "a", FROM),
        ("memory", "b", FROM),
        ("memory", "c", FROM),
        ("file", "a.md", None),
        ("memory", "z", None),
    ]
    assert (one.created_at, one.consolidated, one.expires_at) == (NOW, 0, None)
    assert merged(sources, "m", NOW, "x", kind="rule").type == "rule"


def test_of_equally_frequent_types_the_first_seen_is_taken():
    assert merged([memory("a", type="x"), memory("b", type="y")], "m", NOW, "t").type == "x"


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
    one = merged(sources, "m", NOW, "x")
    assert (one.scope, one.project, one.task) == expected


def test_a_merged_memory_expires_with_the_last_of_its_sources_if_all_do():
    day = timedelta(days=1)
    assert (
        merged([memory("a", expires_at=NOW), memory("b", expires_at=NOW + day)], "m", NOW, "x").expires_at == NOW + day
    )
    assert merged([memory("a", expires_at=NOW), memory("b")], "m", NOW, "x").expires_at is None


def test_a_group_that_is_too_much_for_one_memory_is_cut_in_pieces():
    many = [memory(f"{n}") for n in range(LARGEST + 4)]
    assert [len(piece) for piece in parts(many)] == [LARGEST, 4]
    assert [len(piece) for piece in parts(many[: LARGEST + 2])] == [LARGEST]  # two are left over
    long = [memory(f"{n}", "é" * 5_000) for n in range(7)]
    pieces = parts(long)
    assert [len(piece) for piece in pieces] == [3, 3]
    assert all(len(template(piece).encode()) <= LONGEST for piece in pieces)
    tagged = [memory(f"{n}", tags=[f"t{n}-{m}" for m in range(15)]) for n in range(6)]
    assert [len(piece) for piece in parts(tagged)] == [3, 3]


def test_two_near_ones_stay_a_piece_and_one_alone_is_none():
    assert [len(piece) for piece in parts([memory("a"), memory("b")])] == [2]
    assert parts([memory("a", "x" * LONGEST), memory("b"), memory("c")]) == []


@pytest.mark.parametrize(
    ("changed", "active", "share", "too_much"),
    [
        (50, 100, None, False),
        (51, 100, None, True),
        (FEW, FEW, None, False),
        (FEW + 1, FEW + 1, None, True),
        (3, 3, None, False),
        (3, 3, 0.5, True),
        (3, 6, 0.5, False),
        (100, 100, 1.0, False),
    ],
)
def test_how_much_a_run_may_change(changed, active, share, too_much):
    assert is_too_much(changed, active, share) is too_much
