"""The measures of a ranking, against values computed by hand."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.helpers.recall_metrics import (
    METRICS,
    PRODUCT,
    Row,
    compute_hit,
    compute_interval,
    compute_ndcg,
    compute_percent,
    compute_recall,
    compute_reciprocal_rank,
    count_injected,
    find_ranks,
    pair_rows,
    read_rows,
    write_rows,
)

#: No two things stand at one rank; of those that were not found there may be several.
RANKS = st.lists(st.integers(1, 60), min_size=1, max_size=6, unique=True).map(
    lambda ranks: [rank if rank <= 30 else None for rank in ranks]
)
ROW = Row("conv-1", 3, 2, {PRODUCT: {"turn": [2, None], "session": [1]}}, 4.5, 10, 0)


def test_a_rank_is_the_place_where_a_thing_first_stands():
    assert find_ranks(["a", "b", "a", "c"], ["c", "a", "d"]) == [4, 1, None]
    assert find_ranks([], ["a"]) == [None]


def test_the_metrics_give_what_a_hand_computes():
    ranks = [3, 12, None]
    assert compute_recall(10, ranks) == pytest.approx(1 / 3)
    assert compute_recall(12, ranks) == pytest.approx(2 / 3)
    assert (compute_hit(2, ranks), compute_hit(3, ranks)) == (0, 1)
    assert compute_reciprocal_rank(ranks) == pytest.approx(1 / 3)
    assert compute_ndcg(10, ranks) == pytest.approx(0.5 / (1 + 1 / math.log2(3) + 0.5))


def test_the_ideal_gain_has_no_more_places_than_k():
    assert compute_ndcg(2, [1, 2, None, None]) == pytest.approx(1)


@given(RANKS)
def test_every_metric_is_between_zero_and_one_and_all_are_one_at_the_top(ranks):
    assert all(0 <= metric(ranks) <= 1 for metric in METRICS.values())
    first = list(range(1, len(ranks) + 1))
    assert METRICS["NDCG@10"](first) == pytest.approx(1)
    assert METRICS["R@10"](first) == METRICS["MRR"](first) == METRICS["Hit@5"](first) == 1


@given(RANKS)
def test_nothing_found_is_worth_nothing(ranks):
    assert not any(metric([None] * len(ranks)) for metric in METRICS.values())


def test_a_mean_of_nothing_is_no_figure():
    assert compute_percent([]) is None
    assert compute_percent([0.0, 1.0]) == 50


def test_an_answer_elsewhere_counts_once_however_many_memories_it_has():
    rows = [ROW, replace(ROW, elsewhere=7), replace(ROW, elsewhere=None)]
    assert count_injected(rows) == [0, 1]


def test_rows_come_back_as_they_were_kept(tmp_path):
    kept = tmp_path / "rows.json"
    write_rows([ROW], kept)
    assert read_rows(kept) == [ROW]
    assert ROW.compute_metric("MRR") == 0.5
    assert ROW.compute_metric("Hit@5", level="session") == 1


@pytest.mark.parametrize("text", ["[]", '{"questions": [{"a": 1}]}', "{}", "no"])
def test_a_file_that_was_not_kept_here_is_refused(tmp_path, text):
    kept = tmp_path / "rows.json"
    kept.write_text(text)
    with pytest.raises(ValueError, match=r"rows\.json|Expecting"):
        read_rows(kept)


def test_runs_are_paired_by_question_whatever_their_order():
    one, two = ROW, replace(ROW, question=4)
    assert pair_rows([one, two], [replace(two, returned=0), replace(one, question=9)]) == [
        (two, replace(two, returned=0))
    ]


def test_runs_of_other_conversations_are_refused():
    with pytest.raises(ValueError, match="no question in common"):
        pair_rows([ROW], [replace(ROW, conversation="conv-2")])
    with pytest.raises(ValueError, match="category differs"):
        pair_rows([ROW], [replace(ROW, category=5)])


def test_the_interval_holds_the_mean_and_is_the_same_every_time():
    differences = [0.0, 1.0, -1.0, 0.5] * 25
    low, high = compute_interval(differences)
    assert low < sum(differences) / len(differences) < high
    assert (low, high) == compute_interval(differences)
    assert compute_interval([0.25] * 10) == (0.25, 0.25)


def test_the_interval_is_as_wide_as_the_normal_approximation_says():
    differences = [1.0, -1.0] * 200
    low, high = compute_interval(differences)
    assert (high - low) / 2 == pytest.approx(1.96 / math.sqrt(400), rel=0.1)
