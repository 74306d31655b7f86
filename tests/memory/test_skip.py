"""The skip list: which texts an entry has to do with."""

from datetime import UTC, datetime

import pytest

from server.memory.notes.skip import SkipEntry, covers_text, find_matches, find_telling_terms

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def entry(item):
    return SkipEntry(item, item, "because", "2099-01-01", None, NOW)


def matched(message, *items):
    return [each.item for each in find_matches([entry(item) for item in items], message)]


@pytest.mark.parametrize(
    "message", ["a", "to", "a to the", "", "…", "because", "What do you want me to do?", "I am off to it"]
)
@pytest.mark.parametrize("item", ["a trip to Lisbon", "a", "to", "to do it", "the plan", "because"])
def test_common_words_trigger_nothing(message, item):
    assert matched(message, item) == []
    assert not covers_text(entry(item), message)


@pytest.mark.parametrize(
    ("message", "item"),
    [
        ("Could I have a coffee?", "coffee"),
        ("two COFFEES, please", "Coffee"),
        ("should we use Tailwind here?", "Suggesting Tailwind for the frontend"),
        ("budget", "don't mention the budget meeting with Bob"),
        ("Let us deploy it on Friday", "deploy on Fridays to production"),
        ("how far is Navier-Stokes?", "Navier-Stokes"),
        ("is node.js fine?", "Node.js"),
        ("wir gehen über die Straße", "Straße"),
        ("昨日東京タワーに行った", "東京タワー"),
    ],
)
def test_whole_words_and_their_stems_trigger_an_entry(message, item):
    assert matched(message, item) == [item]


@pytest.mark.parametrize(
    ("message", "item"),
    [
        ("a catalogue of birds", "cat"),
        ("the cat", "catalogue"),
        ("party tonight", "art"),
        ("suggest a name for the dog", "suggest Tailwind"),
        ("how is Bob's sister?", "mention the budget meeting with Bob"),
        ("deploy the docs", "deploy on Fridays to production"),
    ],
)
def test_parts_of_words_and_a_word_in_passing_trigger_nothing(message, item):
    assert matched(message, item) == []


def test_the_entry_that_fits_best_comes_first_and_others_keep_their_order():
    items = ["coffee machine for Lisbon", "tea", "coffee machine", "machine coffee"]
    assert matched("the coffee machine", *items) == ["coffee machine", "machine coffee", "coffee machine for Lisbon"]


def test_an_empty_list_speaks_against_nothing():
    assert find_matches([], "coffee") == []


@pytest.mark.parametrize(
    ("content", "speaks"),
    [
        ("We looked at Tailwind for the frontends of both shops", True),
        ("tailwind, frontend", True),
        ("We looked at Tailwind", False),
        ("The frontend is slow", False),
        ("", False),
    ],
)
def test_an_entry_speaks_against_a_text_that_has_all_it_is_about(content, speaks):
    assert covers_text(entry("Suggesting Tailwind for the frontend"), content) is speaks


def test_what_an_entry_is_about_leaves_out_stop_words_and_words_like_suggest():
    assert find_telling_terms("Never suggest using the Tailwind classes again") == {"tailwind", "class"}
    assert find_telling_terms("don't talk about it") == frozenset()
