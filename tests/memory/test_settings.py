"""The values of a workspace's settings."""

import pytest
from py_rust_stemmers import SnowballStemmer  # pyright: ignore[reportAttributeAccessIssue] - it has no types
from pydantic import ValidationError

from server.memory.settings import DEFAULTS, Language, WorkspaceSettings


def test_the_defaults_are_what_the_documentation_says():
    assert DEFAULTS.model_dump() == {
        "recall_alpha": 0.5,
        "recall_threshold": 0.0,
        "language": "english",
        "stop_words": [],
        "skip_enforcement": "annotate",
        "prompt_tokens": 800,
        "half_life_days": 7.0,
        "half_lives": {},
        "consolidation": "duplicates",
        "consolidation_share": 0.5,
        "secrets": "notice",
    }


def test_the_languages_are_those_that_the_stemmer_knows():
    with pytest.raises(ValueError, match="Supported languages are") as refused:
        SnowballStemmer("klingon")
    assert set(str(refused.value).rpartition(": ")[2].rstrip(".").split(", ")) == set(Language.__args__)


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        ("recall_alpha", [0, 0.5, 1], [-0.01, 1.01, float("nan"), float("inf"), True, "0.5"]),
        ("recall_threshold", [0, 1], [-1, 2, None]),
        ("language", ["german"], ["German", "klingon", "", 5]),
        ("stop_words", [[], ["a"] * 200], [["a"] * 201, [""], [" "], ["a" * 101], [5], "a", {}]),
        ("skip_enforcement", ["annotate", "withhold"], ["ignore", None]),
        ("prompt_tokens", [0, 10_000], [-1, 10_001, 0.5, True, None]),
        ("half_life_days", [0.1, 36_500], [0, -1, 36_500.5, float("inf")]),
        ("half_lives", [{}, {"fact": 30}], [{"fact": 0}, {"": 1}, {f"t{n}": 1 for n in range(51)}, []]),
        ("consolidation", ["off", "duplicates", "tags"], ["on", "", None]),
        ("consolidation_share", [0, 1], [-0.01, 1.1, float("nan")]),
        ("secrets", ["notice", "refuse", "redact"], ["keep", "", None]),
        ("colour", [], ["blue"]),
    ],
)
def test_each_setting_is_held_to_its_bounds(key, inside, outside):
    for value in inside:
        WorkspaceSettings.model_validate({key: value}, strict=True)
    for value in outside:
        with pytest.raises(ValidationError):
            WorkspaceSettings.model_validate({key: value}, strict=True)


def test_stop_words_are_kept_as_the_analyzer_sees_words():
    assert WorkspaceSettings(stop_words=[" Heron ", "ÄRGER"]).stop_words == ["heron", "ärger"]


def test_a_share_that_was_set_is_told_from_the_default():
    assert DEFAULTS.chosen_share is None
    assert WorkspaceSettings(consolidation_share=0.5).chosen_share == 0.5
