"""The question that a query asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.recall.question import MOST_TERMS, Question
from server.memory.text import hash_term, stem_words


def without(text, *common, **how):
    question = Question(text, **how)
    return question.remove_common_names([term in common for term in question.terms])


def test_the_shown_words_are_as_they_were_written_once_each():
    asked = Question("When did Ann's deployments fail? deployments!")
    assert asked.shown_words == ["ann", "deployments", "fail"]
    assert asked.terms == ["ann", "deploy", "fail"]


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("When is Priya's birthday?", [["priya"]]),
        ("does Ann Lee know Bob?", [["ann", "lee"], ["bob"]]),
        ("Priya has a birthday", []),  # the first word of a sentence may be any
        ("what did she see in Oregon, at the Grand Canyon?", []),
        ("is GRPC faster?", []),
        ("Wann hat der Vater von Anna die Torte?", []),  # each noun of German has a capital
        ("", []),
    ],
)
def test_peoples_names_are_the_capitalised_words_that_are_no_places(text, people):
    assert Question(text).list_people() == [[hash_term(term) for term in stem_words(each)] for each in people]


def test_only_names_that_the_workspace_has_are_known():
    question = Question("does Ann know Bob?")
    rarities = {"ann": 2.0, "know": 9.0, "bob": 9.0}
    known = question.list_known_people([rarities[term] for term in question.terms], 9.0)
    assert known == [hash_term("ann")]


def test_misspelt_words_are_corrected_in_a_text_and_names_are_not():
    question = Question("which chioce had Kristen?", corrections=(("chioce", "choice"), ("kristen", "kristin")))
    assert question.correct_words("which chioce had Kristen?") == "which choice had Kristen?"


def test_a_workspaces_stop_words_are_not_looked_for():
    assert Question("the Acme plan", extra_stop_words=("acme",)).shown_words == ["plan"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("When did Caroline go to Paris?", "When did  go to Paris?"),
        ("What is Caroline's dog called?", "What is  dog called?"),
        ("What is Caroline’s dog called?", "What is  dog called?"),  # noqa: RUF001 - the typographic apostrophe is meant
        ("does the caroline plan hold? Ask", "does the caroline plan hold? Ask"),
        ("when did caroline go?", "when did  go?"),
        ("Caroline", "Caroline"),
        ("Caroline?!", "Caroline?!"),
    ],
)
def test_a_name_that_many_memories_share_is_left_out_of_what_is_embedded(text, left):
    assert without(text, "carolin") == left


def test_a_rare_name_stays():
    assert without("When did Caroline go?") == "When did Caroline go?"


def test_only_so_many_words_of_a_long_message_are_looked_for():
    assert len(Question(" ".join(f"word{n}" for n in range(1000))).term_ids) == MOST_TERMS


@given(st.text(max_size=300), st.booleans())
def test_any_text_can_be_asked(text, many):
    question = Question(text)
    left = question.remove_common_names([many] * len(question.term_ids))
    assert len(left) <= len(text)
    assert any(map(str.isalnum, left)) == any(map(str.isalnum, text))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("When did Caroline move?", ["Caroline"]),
        ("Caroline moved. When did Bob's cat come?", ["Bob"]),
        ("Andrew?", []),
        ("what is the API of Zed's server", ["Zed"]),
        ('he said "Mark" twice', ["Mark"]),
        ("WHEN DO WE DEPLOY", []),
        ("Wann läuft die Sicherung der Datenbank?", []),
    ],
)
def test_a_name_is_a_capitalised_word_in_the_midst_of_a_sentence(text, names):
    question = Question(text)
    ids = {hash_term(term) for name in names for term in stem_words([name.lower()])}
    assert question.has_unknown_name([True] * len(question.term_ids)) is bool(names)
    assert not question.has_unknown_name([each not in ids for each in question.term_ids])


@pytest.mark.parametrize(
    ("text", "is_asked"),
    [
        ("What did you recommend for the logo?", True),
        ("which book had you suggested", True),
        ("your advice on tea", True),
        ("What tea do I like?", False),
        ("tell me about tea", False),
    ],
)
def test_a_question_asks_what_was_told_if_it_says_so(text, is_asked):
    assert Question(text).asks_what_was_told is is_asked
