"""Working memory as markdown, and which section a name means."""

from datetime import UTC, datetime

import pytest

from server.memory.notes.working import (
    SEEDS,
    Category,
    Item,
    Section,
    complete_sections,
    find_section_key,
    render_document,
    render_section,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EMPTY = """# Working Memory

---

## Active Work

(empty)

---

## Standing Decisions

(empty)

---

## Skip List

(empty)

---

## Activity Log

(empty)

---

## Session Notes

(empty)"""
ITEMS = """## Active Work

### Move to Postgres [db, ops]

The dump is on the old host.

**Next:** Restore it

### Name the boat *(paused)*

## Waiting For

### An answer from Bob *(completed)*

He said Monday.
"""


def item(title, category: Category = "active_work", **fields):
    given = {"content": "", "status": "active", "priority": 0, "tags": [], "next_action": None} | fields
    return Item(id=title, title=title, category=category, created_at=NOW, updated_at=NOW, last_touched=NOW, **given)


def section(name, content="", heading=None):
    return Section(name=name, heading=heading or name, content=content)


def test_a_section_is_headed_and_says_when_it_is_empty():
    assert render_section(section("plan", "1. Go", "Plan")) == "## Plan\n\n1. Go"
    assert render_section(section("plan")) == "## plan\n\n(empty)"


def test_a_document_that_nobody_wrote_has_the_five_sections():
    assert render_document(complete_sections([]), []) == EMPTY


def test_sections_of_ones_own_follow_those_that_are_always_there():
    written = [section("plan", "a"), section("session_notes", "b", "Session Notes"), section("alpha", "c")]
    names = [each.name for each in complete_sections(written)]
    assert names == [*SEEDS, "plan", "alpha"]
    assert [each.content for each in complete_sections(written)] == ["", "", "", "", "b", "a", "c"]


def test_items_are_grouped_by_category_in_the_contracts_order():
    items = [
        item("An answer from Bob", "waiting_for", content="He said Monday.", status="completed"),
        item("Move to Postgres", content="The dump is on the old host.", tags=["db", "ops"], next_action="Restore it"),
        item("Name the boat", status="paused"),
    ]
    assert render_document(complete_sections([]), items) == f"# Working Memory\n\n---\n\n{ITEMS}"


def test_every_category_has_a_heading_and_its_place():
    categories: list[Category] = ["session_note", "waiting_for", "skip_list", "standing_decision", "active_work"]
    text = render_document([], [item("x", category) for category in categories])
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "## Active Work",
        "## Standing Decisions",
        "## Skip List",
        "## Waiting For",
        "## Session Notes",
    ]


def test_a_title_of_several_lines_stays_a_heading():
    assert render_document([], [item("one\n# two")]) == "# Working Memory\n\n---\n\n## Active Work\n\n### one # two\n"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("active_work", "active_work"),
        ("Active Work", "active_work"),
        ("ACTIVE_WORK", "active_work"),
        ("session NOTES", "session_notes"),
        ("Release Plan", "release plan"),
        ("Straßen", "straßen"),
    ],
)
def test_a_section_goes_by_its_name_and_its_heading_in_any_case(name, key):
    assert find_section_key(name) == key
