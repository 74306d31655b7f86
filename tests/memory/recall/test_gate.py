"""The gate: what has nothing to do with a query is no answer."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.recall.gate import (
    RAREST,
    Scales,
    compute_idf,
    compute_threshold,
    is_common,
    is_of_another,
    limit_missing,
    weigh_interaction,
)

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


def evidence(keyword, vector, rarities, model):
    return Scales.from_rarities(rarities, model).compute_evidence(keyword, vector)


def test_the_idf_is_lucenes_worked_out_by_hand():
    assert compute_idf(3, 2) == pytest.approx(math.log(1 + 1.5 / 2.5))
    assert compute_idf(100, 0) == pytest.approx(math.log(1 + 100.5 / 0.5))


def test_evidence_by_words_is_the_share_of_the_rarest_words_that_is_held():
    assert evidence(4.0, None, [4.0, 4.0], MINILM) == 0.5
    assert evidence(6.0, None, [1.0] * RAREST * 10, MINILM) == 1.0
    assert evidence(None, None, [], MINILM) == 0.0
    assert evidence(1.0, None, [], MINILM) == 0.0


def test_evidence_by_meaning_begins_where_the_models_cosines_do():
    assert evidence(None, 0.45, [1.0], MINILM) == 0.45
    assert evidence(None, 0.725, [1.0], "BAAI/bge-small-en-v1.5") == pytest.approx(0.5)
    assert evidence(None, 0.2, [1.0], "BAAI/bge-small-en-v1.5") == 0.0
    assert evidence(None, 0.3, [1.0], None) == 0.3


def test_the_better_of_both_counts_or_both_together():
    assert evidence(0.4, 0.7, [4.0], MINILM) == 0.7
    assert evidence(3.6, 0.2, [4.0], MINILM) == pytest.approx(0.9)
    assert evidence(1.6, 0.4, [4.0], MINILM) == pytest.approx(1.3 * 0.4)


def test_near_tokens_add_to_the_evidence_and_far_ones_take_away_where_that_was_measured():
    assert weigh_interaction(0.65, MINILM) == pytest.approx(0.2)
    assert weigh_interaction(0.25, MINILM) == pytest.approx(-0.2)
    assert weigh_interaction(None, MINILM) == 0.0
    assert weigh_interaction(0.65, "BAAI/bge-small-en-v1.5") == weigh_interaction(0.65, None) == 0.0
    assert weigh_interaction(0.65, MINILM, is_english=False) == 0.0


def test_what_is_known_of_others_only_is_no_answer_about_somebody():
    assert is_of_another(0.4, 0.8, is_common=False)
    assert not is_of_another(0.7, 0.8, is_common=False)
    assert not is_of_another(0.1, 0.4, is_common=False)  # nobody has it
    assert is_of_another(0.3, 0.8, is_common=True)
    assert not is_of_another(0.5, 0.8, is_common=True)


def test_the_bar_is_low_among_a_few_memories_and_stays_where_it_is_among_many():
    assert compute_threshold(0) == 0.2
    assert compute_threshold(10) == pytest.approx(0.2 + 0.25 * math.log(11) / math.log(401))
    assert compute_threshold(400) == compute_threshold(100_000) == pytest.approx(0.45)


def test_a_word_is_common_from_fifty_memories_on():
    assert is_common(compute_idf(100, 20), 100)
    assert not is_common(compute_idf(100, 10), 100)
    assert not is_common(compute_idf(49, 49), 49)


def test_a_missing_word_counts_little_more_than_a_found_one_among_a_few_and_its_idf_among_many():
    common, missing = compute_idf(2, 2), compute_idf(2, 0)
    assert limit_missing([common, missing], 2) == [common, pytest.approx(2.2 * common)]
    many = [compute_idf(400, 40), compute_idf(400, 0)]
    assert limit_missing(many, 400) == many
    assert limit_missing([missing, missing], 2) == [missing, missing]
    assert limit_missing([], 2) == []


@given(st.none() | st.floats(-10, 1e6), st.none() | st.floats(-1, 1), st.lists(st.floats(0, 20), max_size=40))
def test_evidence_is_always_a_share(keyword, vector, rarities):
    assert 0.0 <= evidence(keyword, vector, rarities, MINILM) <= 1.0


@given(st.floats(0, 20), st.floats(-1, 1), st.floats(0, 5), st.lists(st.floats(0, 20), max_size=40))
def test_more_of_either_score_is_never_less_evidence(keyword, vector, more, rarities):
    before = evidence(keyword, vector, rarities, MINILM)
    assert evidence(keyword + more, vector, rarities, MINILM) >= before
    assert evidence(keyword, vector + more, rarities, MINILM) >= before


def test_a_query_about_somebody_unknown_needs_more():
    assert compute_threshold(400, has_unknown_name=True) == pytest.approx(0.55)
