"""The visible formula: final = alpha * keyword + (1 - alpha) * vector, each arm scaled to [0, 1]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.ranking import fuse, scaled

SCORES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 100, allow_nan=False), max_size=8)


def test_the_formula_gives_what_a_hand_computes():
    ranked = fuse({"a": 4.0, "b": 2.0, "c": 0.0}, {"b": 0.9, "c": 0.5, "d": 0.7}, alpha=0.4)
    by_id = {each.id: each.score for each in ranked}
    # keyword: a 1, b .5, c 0; vector: b 1, c 0, d .5
    assert by_id == pytest.approx({"a": 0.4, "b": 0.4 * 0.5 + 0.6 * 1, "c": 0.0, "d": 0.6 * 0.5})
    assert [each.id for each in ranked] == ["b", "a", "d", "c"]


def test_without_a_vector_arm_words_rank_alone():
    assert [(each.id, each.score) for each in fuse({"a": 1.0, "b": 3.0}, {})] == [("b", 1.0), ("a", 0.0)]


def test_without_a_keyword_arm_meaning_ranks_alone():
    assert [each.id for each in fuse({}, {"a": 0.1, "b": 0.2})] == ["b", "a"]


def test_ties_go_to_the_vector_and_then_to_the_newer_id():
    assert [each.id for each in fuse({"a": 1.0, "c": 1.0}, {"b": 1.0, "d": 1.0}, alpha=0.5)] == ["d", "b", "c", "a"]


def test_nothing_found_is_nothing_ranked():
    assert fuse({}, {}) == []
    assert scaled({}) == {}


@given(SCORES, SCORES, st.floats(0, 1))
def test_every_candidate_is_ranked_once_with_a_score_between_zero_and_one(keyword, vector, alpha):
    ranked = fuse(keyword, vector, alpha)
    assert sorted(each.id for each in ranked) == sorted(keyword.keys() | vector.keys())
    assert all(-1e-9 <= each.score <= 1 + 1e-9 for each in ranked)
    assert [each.score for each in ranked] == sorted((each.score for each in ranked), reverse=True)


@given(SCORES, SCORES)
def test_who_is_better_in_both_arms_is_never_behind(keyword, vector):
    order = [each.id for each in fuse(keyword, vector)]
    for one in keyword.keys() & vector.keys():
        for other in keyword.keys() & vector.keys():
            if keyword[one] > keyword[other] and vector[one] > vector[other]:
                assert order.index(one) < order.index(other)
