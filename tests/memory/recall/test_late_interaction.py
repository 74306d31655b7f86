"""Late interaction: each token of a question against the nearest token of a memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.recall.late_interaction import BEFORE, LEAST_WEIGHT, average_cosines, compare_tokens, weigh_tokens
from server.memory.text import hash_term

EAST, NORTH, UP = np.eye(3, dtype=np.int8) * 127


def rows(*vectors):
    return np.array(vectors, np.int8).reshape(-1, 3)


def score(question, memories, tokens, weights=None):
    meetings = compare_tokens(question, memories, tokens)
    if meetings is None:
        return {}
    weights = np.array([1.0] * len(question) if weights is None else weights, np.float32)
    return dict(zip(meetings.ids, average_cosines(meetings.whole, weights), strict=True))


def test_each_token_of_the_question_counts_by_its_nearest_token():
    tokens = {"a": rows(EAST, NORTH), "b": rows(EAST, UP)}
    assert score(rows(EAST, NORTH), {"a": (), "b": ()}, tokens) == {"a": pytest.approx(1.0), "b": pytest.approx(0.5)}


def test_a_rare_token_counts_more():
    found = score(rows(EAST, NORTH), {"a": (), "b": ()}, {"a": rows(EAST), "b": rows(NORTH)}, [3.0, 1.0])
    assert found == {"a": pytest.approx(0.75), "b": pytest.approx(0.25)}


def test_the_memories_just_before_one_are_a_weaker_part_of_it():
    tokens = {"1": rows(EAST), "2": rows(NORTH), "3": rows(UP)}
    found = score(rows(EAST), {"3": ("2", "1"), "2": (), "1": ()}, tokens)
    assert found == {"1": pytest.approx(1.0), "2": pytest.approx(0.0), "3": pytest.approx(BEFORE)}


def test_a_memory_without_vectors_of_its_tokens_has_no_score():
    tokens = {"a": rows(EAST), "empty": rows()}
    assert score(rows(EAST), {"a": ("gone",), "b": ("a",), "empty": ()}, tokens) == {"a": pytest.approx(1.0)}
    assert score(rows(EAST), {"a": ()}, {}) == {}
    assert score(rows(), {"a": ()}, tokens) == {}


def test_a_token_weighs_as_much_as_its_word_is_rare():
    text = "Where is Ann's kettle?"
    rarities = {hash_term("ann"): 2.0, hash_term("kettl"): 3.0}
    # Where is Ann ' s ket tle ?
    weights = weigh_tokens(text, (0, 6, 9, 12, 13, 15, 18, 21), rarities, "english")
    rare, rarer = LEAST_WEIGHT + 2, LEAST_WEIGHT + 3
    assert weights.tolist() == [LEAST_WEIGHT, LEAST_WEIGHT, rare, rare, rare, rarer, rarer, LEAST_WEIGHT]


@given(st.text(), st.lists(st.integers(0, 50)).map(sorted))
def test_any_text_has_a_weight_for_each_token(text, places):
    weights = weigh_tokens(text, places, {}, "english")
    assert weights.tolist() == [LEAST_WEIGHT] * len(places)


BYTES = st.integers(-127, 127)
TOKENS = st.lists(st.tuples(BYTES, BYTES, BYTES).filter(any), max_size=4).map(
    lambda given: (
        np.rint([127 * np.array(each) / np.linalg.norm(each) for each in given]).astype(np.int8).reshape(-1, 3)
    )
)


@given(TOKENS, st.dictionaries(st.sampled_from("abcd"), TOKENS))
def test_scores_are_cosines_and_an_earlier_memory_never_lowers_one(question, tokens):
    alone = score(question, dict.fromkeys("abcd", ()), tokens)
    together = score(question, dict.fromkeys("abcd", tuple("abcd")), tokens)
    assert alone.keys() == together.keys()
    for name, each in alone.items():
        assert -1.02 <= each <= together[name] + 1e-6 <= 1.03
