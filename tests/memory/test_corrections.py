"""A small real part of the benchmark's pairs: corrections are recognised, and two things are kept apart."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from server.memory.corrections.comparing import may_replace
from server.memory.corrections.leading import find_replacements, lead_newer
from server.memory.recall.ranking import make_listed, rank_listed

SET = json.loads((Path(__file__).parents[2] / "benchmarks" / "corrections_set.json").read_text())
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def say(content, day=0, /, **fields: Any) -> Any:
    names = ("author", "entity", "project", "task", "occurred_at", "repeated_at", "superseded_by")
    given = dict.fromkeys(names) | {"scope": "global"} | fields
    return SimpleNamespace(id=f"m-{day}", content=content, created_at=NOW + timedelta(days=day), **given)


@pytest.mark.parametrize("pair", SET["pairs"], ids=lambda pair: pair["new"])
def test_a_correction_is_recognised(pair):
    assert find_replacements([say(pair["old"]), say(pair["new"], 1)]) == {"m-0": "m-1"}


@pytest.mark.parametrize("pair", [each for each in SET["distractors"] if each["half"] == "seen"], ids=str)
def test_two_things_are_two_things(pair):
    assert find_replacements([say(pair["one"]), say(pair["other"], 1)]) == {}


@pytest.mark.parametrize("field", ["entity", "project", "task"])
def test_what_is_about_another_thing_or_project_replaces_nothing(field):
    old, new = "The port is 80", "The port is 81"
    assert may_replace(say(new, 1, **{field: "a"}), say(old, **{field: "a"}))
    assert not may_replace(say(new, 1, **{field: "b"}), say(old, **{field: "a"}))


def test_what_holds_in_a_task_or_a_project_is_not_replaced_by_what_holds_in_all():
    old, new = say("The port is 80", scope="project", project="shop"), say("The port is 81", 1)
    assert not may_replace(new, old)
    assert may_replace(say("The port is 81", 1, scope="project", project="shop"), old)


def test_two_people_who_speak_of_themselves_do_not_correct_each_other():
    old, new = "I leave home at 6:30", "I leave home at 7:30"
    assert may_replace(say(new, 1, author="Ann"), say(old, author="Ann"))
    assert not may_replace(say(new, 1, author="Ben"), say(old, author="Ann"))


def test_of_three_the_newest_leads_and_each_older_one_names_it():
    texts = ["The deploy runs on Fridays", "The deploy runs on Mondays", "The deploy runs on Tuesdays"]
    memories = [say(text, day) for day, text in enumerate(texts)]
    replaced = find_replacements(memories)
    assert replaced == {"m-0": "m-2", "m-1": "m-2"}
    scores = {"m-0": 0.9, "other": 0.7, "m-1": 0.5, "m-2": 0.1}
    ranked = [rank_listed(make_listed(each, NOW))._replace(score=score) for each, score in scores.items()]
    led = lead_newer(ranked, replaced)
    assert [each.id for each in led] == ["m-2", "m-0", "other", "m-1"]
    assert led[0].nudges["correction"] == pytest.approx(led[0].score - 0.1)


def test_an_empty_or_a_long_text_and_a_question_correct_nothing():
    for text in ("", " ", "?!", "The port is 80? ", "The port is 80. " * 60):
        assert not may_replace(say(text, 1), say("The port is 81"))
        assert find_replacements([say("The port is 81"), say(text, 1)]) == {}
