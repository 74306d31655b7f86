"""Which memories belong together: against groups worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.grouping import ALWAYS_ALLOWED, GroupCandidate, find_groups, is_too_much


def candidate(memory_id, *tags, scope="global", project=None, task=None):
    return GroupCandidate(memory_id, tags, scope, project, task)


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
    assert find_groups([heron[0], egret[0]], [("a", "d")]) == []


def test_two_that_say_nearly_the_same_are_enough():
    four = [candidate("a"), candidate("b"), candidate("c", "tea"), candidate("d", "tea")]
    assert find_groups(four, [("a", "b")]) == [["a", "b"]]
    assert find_groups(four, [("b", "c")]) == [["b", "c", "d"]]
    assert find_groups(four, [("a", "unknown"), ("unknown", "a")]) == []


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
    ],
)
def test_how_much_a_run_may_change(changed, active, share, too_much):
    assert is_too_much(changed, active, share) is too_much
