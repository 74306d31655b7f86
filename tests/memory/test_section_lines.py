"""The lines of a section that are entries of a list."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.memory.expiry import Expiry
from server.memory.notes.section_lines import append_entries, drop_entries, find_entries, split_end, split_subject

WORDS = st.text("abcdefghijklmnop ", min_size=1, max_size=30).map(str.strip).filter(bool)


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("- Tailwind\n- MySQL: too old", ["Tailwind", "MySQL: too old"]),
        ("# Skip\n\nThese are out:\n\n1. Tailwind\n2) MySQL\n   because it is old\n", ["Tailwind", "MySQL"]),
        ("* [ ] Tailwind\n+ MySQL\n* Tailwind", ["Tailwind", "MySQL"]),
        ("# Skip\nTailwind\n\nMySQL\n| a |\n> b", ["Tailwind", "MySQL"]),
        ("• Tailwind\n\u2013 MySQL\n◦ Redis\nand no more", ["Tailwind", "MySQL", "Redis"]),
        ("(3) Kafka\n☐ Rust\n・Go", ["Kafka", "Rust", "Go"]),
        ("> Out:\n> - Tailwind\n> 2. MySQL", ["Tailwind", "MySQL"]),
        (
            "| no | thing | why |\n|---|:--|---|\n| 1 | Tailwind | too large |\n| 2 | MySQL |  |",
            ["Tailwind: too large", "MySQL"],
        ),
        ("- Tailwind\n\n| thing |\n| --- |\n| MySQL |\n\n| no table |", ["Tailwind", "MySQL"]),
        ("- \n-\n*\n•\n🚫", []),
        ("(empty)", []),
        ("- none\n---", []),
        ("", []),
    ],
)
def test_entries_are_the_list_items_else_the_lines(text, entries):
    assert find_entries(text) == entries


@pytest.mark.parametrize(
    ("entry", "subject", "reason"),
    [
        ("Tailwind", "Tailwind", "no reason was given"),
        ("**Tailwind** — we like `CSS`", "Tailwind", "we like CSS"),
        ("Tailwind: it is too large", "Tailwind", "it is too large"),
        (
            "Don't suggest Tailwind because we like CSS, until May",
            "Don't suggest Tailwind",
            "because we like CSS, until May",
        ),
        ("the Lisbon trip (not before May)", "the Lisbon trip", "not before May"),
        ("[Tailwind](https://tailwindcss.com): too large", "Tailwind", "too large"),
        ("Tailwind\uff1a大きい", "Tailwind", "大きい"),
        ("Skip: Tailwind", "Skip: Tailwind", "no reason was given"),
        ("snake_case names", "snake_case names", "no reason was given"),
    ],
)
def test_an_entry_is_the_thing_and_the_reason(entry, subject, reason):
    assert split_subject(entry) == (subject, reason)


@settings(max_examples=50)
@given(st.lists(WORDS, max_size=5, unique=True), st.lists(WORDS, max_size=5, unique=True))
def test_lines_that_are_appended_are_found_and_can_be_dropped_again(written, others):
    text = "\n".join(f"- {each}" for each in written)
    shown = append_entries(text, others)
    assert set(find_entries(shown)) == {each for each in {*written, *others} if each != "none"}
    left = find_entries(drop_entries(shown, set(others)))
    assert left == [each for each in written if each not in others and each != "none"]


def test_a_row_of_a_table_is_dropped_with_its_entry():
    text = "| thing | why |\n|---|---|\n| Tailwind | too large |\n| MySQL | old |"
    assert drop_entries(text, {"MySQL: old"}) == text.removesuffix("\n| MySQL | old |")


@pytest.mark.parametrize(
    "end", ["(expires 2030-01-01)", "(until 2030-01-01)", "until 2030-01-01.", "(expires: 2030-01-01)"][:]
)
def test_a_date_at_the_end_of_an_entry_is_its_end(end):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert split_end(f"Tailwind: too large {end}", now) == (
        "Tailwind: too large",
        Expiry("2030-01-01", datetime(2030, 1, 1, tzinfo=UTC)),
    )
    assert split_end("Tailwind (until 2030-99-99)", now) == ("Tailwind (until 2030-99-99)", None)
    assert split_end("Tailwind (until it is removed)", now) == ("Tailwind (until it is removed)", None)
