"""The set of questions that says how quiet recall is, and how its answers are counted."""

import json
from collections import Counter
from datetime import UTC, datetime

from quiet import SET, Answered, Score, fill_in, find_time

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)


def test_the_set_is_large_enough_and_names_no_memory_that_is_not_there():
    data = json.loads(SET.read_text())
    keys = [each["key"] for each in data["memories"]]
    assert len(keys) == len(set(keys)) >= 60
    assert len(data["questions"]) >= 60
    kinds = {
        half: Counter(each["kind"] for each in data["questions"] if each["half"] == half) for half in ("seen", "unseen")
    }
    assert kinds["seen"] == kinds["unseen"], "both halves have every kind equally often"
    assert len(kinds["seen"]) == 9
    for each in data["questions"]:
        assert {*each["right"], *each.get("also", ())} <= set(keys), each["ask"]
        assert bool(each["right"]) == (each["kind"] not in {"nothing", "another person"})


def test_times_are_counted_from_today():
    assert find_time({"days": 1}, NOW) == datetime(2026, 11, 29, 10, tzinfo=UTC)
    assert find_time({"weeks": 1, "weekday": 2}, NOW) == datetime(2026, 11, 25, 10, tzinfo=UTC)
    assert find_time({"months": 11, "day": 3}, NOW) == datetime(2025, 12, 3, 10, tzinfo=UTC)
    assert fill_in("what happened in {month:-2}?", NOW) == "what happened in September?"


def test_a_score_counts_what_is_right_missing_false_and_irrelevant():
    known = {"kind": "typo", "right": ["a"], "also": ["b"]}
    listed = {"kind": "time only", "right": ["a", "b", "c", "d"]}
    unknown = {"kind": "nothing", "right": []}
    answers = [
        Answered(known, ["a", "b", "c"], 30),
        Answered(known, ["b", "x"], 10),
        Answered(known, [], 0, frozenset({"a"})),
        Answered(listed, ["d"], 20),
        Answered(unknown, [], 0),
        Answered(unknown, ["x", "y"], 20),
    ]
    assert Score(answers).list_values() == (75.0, 43.75, 50.0, 1.0, 20.0)
