"""Which texts with nearly the same words say the same, and which are two records."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.memory.recall.doubles import are_doubles, read_particulars
from server.memory.recall.packing import Duplicates

# Long enough that a record that differs in every field still shares nine tenths of its words.
FILLER = (
    "this line is written by the nightly job of the operations team and is kept for the audit of the whole year so "
    "that anybody who is on call can look up what was done in which order by whom and with what result for every "
    "machine that we run in any of the rooms of the old building near the river as well as in the new one behind the "
    "station which was opened later and has more room and better cooling than all others together could offer to us"
)
DIGITS = st.integers(0, 9999).map(str)
NAMES = st.from_regex(r"[A-Z][a-z]{3,8}", fullmatch=True)
FIELDS = {
    "on {}": st.dates().map(str),
    "of {}": st.sampled_from(["3 May 2026", "4 May 2026", "third of june", "fourth of june", "monday", "tuesday"]),
    "took {} minutes": st.one_of(DIGITS, st.sampled_from(["seven", "eleven", "twenty"])),
    "host {}": st.from_regex(r"[a-z]{2,5}-[a-z]{2,5}", fullmatch=True),
    "rack {}": st.from_regex(r"[A-H][0-9]?", fullmatch=True),
    "at {}": st.ip_addresses(v=4).map(str),
    "street {}": NAMES,
    "version {}": st.from_regex(r"v?[0-9]\.[0-9]{1,2}(rc[0-9])?", fullmatch=True),
    "paid {}": st.from_regex(r"[$€<>~-]?[1-9][0-9]?%?", fullmatch=True),
    "state: {}": st.sampled_from(["healthy", "broken", "unknown"]),
    'said "{}"': st.sampled_from(["fine", "wait"]),
    "ended {}": st.sampled_from(["✅", "❌", "😀"]),
    "did {} pass": st.sampled_from(["not", "barely"]),
    "asked by {}": st.sampled_from(["alice", "bob", "carol", "zoë", "river", "audit"]),
}


@st.composite
def records(draw):
    """A few distinct records of one pattern."""
    fields = draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=3, unique=True))
    rows = draw(st.lists(st.tuples(*(FIELDS[field] for field in fields)), min_size=2, max_size=5, unique=True))
    parts = [", ".join(field.format(value) for field, value in zip(fields, row, strict=True)) for row in rows]
    return [f"{FILLER}: {part}." for part in dict.fromkeys(parts)]


def list_hidden(texts):
    seen = Duplicates()
    return [text for place, text in enumerate(texts) if seen.find_earlier(str(place), text) is not None]


@settings(max_examples=60)  # the first texts compile their patterns
@given(records())
def test_no_record_is_hidden_by_another_of_the_same_pattern(texts):
    assert list_hidden(texts) == []


@settings(max_examples=40)
@given(
    records(), st.sampled_from([str.upper, str.title, lambda text: text.replace(" ", "\n "), lambda text: f"{text}!"])
)
def test_the_same_record_written_otherwise_is_hidden(texts, rewrite):
    assert list_hidden([texts[0], rewrite(texts[0])]) == [rewrite(texts[0])]


#: Words in small letters that may be names, and words that join them.
WORDS = "x y a alice bob carol river audit beat depends on before after blocks calls to from by of in he him owns"
PLAIN = st.sampled_from(WORDS.split())


@settings(max_examples=150)
@given(st.lists(PLAIN, min_size=2, max_size=7).flatmap(lambda words: st.tuples(st.just(words), st.permutations(words))))
def test_the_same_words_in_another_order_are_another_record(orders):
    one, other = orders
    texts = [" ".join(one), " ".join(other)]
    assert list_hidden(texts) == ([] if one != other else [texts[1]])
    assert list_hidden([f"{FILLER} {text}" for text in texts]) == ([] if one != other else [f"{FILLER} {texts[1]}"])


ADDED = st.sampled_from(["really", "just", "the", "very"])


@settings(max_examples=60)
@given(st.lists(PLAIN, min_size=2, max_size=7), ADDED, st.data())
def test_a_word_that_only_fills_makes_no_other_record_wherever_it_stands(words, filler, data):
    at, elsewhere = (data.draw(st.integers(0, len(words))) for _ in range(2))
    texts = [f"{FILLER} {' '.join([*words[:place], filler, *words[place:]])}" for place in (at, elsewhere)]
    assert list_hidden([f"{FILLER} {' '.join(words)}", *texts]) == texts


NIGHTS = "Nightly backup of {}: 214 GB in {} minutes, no table was skipped and the copy was checked against the source"


def test_reports_of_four_nights_are_four_records():
    days = {"2026-05-0" + str(day): 41 + day for day in range(1, 5)}
    assert list_hidden([NIGHTS.format(day, minutes) for day, minutes in days.items()]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("host 4 stands in rack 7", "host 7 stands in rack 4"),
        ("pay 1 1 2", "pay 1 2 2"),
        ("it may go out", "it may not go out"),
        ("it doesn't work", "it does work"),
        ("cold: -5 degrees", "cold: 5 degrees"),
        ("it costs $5", "it costs €5"),
        ("会議は三日 です", "会議は四日 です"),
        ("we met Zoë there", "we met Jan there"),
        ("run `alpha` now", "run `beta` now"),
        ("the deploy is in room B", "the deploy is in room C"),
        ("the deploy is in room A", "the deploy is in room C"),
        ("alice has the key", "bob has the key"),
        ("the key is with the river crew", "the key is with the audit crew"),
        ("alice beat bob", "bob beat alice"),
        ("alice was beaten by bob", "alice has beaten bob"),
        ("the train goes to berlin", "the train goes from berlin"),
        ("he owes her", "she owes him"),
        ("alice, not bob, pays", "not alice, bob pays"),
        ("the spares are in rack a", "the spares are in rack b"),
        ("we need more disks", "we need disks"),
        ("we need more disks", "we need less disks"),
        ("the light is on", "the light is off"),
        ("tea with milk", "tea without milk"),
        ("it only fails at night", "it fails at night"),
        ("we can deploy at night", "we must deploy at night"),
    ],
)
def test_other_particulars_make_another_record(one, other):
    assert list_hidden([f"{FILLER} {one}", f"{FILLER} {other}"]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Deploys go out after the standup.", "deploys go out after the standup"),
        ("we deploy on Tuesdays", "we DEPLOY on tuesdays"),
        ("The shop is quick", "the shop is really quick"),
        ("the shop was deployed", "the shop deploys"),
        ("see (rack B7)", "see rack B7"),
        ("alice really beat bob", "alice beat bob"),
        ("a dog bit the cat", "the dog bit the cat"),
        ("ask the crew, then deploy", "ask the crew then deploy."),
    ],
)
def test_other_wording_and_punctuation_make_no_other_record(one, other):
    assert are_doubles(read_particulars(one), read_particulars(other))
    assert list_hidden([f"{FILLER} {one}", f"{FILLER} {other}"]) == [f"{FILLER} {other}"]


def test_other_punctuation_makes_no_other_record_of_a_short_text():
    assert list_hidden(["Tea is at five.", "tea is at five", '"Tea is at five"!']) == [
        "tea is at five",
        '"Tea is at five"!',
    ]


def test_another_word_is_another_wording_in_texts_of_no_common_pattern():
    assert are_doubles(read_particulars("the shop is quick"), read_particulars("the shop is fast"))


def test_the_same_words_of_another_time_are_another_record():
    seen = Duplicates()
    days = [datetime(2026, 5, day, tzinfo=UTC) for day in (1, 2, 1)]
    assert [seen.find_earlier(str(n), "Deployed the shop", day) for n, day in enumerate(days)] == [None, None, "0"]
