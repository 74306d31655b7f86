"""The stored relevance, against values calculated by hand from Memento's contract."""

import pytest

from server.memory.decay import NEVER, HalfLives, compute_relevance

WEEK = 7 * 24


@pytest.mark.parametrize(
    ("age", "accesses", "since", "expected"),
    [
        (0, 0, NEVER, 1.0),
        (WEEK, 0, NEVER, 0.5),
        (2 * WEEK, 0, NEVER, 0.25),
        (84, 0, NEVER, 0.7071067811865476),  # half a half-life: the square root of one half
        (0, 1, 0, 1.95),  # 1.3 x 1.5, as seen on the wire
        (0, 3, NEVER, 1.6),  # 1 + 0.3 log2 4
        (0, 7, NEVER, 1.9),  # 1 + 0.3 log2 8
        (0, 10, NEVER, 2.0),  # 1 + 0.3 log2 11 is above 2
        (0, 1_000_000, NEVER, 2.0),
        (0, 1, 48, 1.625),  # 1.3 x 1.25
        (0, 1, 96, 1.4625),  # 1.3 x 1.125
        (WEEK, 3, 48, 1.0),  # 0.5 x 1.6 x 1.25
        (0, 1_000_000, 0, 3.0),  # the largest there is
    ],
)
def test_relevance_is_the_product_of_recency_use_and_the_last_use(age, accesses, since, expected):
    assert compute_relevance(age, accesses, since) == pytest.approx(expected, abs=1e-12)


def test_what_is_from_the_future_counts_as_of_now():
    assert compute_relevance(-1000, 1, -1000) == pytest.approx(1.95)


def test_a_memory_that_was_never_recalled_gets_nothing_for_its_last_recall():
    assert compute_relevance(0, 0, NEVER) == 1.0


def test_a_half_life_may_be_another_for_each_type():
    lives = HalfLives(168, {"decision": 336, "observation": 24})
    assert HalfLives.in_days(7, {"decision": 14, "observation": 1}) == lives
    assert [lives.get_hours(each) for each in ("decision", "observation", "fact")] == [336, 24, 168]
    assert compute_relevance(336, 0, half_life=lives.get_hours("decision")) == pytest.approx(0.5)
    assert compute_relevance(48, 0, half_life=lives.get_hours("observation")) == pytest.approx(0.25)


def test_relevance_never_grows_with_age_nor_shrinks_with_use():
    ages = [compute_relevance(hours, 2, 5) for hours in range(0, 5000, 7)]
    assert ages == sorted(ages, reverse=True)
    uses = [compute_relevance(10, n, 5) for n in range(50)]
    assert uses == sorted(uses)


def test_an_age_of_centuries_is_no_error():
    assert 0 < compute_relevance(24 * 365 * 1000, 0, half_life=1) < 1e-300
