"""Entities found in texts without a model."""

import pytest

from benchmarks.helpers.entity_labels import HALVES, score_half
from server.memory.entities.finding import MOST_FOUND, MOST_READ, find_entities
from server.memory.entities.names import fold_entity_name


def list_found(text, **options):
    """The names found, each with its type."""
    return [(each.name, each.type) for each in find_entities(text, **options)]


@pytest.mark.parametrize("half", HALVES)
def test_nine_of_ten_names_that_are_found_in_labelled_memories_are_labelled(half):
    score = score_half(HALVES[half])
    assert score.precision >= 0.9, score.mistakes
    assert score.recall >= 0.85, score.mistakes


def test_a_word_that_merely_begins_a_sentence_is_no_entity():
    for text in (
        "Milk is sour. Bread is fresh.",
        "- Deploy on Fridays\n- Test before",
        "Renamed it. Done!",
        '"Maybe" he said.',
    ):
        assert find_entities(text) == [], text


def test_types_are_told_by_the_shape_of_a_name():
    text = "Dr. Okafor runs PostgreSQL on db1.example.com:5432, see docs/setup.md, `load_all()` and HER-12 in Oslo"
    assert list_found(text) == [
        ("Okafor", "person"),
        ("PostgreSQL", "product"),
        ("db1.example.com:5432", "host"),
        ("docs/setup.md", "file"),
        ("load_all", "identifier"),
        ("HER-12", "identifier"),
        ("Oslo", "name"),
    ]


def test_a_known_name_is_found_in_any_case_but_not_within_another_word():
    known = {"heron", "blue heron"}
    assert list_found("The HERON and the blue heron; heronry is none", is_known=lambda key, _: key in known) == [
        ("HERON", "name"),
        ("blue heron", "name"),
    ]


def test_a_name_that_was_found_before_is_one_at_the_beginning_of_a_sentence_too():
    text = "Heron keeps its queue. A heron is a bird."
    assert find_entities(text) == []
    assert list_found(text, is_known=lambda key, has_capital: has_capital and key == "heron") == [("Heron", "name")]


def test_names_in_other_unicode_forms_are_one():
    assert fold_entity_name("Zoe\u0308  LANE") == fold_entity_name("zoë lane") == "zoë lane"
    assert fold_entity_name("ﬁgma") == "figma"
    assert len(fold_entity_name("\ufdfa" * 200)) <= 200


def test_the_longest_text_gives_a_bounded_number_of_names():
    text = " ".join(f"and Name{'x' * (n % 7)}{n} too" for n in range(3_000))
    assert len(find_entities(text)) == MOST_FOUND
    assert find_entities("a" * MOST_READ + " and then Oslo") == []
    assert find_entities("/" * 30_000 + "@" * 30_000 + "A." * 30_000) is not None
