"""The part of a long text that is answered: around the words, in whole sentences, and never longer than its room."""

from hypothesis import given, settings
from hypothesis import strategies as st

from server.memory.recall.excerpt import find_excerpt

LINES = [f"Line {n} is about nothing in particular." for n in range(400)]
ANY = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)

PARTS = st.one_of(ANY, st.sampled_from(["tea. ", "tea\n", "茶。", "x" * 500]))


def cut_excerpt(text, room, *terms):
    start, end = find_excerpt(text, room, set(terms))
    return text[start:end]


@settings(max_examples=200)
@given(
    st.lists(st.one_of(ANY, st.sampled_from(["tea. ", "tea\n", "茶。", "x" * 500])), max_size=8), st.integers(4, 400)
)
def test_an_excerpt_fits_and_has_the_word_if_the_text_has_it(parts, room):
    text = "".join(parts)
    part = cut_excerpt(text, room, "tea")
    assert len(part.encode()) <= room
    assert part in text
    assert part == part.strip()
    if text.strip() and len(text.encode()) <= room:
        assert part == text.strip()


@settings(max_examples=100)
@given(st.integers(0, len(LINES) - 1), st.integers(60, 2_000), st.sampled_from([" ", "\n"]))
def test_the_sentence_with_the_word_comes_whole_wherever_it_stands(place, room, separator):
    wanted = "The kettle leaks at the seam."
    text = separator.join([*LINES[:place], wanted, *LINES[place:]])
    part = cut_excerpt(text, room, "kettl")
    assert wanted in part
    assert len(part.encode()) <= room
    assert part[0] in "LT", "it begins with a sentence"
    assert part.endswith(".")
    assert len(part.encode()) > room - 2 * 60, "the room is used"


def test_the_word_stands_in_the_middle_of_the_part():
    text = " ".join([*LINES[:200], "The kettle leaks.", *LINES[200:]])
    before, _, after = cut_excerpt(text, 1_000, "kettl").partition("The kettle leaks.")
    assert abs(len(before) - len(after)) < 100


def test_the_part_with_more_of_the_words_and_the_rarer_ones_is_chosen():
    shop = [f"The shop has shelf {n}." for n in range(200)]
    both = "The kettle of the shop leaks."
    assert both in cut_excerpt(" ".join(["A kettle.", *LINES, *shop, *LINES, both, *LINES]), 200, "shop", "kettl")


def test_without_any_of_the_words_it_is_the_beginning():
    assert cut_excerpt(" ".join(LINES), 100, "kettl") == " ".join(LINES[:2])


def test_a_sentence_without_an_end_is_cut_between_words_and_a_word_without_an_end_within():
    text = "word " * 3_000 + "kettle " + "word " * 3_000
    part = cut_excerpt(text, 300, "kettl")
    assert "kettle" in part.split()
    assert set(part.split()) == {"word", "kettle"}
    assert len(cut_excerpt("é" * 9_000, 100)) == 48


def test_words_of_a_script_without_spaces_are_found():
    text = "会議は三日です。" * 300 + "猫が好きです。" + "会議は三日です。" * 300
    assert "猫が好きです。" in cut_excerpt(text, 200, "猫が")
