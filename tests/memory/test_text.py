"""From text to terms: what people write and what they ask meet in the same terms."""

from datetime import UTC, datetime

import mmh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.models import Memory
from server.memory.text import AVERAGE_TERMS, K1, B, document_weights, key_text, query_terms, query_weights, terms

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
    ],
)
def test_what_was_stored_is_found_by_what_is_asked(stored, asked):
    assert set(query_weights(asked)[0]) & set(document_weights(stored)[0])


@pytest.mark.parametrize(("one", "other"), [("database", "garden"), ("数据库", "花园"), ("the cat", "the dog")])
def test_different_words_do_not_meet(one, other):
    assert not set(query_weights(one)[0]) & set(document_weights(other)[0])


def test_stop_words_count_only_where_there_is_nothing_else():
    assert terms("what is the plan") == ["plan"]
    assert terms("to be or not to be") == ["to", "be", "or", "not", "to", "be"]


def test_the_shown_terms_are_words_as_they_were_written_once_each():
    assert query_terms("When did Ann's deployments fail? deployments!") == ["ann's", "ann", "s", "deployments", "fail"]


def test_a_text_without_words_has_no_terms():
    for text in ("", "?!…", "   ", "🎉🎉"):
        assert document_weights(text) == ([], [])
        assert query_weights(text) == ([], [])


def test_a_documents_weight_is_the_published_formula():
    ids, weights = document_weights("heron heron pond")
    length = K1 * (1 - B + B * 3 / AVERAGE_TERMS)
    expected = {"heron": 2 * (K1 + 1) / (2 + length), "pond": 1 * (K1 + 1) / (1 + length)}
    assert dict(zip(ids, weights, strict=True)) == {
        mmh3.hash(term, signed=False): pytest.approx(weight) for term, weight in expected.items()
    }


@given(st.text(max_size=400))
def test_any_text_has_distinct_terms_of_positive_weight(text):
    ids, weights = document_weights(text)
    assert len(set(ids)) == len(ids) == len(weights)
    assert all(0 < weight < K1 + 1 for weight in weights)
    assert all(0 <= each < 2**32 for each in ids)
    assert set(query_weights(text)[0]) == set(ids)


def test_a_memory_is_found_by_what_people_call_it_by():
    text = key_text(
        memory(content="I quit.", author="Ann", entity="job", tags=["work"], project="heron", occurred_at=NOW)
    )
    for word in ("quit", "Ann", "job", "work", "heron", "21 November 2026"):
        assert word in text
