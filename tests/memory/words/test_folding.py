"""One spelling for what looks the same, and the places of what was written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.recall.question import Question
from server.memory.text import find_terms, split_words, stem_words
from server.memory.words.folding import compose, compose_with_places, fold

#: Letters of many scripts with marks that combine, come apart, or are one with their letter.
_LETTERS = "aéÅñŁøİıßſﬁΑάςйёІїשבאَعكहिनीกำทीทมீ가각ｶﾞＡ①½Ⅷ日本🐳'.-_ 7"  # noqa: RUF001 - meant
_MARKS = "\u0301\u0308\u0327\u05b8\u05c1\u064e\u0651\u094d\u0e35\u1161\u11a8\u3099\u200d\ufe0f\xad"
TEXTS = st.one_of(st.text(st.sampled_from(_LETTERS + _MARKS), max_size=30), st.text(max_size=60))


@given(TEXTS, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_texts_that_unicode_calls_equivalent_are_asked_and_found_by_the_same_terms(text, form):
    other = unicodedata.normalize(form, text)
    assert Question(other).terms == Question(text).terms
    assert stem_words(split_words(other)) == stem_words(split_words(text))


@given(TEXTS)
def test_what_is_folded_stays_as_it_is(text):
    folded = fold(compose(text))
    assert fold(compose(folded)) == folded
    assert compose(compose(text)) == compose(text)


@given(TEXTS)
def test_each_character_comes_from_a_place_of_the_text_in_order(text):
    composed, places = compose_with_places(text)
    assert composed == compose(text)
    if places is not None:
        assert len(places) == len(composed)
        assert places == sorted(places)
        assert all(0 <= place < len(text) for place in places)


@pytest.mark.parametrize(
    ("text", "asked", "part"),
    [
        ("①②③ ½ Ⅷ Cafe\u0301 Zoe\u0308 leaks", "zoe", "Zoe\u0308"),
        ("ﬁﬁﬁ the ｄｅｐｌｏｙ key", "deploy", "ｄｅｐｌｏｙ"),  # noqa: RUF001 - full-width letters are meant
        ("שָׁלוֹם, גִּיבּוּי", "גיבוי", "גִּיבּוּי"),
        ("ｶﾞｲﾄﾞ を読む", "読む", "読む"),
        ("see getUserByEmail", "email", "Email"),
        ("ﷺ kettle", "kettle", "kettle"),
    ],
)
def test_a_word_is_found_at_its_place_in_the_text_as_it_was_written(text, asked, part):
    found = find_terms(text, Question(asked).terms)
    assert found
    assert all(text[place:].startswith(part) for place, _ in found)
