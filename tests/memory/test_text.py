"""From text to terms: what people write and what they ask meet in the same terms."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.models import Memory
from server.memory.recall.gate import compute_threshold
from server.memory.recall.question import Question
from server.memory.text import (
    AVERAGE_TERMS,
    K1,
    OWN_WEIGHT,
    SHORT_TERMS,
    B,
    build_search_text,
    hash_term,
    split_words,
    stem_words,
    weigh_terms,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def memory(**fields):
    common = {"id": "x", "content": "", "type": "fact", "tags": [], "scope": "global", "created_at": NOW}
    rest = {"updated_at": NOW, "linkages": [], "relevance": 1.0, "access_count": 0, "consolidated": 0, "metadata": {}}
    return Memory(**common | rest | fields)


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("She deployed the servers", "deploying a server"),
        ("Navier-Stokes equations", "navier stokes"),
        ("Navier-Stokes equations", "Navier-Stokes"),
        ("edit src/app.py first", "app.py"),
        ("edit src/app.py first", "src/app.py"),
        ("node.js 22 and C++", "node.js"),
        ("Die Größe der Tür", "größe"),
        ("она живёт в Москве", "Москве"),
        ("我们选择了数据库", "数据库"),
        ("東京に行きました", "東京"),
        ("don't use eval", "eval don't"),
        ("user@example.com writes", "user@example.com"),
        ("v2.3.1 is out", "2.3.1"),
        ("Café Zoë", "Cafe\u0301"),
        ("Café Zoë", "zoe"),
        ("cafe zoe", "Café"),
        ("İstanbul ofisi", "istanbul"),
        ("Łódź", "lodz"),
        ("die Straße", "strasse"),
        ("Ｔｈｅ　ｄｅｐｌｏｙ　ｋｅｙ", "deploy"),  # noqa: RUF001 - full-width letters are meant
        ("שָׁלוֹם", "שלום"),
        ("مَرْحَبًا", "مرحبا"),
        ("ёлка", "елки"),
        ("उसने हिन्दी में लिखा", "हिन्दी"),
        ("l'équipe a choisi", "équipe"),
        ("commit 9f3c2ab1d0 broke it", "9f3c2ab"),
        ("commit 9f3c2ab broke it", "9f3c2ab1d0"),
        ("call getUserByEmailOrThrow", "user email"),
        ("call get_user_by_email", "getUserByEmail"),
        ("see PROJ-1482", "PROJ1482"),
        ("see PROJ1482", "PROJ-1482"),
        ("we run Node.js", "nodejs"),
        ("deployed 🐳", "🐳"),
    ],
)
def test_what_was_stored_is_found_by_what_is_asked(stored, asked):
    assert set(Question(asked).term_ids) & set(weigh_terms(build_search_text(memory(content=stored), []))[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("database", "garden"),
        ("数据库", "花园"),
        ("the cat", "the dog"),
        ("1.5", "15"),
        ("हिन्दी", "हमला"),
        ("deadbeef", "deadbea"),
        ("🐳", "🎉"),
    ],
)
def test_different_words_do_not_meet(one, other):
    assert not set(Question(one).term_ids) & set(weigh_terms(build_search_text(memory(content=other), []))[0])


def test_stop_words_count_only_where_there_is_nothing_else():
    assert split_words("what is the plan") == ["plan"]
    assert split_words("to be or not to be") == ["to", "be", "or", "not", "to", "be"]


def test_a_workspace_has_stop_words_of_its_own_and_a_language():
    assert split_words("the plan for Acme", extra_stop_words=["acme"]) == ["plan"]
    assert split_words("der Plan ist gut", "german") == ["plan", "gut"]
    assert stem_words(split_words("die Katzen", "german"), "german") == stem_words(["katze"], "german")
    assert split_words("the katt", "swedish") == ["the", "katt"]


def test_a_text_without_words_has_no_terms():
    for text in ("", "?!…", "   "):
        assert weigh_terms(build_search_text(memory(content=text), [])) == ([], [])
        assert Question(text).term_ids == []


def test_a_weight_is_the_published_formula():
    ids, values = weigh_terms(Counter({"heron": 2, "pond": 1}))
    length = K1 * (1 - B + B * 3 / AVERAGE_TERMS)
    expected = {"heron": 2 * (K1 + 1) / (2 + length), "pond": 1 * (K1 + 1) / (1 + length)}
    assert dict(zip(ids, values, strict=True)) == {
        hash_term(term): pytest.approx(weight) for term, weight in expected.items()
    }


def test_a_word_of_a_long_text_keeps_the_weight_that_an_answer_needs():
    long = build_search_text(memory(content="zanzibar " + " ".join(f"word{n % 900}" for n in range(4000))), [])
    ids, values = weigh_terms(long)
    assert values[ids.index(hash_term("zanzibar"))] > compute_threshold(1_000_000)


@given(st.text(max_size=400))
def test_any_text_has_distinct_terms_of_positive_weight(text):
    ids, values = weigh_terms(build_search_text(memory(content=text), [text]))
    assert len(set(ids)) == len(ids) == len(values)
    assert all(0 < weight < K1 + 1 for weight in values)
    assert all(0 <= each < 2**32 for each in ids)
    asked = Question(text)
    assert set(asked.term_ids) <= set(ids)
    assert all(0 < weight <= 1 for weight in asked.weights)


def test_a_memory_is_found_by_what_people_call_it_by():
    counts = build_search_text(
        memory(content="I quit.", author="Ann", entity="job", tags=["work"], project="heron", occurred_at=NOW), []
    )
    for word in ("quit", "ann", "job", "work", "heron", "21", "novemb", "2026"):
        assert counts[word] == OWN_WEIGHT


def test_a_short_memory_is_found_by_what_was_said_before_it_and_a_long_one_is_not():
    before = ["Shall we go to Lisbon?", "or Porto, Porto"]
    assert build_search_text(memory(content="Yes, in May"), before) == {
        "yes": OWN_WEIGHT,
        "may": OWN_WEIGHT,
        "shall": 1,
        "go": 1,
        "lisbon": 1,
        "porto": 2,
    }
    long = " ".join(f"word{n}" for n in range(SHORT_TERMS + 1))
    assert "lisbon" not in build_search_text(memory(content=long), before)
    assert build_search_text(memory(content="Yes"), [long]).total() == OWN_WEIGHT + SHORT_TERMS
