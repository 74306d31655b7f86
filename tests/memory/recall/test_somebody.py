"""A text that tells of somebody by name is told apart from one that calls somebody, or has no name."""

import pytest

from server.memory.recall.somebody import tells_of_somebody


@pytest.mark.parametrize(
    "text",
    [
        "Ben's birthday is on 14 March.",
        "Lukas is on parental leave until the end of January; Ines stands in for him.",
        "It was late. Mara wants short answers.",
        "Theo’s desk is by the window.",  # noqa: RUF001 - the typographic apostrophe is meant
    ],
)
def test_a_sentence_that_begins_with_a_name_tells_of_somebody(text):
    assert tells_of_somebody(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I was in Oslo last week.",
        "Thanks, Ben! Let's meet on Friday.",
        "Ben, that is great.",
        "The harbour is quiet.",
        "It is late. Everyone was there. Running is fun.",
        "the port is 80",
    ],
)
def test_a_call_or_a_text_without_a_name_tells_of_nobody(text):
    assert not tells_of_somebody(text)
