"""Putting an identity crystal together: what is quoted, in what order, and that it stays below its bound."""

from datetime import UTC, datetime

from server.memory.models import Memory
from server.memory.notes.crystal import CORE, CRYSTAL_BYTES, PATTERNS, synthesize_crystal
from server.memory.notes.working import Category, Item, Section

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WHOLE = """# Identity Crystal

Generated: 2026-11-21T12:00:00.000Z

## Working Memory

### Active Work

Moving house

- **Pack *the* books** *(paused)* — Two shelves are done — Next: Buy boxes

### Plan

Before winter

### Waiting For

- **A van**

---

## Core Memories (top 2 by relevance)

**m1** (fact) [a, b]
The heron nests at the pond

**m2** (decision)
Tea

---

## Consolidated Patterns

**p1** [a]
Herons come back

---

Sources: 2 working memory sections, 2 working memory items, 2 memories, 1 consolidations"""


def memory(name, content="x", **fields):
    given = {
        "type": "fact",
        "tags": [],
        "scope": "global",
        "linkages": [],
        "relevance": 1.0,
        "access_count": 0,
    } | fields
    return Memory(id=name, content=content, created_at=NOW, updated_at=NOW, consolidated=0, metadata={}, **given)


def item(title, category: Category = "active_work", **fields):
    given = {"content": "", "status": "active", "priority": 0, "tags": [], "next_action": None} | fields
    return Item(id=title, title=title, category=category, created_at=NOW, updated_at=NOW, last_touched=NOW, **given)


def section(heading, content):
    return Section(name=heading.lower(), heading=heading, content=content)


def test_a_crystal_has_sections_items_memories_and_consolidations_in_the_contracts_form():
    sections = [section("Active Work", "Moving house\n"), section("Skip List", " \n"), section("Plan", "Before winter")]
    items = [
        item("Pack *the*\nbooks", status="paused", content="Two shelves are done", next_action="Buy boxes"),
        item("A van", "waiting_for"),
    ]
    pattern = memory("p1", "Herons come back", tags=["a"])
    top = [pattern, memory("m1", "The heron nests at the pond", tags=["a", "b"]), memory("m2", "Tea", type="decision")]
    made = synthesize_crystal(sections, items, top, [pattern], NOW)
    assert made.text == WHOLE
    assert made.source_count == 7


def test_a_crystal_of_nothing_says_that_it_has_no_sources():
    made = synthesize_crystal([section("Active Work", "")], [], [], [], NOW)
    assert made.source_count == 0
    assert made.text == (
        "# Identity Crystal\n\nGenerated: 2026-11-21T12:00:00.000Z\n\n---\n\n"
        "Sources: 0 working memory sections, 0 working memory items, 0 memories, 0 consolidations"
    )


def test_a_crystal_quotes_no_more_memories_than_it_says():
    made = synthesize_crystal([], [], [memory(f"m{n}") for n in range(50)], [memory(f"p{n}") for n in range(20)], NOW)
    assert made.source_count == CORE + PATTERNS
    assert f"## Core Memories (top {CORE} by relevance)" in made.text
    assert "**m29** (fact)" in made.text
    assert "**m30**" not in made.text
    assert "**p10**" not in made.text


def test_a_crystal_of_the_largest_of_everything_is_cut_and_stays_below_its_bound():
    huge = "🜂" * 8192
    tags = ["é" * 100] * 50
    made = synthesize_crystal(
        [section(f"{n} " + "語" * 90, huge) for n in range(100)],
        [item("t" * 500, content=huge, next_action="n" * 2000) for _ in range(50)],
        [memory(f"m{n}", huge, tags=tags, type="é" * 100) for n in range(CORE)],
        [memory(f"p{n}", huge, tags=tags) for n in range(PATTERNS)],
        NOW,
    )
    assert CRYSTAL_BYTES * 3 // 4 < len(made.text.encode()) <= CRYSTAL_BYTES
    assert "…" in made.text
    assert "\ufffd" not in made.text
    sections = made.text.count("\n### ")
    assert f"Sources: {sections} working memory sections, 0 working memory items, 30 memories" in made.text
