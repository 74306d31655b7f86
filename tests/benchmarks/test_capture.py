"""The capture benchmark: how it counts, and that the rules reach its targets."""

import pytest

from benchmarks.capture import HALVES, PRECISION, RECALL, Session, read_sessions, score_sessions
from tests.memory.capture import sessions


def test_an_observation_is_right_if_it_holds_a_fact_that_none_before_it_held():
    said = "We never deploy on Fridays. The server is called Egret. The wiki is called Owl."
    events = sessions.Session().prompt(said).events
    facts = [["Egret", "server"], ["egret"], ["deploy", "Mondays"]]
    score = score_sessions([Session("one", "ops", facts, events)])
    assert (score.kept, score.right, score.facts, score.found) == (3, 1, 3, 2)
    assert score.missed == ["one: deploy; Mondays"]
    assert [each.split(": ")[1] for each in score.in_vain] == [
        "[instruction] We never deploy on Fridays.",
        "[fact] The wiki is called Owl.",
    ]


def test_without_facts_and_observations_nothing_is_wrong():
    score = score_sessions([Session("none", "ops", [], sessions.Session().prompt("what is this?").events)])
    assert (score.precision, score.recall) == (1.0, 1.0)


def test_the_sessions_are_many_of_many_kinds_and_a_third_has_nothing_worth_keeping():
    halves = {half: read_sessions(half) for half in HALVES}
    assert all(len(some) >= 40 for some in halves.values())
    for some in halves.values():
        assert len({session.kind for session in some}) >= 8
        assert 0.3 < sum(not session.facts for session in some) / len(some) < 0.4


@pytest.mark.parametrize("half", HALVES)
def test_the_rules_reach_their_targets(half):
    score = score_sessions(read_sessions(half))
    # The numbers alone: a failure must not show what is held out.
    precision, recall = score.precision, score.recall
    assert precision >= PRECISION
    assert recall >= RECALL
