"""Typing errors, and words that only look like one."""

import pytest

from server.memory.words.spelling import find_meant_word, may_be_misspelt

KNOWN = ["choice", "billing", "postgres", "stages", "scored", "deployment", "departments", "reading", "ledger", "trail"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("chioce", "choice"),
        ("biling", "billing"),
        ("postgress", "postgres"),
        ("deploymant", "deployment"),
        ("ledgr", "ledger"),
    ],
)
def test_a_word_with_a_typing_error_is_the_word_that_was_meant(typed, meant):
    assert may_be_misspelt(typed)
    assert find_meant_word(typed, KNOWN) == meant


@pytest.mark.parametrize("other", ["stores", "scared", "heading", "choir", "willing", "metallurgy", "trial"])
def test_another_word_is_none(other):
    known = [word for word in KNOWN if word[0] == other[0]]
    assert not may_be_misspelt(other) or find_meant_word(other, known) is None


def test_if_several_words_are_as_near_none_is_taken():
    assert find_meant_word("tables", ["tabless", "taables"]) is None


@pytest.mark.parametrize("text", ["bill", "proj1482", "备份什么时候跑", "don't", "b" * 60])
def test_short_words_identifiers_and_other_scripts_are_not_corrected(text):
    assert not may_be_misspelt(text)
