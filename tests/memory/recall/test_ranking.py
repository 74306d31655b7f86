"""Hybrid ranking: the formula to the digit, and what its nudges may and may not do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.dates.grammar import find_spans
from server.memory.recall.ranking import ALPHA, NUDGES, Candidate, Traits, blend, rank

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OLD = datetime(1990, 1, 1, tzinfo=UTC)


def candidate(name, keyword=None, vector=None, happened=OLD, **traits):
    traits = Traits(happened_at=happened.timestamp(), access_count=traits.pop("access_count", 0), **traits)
    return Candidate(name, keyword, vector, 1.0, traits)


def order(*candidates, alpha=ALPHA, **how):
    return [each.id for each in rank(candidates, alpha=alpha, now=NOW, **how)]


def of(name, *candidates, **how):
    (found,) = (each for each in rank(candidates, alpha=ALPHA, now=NOW, **how) if each.id == name)
    return found


def test_the_formula_is_that_of_the_protocol_worked_out_by_hand():
    # keyword 4 of 8 = .5, vector .9 of .9 = 1: half of each is .75
    found = of("a", candidate("a", 4.0, 0.9), candidate("b", 8.0, 0.45))
    assert (found.keyword_score, found.vector_score) == (0.5, 1.0)
    assert found.fused == pytest.approx(0.75)
    # ... and with another weight .8 * .5 + .2 * 1 = .6
    (first, second) = rank([candidate("a", 4.0, 0.9), candidate("b", 8.0, 0.45)], alpha=0.8, now=NOW)
    assert (first.id, second.id, second.fused) == ("b", "a", pytest.approx(0.6))


def test_without_vectors_the_words_rank_alone():
    assert of("a", candidate("a", 4.0), candidate("b", 8.0)).fused == 0.5
    assert order(candidate("a", 4.0), candidate("b", 8.0)) == ["b", "a"]


def test_a_memory_without_a_vector_is_taken_to_be_half_as_near_as_the_farthest():
    two = candidate("b", None, 0.8), candidate("c", None, 0.4)
    assert of("b", candidate("a", 1.0), *two).keyword_score == 0.0
    assert of("a", candidate("a", 1.0), *two).vector_score == 0.25
    assert of("a", candidate("a", 1.0), candidate("b", 1.0)).vector_score == 0.0


def test_scores_below_zero_are_none_at_all():
    below = candidate("a", -0.2, -0.2)
    assert (of("a", below).keyword_score, of("a", below).vector_score) == (0.0, 0.0)
    assert (of("a", below, candidate("b", 0.5, 0.5)).keyword_score, of("a", below).fused) == (0.0, 0.0)


def test_equal_scores_go_to_the_nearer_in_meaning_and_then_to_the_newer():
    assert order(candidate("a", 1.0, 0.0), candidate("b", 0.0, 1.0)) == ["b", "a"]
    assert order(candidate("a", 1.0), candidate("b", 1.0)) == ["b", "a"]


def test_the_neighbours_of_what_fits_come_up_from_both_sides():
    found = rank(
        [candidate("1", 0.1), candidate("2", 1.0, before=("1",)), candidate("3", 0.1, before=("2", "1"))],
        alpha=ALPHA,
        now=NOW,
    )
    nudges = {each.id: each.nudges["neighbours"] for each in found}
    assert nudges == {"1": pytest.approx(0.4), "2": pytest.approx(0.04), "3": pytest.approx(0.4)}
    assert "neighbours" not in of("4", candidate("4", 1.0), candidate("2", 1.0, before=("1",))).nudges


TRAITS = {"author": "is_author_named", "entity": "is_entity_named", "scope": "is_in_project", "task": "is_in_task"}


@pytest.mark.parametrize("name", TRAITS)
def test_a_named_author_or_entity_and_the_very_project_or_task_decide_between_equals(name):
    traits: dict[str, Any] = {TRAITS[name]: True}
    named = candidate("a", 1.0, **traits)
    assert order(named, candidate("b", 1.0)) == ["a", "b"]
    assert of("a", named).nudges == {name: NUDGES[name]}


def test_a_date_in_the_question_decides_between_equals():
    then = datetime(2023, 5, 8, tzinfo=UTC)
    asked = find_spans("what happened on 8 May 2023?", NOW)
    assert order(candidate("a", 1.0, happened=then), candidate("b", 1.0), spans=asked) == ["a", "b"]
    assert of("a", candidate("a", 1.0, happened=then), spans=asked).nudges["date"] == NUDGES["date"]


def test_recency_halves_in_thirty_days_and_has_no_say_over_old_memories():
    assert of("a", candidate("a", 1.0, happened=NOW)).nudges["recency"] == NUDGES["recency"]
    old = candidate("a", 1.0, happened=NOW - timedelta(days=30))
    assert of("a", old).nudges["recency"] == pytest.approx(NUDGES["recency"] / 2)
    assert of("a", candidate("a", 1.0, happened=NOW + timedelta(days=9))).nudges["recency"] == NUDGES["recency"]


def test_a_question_says_little_and_a_person_who_speaks_of_themselves_much():
    asking, telling = candidate("a", 1.0, question_share=0.5), candidate("b", 1.0, is_first_person=True)
    assert order(asking, candidate("c", 1.0), telling) == ["b", "c", "a"]
    assert of("a", asking).nudges == {"question": pytest.approx(NUDGES["question"] / 2)}
    assert of("b", telling).nudges == {"first_person": NUDGES["first_person"]}


def test_the_reply_to_a_question_that_fits_comes_up():
    asked = candidate("1", 1.0, question_share=1.0)
    reply, later = candidate("2", 0.1, before=("1",)), candidate("3", 0.1, before=("2", "1"))
    assert of("2", asked, reply, later).nudges["reply"] == pytest.approx(NUDGES["reply"])
    assert "reply" not in of("3", asked, reply, later).nudges
    assert "reply" not in of("2", asked._replace(traits=reply.traits._replace(before=())), reply).nudges


def test_the_words_of_an_assistant_count_half():
    said = candidate("a", 1.0, is_beside_the_person=True, is_first_person=True)
    assert of("a", said).score == pytest.approx((1 + NUDGES["first_person"]) / 2)
    assert of("a", said).nudges["assistant"] == pytest.approx(-(1 + NUDGES["first_person"]) / 2)


def test_use_helps_up_to_a_bound():
    assert of("a", candidate("a", 1.0, access_count=64)).nudges["access"] == pytest.approx(NUDGES["access"])
    assert of("a", candidate("a", 1.0, access_count=10**9)).nudges["access"] == NUDGES["access"]
    assert "access" not in of("a", candidate("a", 1.0)).nudges


RAW = st.none() | st.floats(-1, 30)
CANDIDATES = st.lists(
    st.builds(
        candidate,
        name=st.sampled_from("abcdefgh"),
        keyword=RAW,
        vector=st.none() | st.floats(-1, 1),
        happened=st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)),
        access_count=st.integers(0, 10**6),
        before=st.lists(st.sampled_from("abcdefgh"), max_size=2).map(tuple),
        is_author_named=st.booleans(),
        is_entity_named=st.booleans(),
        is_in_project=st.booleans(),
        is_in_task=st.booleans(),
        question_share=st.floats(0, 1),
        is_first_person=st.booleans(),
        is_beside_the_person=st.booleans(),
    ),
    unique_by=lambda each: each.id,
    max_size=8,
)


@given(CANDIDATES, st.floats(0, 1))
def test_every_candidate_is_ranked_once_within_bounds_and_in_order(candidates, alpha):
    asked = find_spans("last week, and in May 2023", NOW)
    found = rank(candidates, alpha=alpha, now=NOW, spans=asked)
    assert sorted(each.id for each in found) == sorted(each.id for each in candidates)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    for each in found:
        assert 0 <= each.keyword_score <= 1
        assert 0 <= each.vector_score <= 1
        assert -1e-9 <= each.fused <= 1 + 1e-9
        assert each.score == pytest.approx(each.fused + sum(each.nudges.values()))
        for name, nudge in each.nudges.items():
            most = NUDGES.get(name, -each.score)
            assert 0 < nudge / most <= 1 + 1e-9


# An alpha below the precision of a number is 0 for one score and not for the other.
ALPHAS = st.floats(0, 1).map(lambda alpha: round(alpha, 6))


@given(CANDIDATES, ALPHAS, st.sampled_from(["keyword", "vector"]), st.floats(0.01, 5))
def test_a_better_score_in_an_arm_never_means_a_lower_place(candidates, alpha, arm, more):
    """Fusion is monotone: raised by itself, a memory keeps or gains on every other one that has no tie to it."""
    if not candidates or getattr(candidates[0], arm) is None:
        return
    plain = [
        Candidate(each.id, each.keyword, each.vector, 1.0, Traits(happened_at=OLD.timestamp(), access_count=0))
        for each in candidates
    ]
    raised = [plain[0]._replace(**{arm: getattr(plain[0], arm) + more}), *plain[1:]]
    before = [each.id for each in rank(plain, alpha=alpha, now=NOW)]
    after = [each.id for each in rank(raised, alpha=alpha, now=NOW)]
    assert after.index(plain[0].id) <= before.index(plain[0].id)


def test_a_second_opinion_reorders_and_never_replaces():
    assert blend([1.0, 0.9, 0.1], [0.0, 5.0, 5.0]) == [
        (1, pytest.approx(0.93)),
        (0, pytest.approx(0.73)),
        (2, pytest.approx(0.37)),
    ]
    assert [place for place, _ in blend([1.0, 0.5], [3.0, 3.0])] == [0, 1]
