"""Walking links breadth first: circles, self links, bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.graph import Edge, Walk


def walk(edges, start="a", depth=5, most=500):
    """A walk over edges (start, end[, label]), as a store would let it see them."""
    every = [Edge(*each, *(["related"] if len(each) < 3 else [])) for each in edges]
    walked = Walk(start, most)
    for _ in range(depth):
        if walked.frontier:
            walked.step([each for each in every if each.start in walked.frontier or each.end in walked.frontier])
    return walked


def test_links_are_followed_in_both_directions_to_the_depth():
    edges = [("a", "b"), ("c", "b"), ("c", "d"), ("d", "e")]
    assert walk(edges, depth=1).depths == {"a": 0, "b": 1}
    assert walk(edges, depth=3).depths == {"a": 0, "b": 1, "c": 2, "d": 3}
    assert walk(edges, start="e", depth=5).depths == {"e": 0, "d": 1, "c": 2, "b": 3, "a": 4}


def test_a_memory_is_met_once_at_its_smallest_distance_and_circles_end():
    walked = walk([("a", "b"), ("b", "c"), ("c", "a"), ("a", "a"), ("c", "d")])
    assert walked.depths == {"a": 0, "b": 1, "c": 1, "d": 2}
    assert {(each.start, each.end) for each in walked.edges} == {
        ("a", "b"),
        ("b", "c"),
        ("c", "a"),
        ("a", "a"),
        ("c", "d"),
    }


def test_an_edge_is_there_once_for_each_label():
    walked = walk([("a", "b", "x"), ("a", "b", "x"), ("a", "b", "y")])
    assert [(each.start, each.end, each.label) for each in walked.edges] == [("a", "b", "x"), ("a", "b", "y")]


def test_a_file_is_the_end_of_an_edge_and_is_not_walked_through():
    walked = walk([("a", "file:x"), ("b", "file:x")])
    assert walked.depths == {"a": 0}
    assert [each.end for each in walked.edges] == ["file:x"]


def test_what_is_too_much_is_left_out_and_said():
    star = [("a", str(n)) for n in range(10)]
    walked = walk(star, most=4)
    assert list(walked.depths) == ["a", "0", "1", "2"]
    assert walked.is_truncated
    assert {each.end for each in walked.edges} == {"0", "1", "2"}
    assert not walk(star, most=11).is_truncated


def test_a_step_that_did_not_see_all_edges_is_said():
    walked = Walk("a", 10)
    walked.step([Edge("a", "b", "x")], is_all=False)
    assert walked.is_truncated


def test_what_was_only_reached_over_memories_that_are_gone_is_not_reached():
    # d is two steps away over b, which is gone, and three over c and e.
    walked = walk(
        [("a", "b"), ("b", "d"), ("a", "c"), ("c", "e"), ("e", "d"), ("b", "f"), ("b", "file:x"), ("d", "file:y")]
    )
    again = walked.restrict_to({"a", "c", "d", "e", "f"}, 5)
    assert again.depths == {"a": 0, "c": 1, "e": 2, "d": 3}
    assert [each.end for each in again.edges] == ["c", "e", "d", "file:y"]
    assert walked.restrict_to({"a", "c", "d", "e", "f"}, 2).depths == {"a": 0, "c": 1, "e": 2}
    assert not again.is_truncated


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40), st.integers(1, 5))
def test_distances_are_those_of_an_exhaustive_search(pairs, depth):
    expected, reached = {"0": 0}, {0}
    for distance in range(1, depth + 1):
        reached |= {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
        expected |= {str(each): distance for each in reached if str(each) not in expected}
    walked = walk([(str(a), str(b)) for a, b in pairs], start="0", depth=depth)
    assert walked.depths == expected


@pytest.mark.parametrize("depth", [1, 5])
def test_a_memory_without_links_is_alone(depth):
    walked = walk([("b", "c")], depth=depth)
    assert (walked.depths, walked.edges, walked.is_truncated) == ({"a": 0}, [], False)
