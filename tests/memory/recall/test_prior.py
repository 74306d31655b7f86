"""What a memory says by itself: how much of it asks, and whether somebody speaks of themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.recall.prior import compute_question_share
from server.memory.speaker import is_first_person


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("Where have you been?", 1.0),
        ("I was in Rome. Where have you been?", 0.5),
        ("Rome", 0.0),
        ("", 0.0),
        ("...?!", 0.0),
        ('She asked "where?" and left.', 0.0),
        ("备份什么时候跑？每天三点。", 7 / 11),  # noqa: RUF001 - full-width signs are meant
        ("هل نجح؟ نعم", 2 / 3),
        ("It is 3.5 metres. Is it?", 2 / 7),
    ],
)
def test_the_share_of_a_text_that_asks_counts_words_of_sentences_that_end_in_a_question_mark(text, share):
    assert compute_question_share(text) == pytest.approx(share)


@pytest.mark.parametrize(
    "text", ["I moved", "it's my car", "We deploy on Tuesdays", "wir nutzen uv", "j'ai un chat", "我在北京"]
)
def test_somebody_speaks_of_themselves(text):
    assert is_first_person(text)


@pytest.mark.parametrize("text", ["", "The owner moved", "mining", "Weather in Ohio", "iPhone", "die Firma"])
def test_nobody_speaks_of_themselves(text):
    assert not is_first_person(text)


@given(st.text())
def test_the_share_is_a_share_of_any_text(text):
    assert 0.0 <= compute_question_share(text) <= 1.0
