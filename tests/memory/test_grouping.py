"""Which memories belong together: against groups worked out by hand."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.merging.grouping import (
    ALWAYS_ALLOWED,
    KEPT_APART,
    GroupCandidate,
    find_close_groups,
    find_groups,
    find_repeats,
    is_too_much,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def candidate(memory_id, *tags, scope="global", project=None, task=None, kind="fact", key=None, at=NOW):
    return GroupCandidate(memory_id, tags, scope, project, task, kind, at, key)


def test_three_that_share_a_tag_belong_together_and_two_do_not():
    three = [candidate(each, "tea") for each in "abc"]
    assert find_groups(three) == [["a", "b", "c"]]
    assert find_groups(three[:2]) == []


def test_sharing_is_passed_on():
    # a-b by tea, b-c by milk, c-d by sugar; e stands alone.
    five = [
        candidate("a", "tea"),
        candidate("b", "tea", "milk"),
        candidate("c", "milk", "sugar"),
        candidate("d", "sugar"),
        candidate("e", "salt"),
    ]
    assert find_groups(five) == [["a", "b", "c", "d"]]


def test_tags_are_equal_in_any_case_and_only_when_whole():
    assert find_groups([candidate("a", "Tea"), candidate("b", "TEA"), candidate("c", "tea")]) == [["a", "b", "c"]]
    assert find_groups([candidate("a", "tea"), candidate("b", "teapot"), candidate("c", "te")]) == []


def test_where_memories_come_from_does_not_make_them_belong_together():
    assert find_groups([candidate(each, "source:notes") for each in "abcd"]) == []
    assert find_groups([candidate(each, "Source:Notes", "tea") for each in "abc"]) == [["a", "b", "c"]]


def test_a_memory_without_tags_belongs_to_none():
    assert find_groups([candidate(each) for each in "abcd"]) == []


def test_what_holds_in_different_places_stays_apart():
    heron = [candidate(each, "tea", scope="project", project="heron") for each in "abc"]
    egret = [candidate(each, "tea", scope="project", project="egret") for each in "def"]
    everywhere = [candidate(each, "tea") for each in "gh"]
    assert find_groups([*heron, *egret, *everywhere]) == [["a", "b", "c"], ["d", "e", "f"]]


def test_two_of_which_one_repeats_the_other_are_enough():
    four = [candidate("a", key=1), candidate("b", key=1), candidate("c", "tea", key=2), candidate("d", "tea")]
    assert find_groups(four) == find_repeats(four) == [["a", "b"]]
    joined = [*four, candidate("e", key=2)]
    assert find_groups(joined) == [["a", "b"], ["c", "d", "e"]]
    assert find_repeats(joined) == [["a", "b"], ["c", "e"]]


#: Directions in a plane, in degrees: two are close if they differ by at most 45.
def make_vectors(**degrees):
    turned = {name: np.deg2rad(each) for name, each in degrees.items()}
    return {name: np.array([np.cos(each), np.sin(each)], np.float32) for name, each in turned.items()}


def group_by_night(candidates, vectors):
    return list(find_close_groups(candidates, vectors, NOW + timedelta(days=1)))


def test_by_night_each_member_of_a_group_is_close_to_each_other_and_shares_the_tag():
    some = [candidate(each, "tea") for each in "abcdef"]
    # a to c lie within 45 degrees; d is close to c alone, e and f are beyond.
    vectors = make_vectors(a=0, b=20, c=40, d=60, e=120, f=200)
    assert group_by_night(some, vectors) == [["a", "b", "c"]]
    assert group_by_night([*some[:2], candidate("c", "milk")], vectors) == []
    assert group_by_night(some[:3], {name: each for name, each in vectors.items() if name != "b"}) == []


def test_by_night_each_memory_is_in_one_group_that_of_the_rarer_tag_first():
    some = [candidate(each, "all", *more) for each, more in zip("abcdef", [(), (), (), *[("few",)] * 3], strict=True)]
    assert group_by_night(some, make_vectors(**dict.fromkeys("abcdef", 0))) == [["d", "e", "f"], ["a", "b", "c"]]


@pytest.mark.parametrize("kind", sorted(KEPT_APART))
def test_by_night_what_binds_is_grouped_with_its_like_alone(kind):
    vectors = make_vectors(**dict.fromkeys("abcde", 0))
    facts = [candidate("a", "tea"), candidate("b", "tea", kind="observation"), candidate("c", "tea", kind=kind.title())]
    assert group_by_night(facts, vectors) == []
    binding = [*facts, candidate("d", "tea", kind=kind), candidate("e", "tea", kind=kind)]
    assert group_by_night(binding, vectors) == [["c", "d", "e"]]
    assert group_by_night([*facts, candidate("d", "tea")], vectors) == [["a", "b", "d"]]


def test_by_night_what_is_new_or_elsewhere_is_not_grouped():
    vectors = make_vectors(**dict.fromkeys("abc", 0))
    late = [*(candidate(each, "tea") for each in "ab"), candidate("c", "tea", at=NOW + timedelta(days=1))]
    assert group_by_night(late, vectors) == []
    elsewhere = [*late[:2], candidate("c", "tea", scope="project", project="heron")]
    assert group_by_night(elsewhere, vectors) == []


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
    assert find_groups(some) == expected


@pytest.mark.parametrize(
    ("changed", "active", "share", "too_much"),
    [
        (50, 100, None, False),
        (51, 100, None, True),
        (ALWAYS_ALLOWED, ALWAYS_ALLOWED, None, False),
        (ALWAYS_ALLOWED + 1, ALWAYS_ALLOWED + 1, None, True),
        (3, 3, None, False),
        (3, 3, 0.5, True),
        (3, 6, 0.5, False),
        (100, 100, 1.0, False),
        (1, 100, 0.0, True),
        (0, 100, 0.0, False),
    ],
)
def test_how_much_a_run_may_change(changed, active, share, too_much):
    assert is_too_much(changed, active, share) is too_much
