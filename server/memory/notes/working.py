"""Working memory: the scratchpad of an agent, as sections of markdown and as structured items.

Every workspace has five sections from the start. They are not stored before they are written, and read as empty.
"""

from collections.abc import Sequence
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from server.memory.models import Timestamp

Category = Literal["active_work", "standing_decision", "skip_list", "waiting_for", "session_note"]
Status = Literal["active", "paused", "completed", "archived"]

#: The names of the sections that are always there, and their headings.
SEEDS = {
    "active_work": "Active Work",
    "standing_decisions": "Standing Decisions",
    "skip_list": "Skip List",
    "activity_log": "Activity Log",
    "session_notes": "Session Notes",
}
#: The headings of items, by their category.
HEADINGS: dict[Category, str] = {
    "active_work": "Active Work",
    "standing_decision": "Standing Decisions",
    "skip_list": "Skip List",
    "waiting_for": "Waiting For",
    "session_note": "Session Notes",
}
CATEGORIES: tuple[Category, ...] = get_args(Category)
_BETWEEN = "\n\n---\n\n"


class Section(BaseModel):
    """A section of working memory."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Its name, in lower case.")
    heading: str = Field(description="Its heading in the document.")
    content: str = Field(description="Its markdown; empty if nothing was written yet.")
    updated_at: Timestamp | None = Field(default=None, description="When it was last written.")


class Item(BaseModel):
    """An entry of working memory."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="The item's id.")
    category: Category = Field(description="The kind of entry.")
    title: str = Field(description="The subject, in a line.")
    content: str = Field(description="The details, as markdown; may be empty.")
    status: Status = Field(description="active, paused, completed or archived.")
    priority: int = Field(description="0 to 10; the highest comes first.")
    tags: list[str] = Field(description="Its tags, in the order given.")
    next_action: str | None = Field(default=None, description="What is to be done next.")
    created_at: Timestamp = Field(description="When it was made.")
    updated_at: Timestamp = Field(description="When it last changed.")
    last_touched: Timestamp = Field(description="The same, under the name that Memento's clients read.")


class ListedItem(Item):
    """An item in a list that may have items of several workspaces."""

    workspace: str | None = Field(
        default=None,
        exclude_if=lambda name: name is None,
        description="Its workspace; absent if it is the one of the call.",
    )


def find_section_key(name: str) -> str:
    """Return the key of the section with this key or heading, in any case."""
    lowered = name.lower()
    by_heading = {heading.lower(): key for key, heading in SEEDS.items()}
    return by_heading.get(lowered, lowered)


def complete_sections(written: Sequence[Section]) -> list[Section]:
    """Return the document's sections in order: those that are always there, then the others as they were made."""
    by_name = {section.name: section for section in written}
    first = [by_name.get(name, Section(name=name, heading=heading, content="")) for name, heading in SEEDS.items()]
    return first + [section for section in written if section.name not in SEEDS]


def render_section(section: Section) -> str:
    """Return a section as markdown."""
    return f"## {section.heading}\n\n{section.content or '(empty)'}"


def render_document(sections: Sequence[Section], items: Sequence[Item]) -> str:
    """Return the document as Memento's clients show it: the items if there are any, else the sections."""
    parts = [_render_items(items)] if items else list(map(render_section, sections))
    return _BETWEEN.join(["# Working Memory", *parts])


def render_notes(sections: Sequence[Section], items: Sequence[Item]) -> str:
    """Return all that stands in the document, for a model: the sections that were written, and the items."""
    parts = [render_section(each) for each in sections if each.content]
    parts += [_render_items(items)] if items else []
    return "\n\n".join(parts) or "There are no notes yet."


def _render_items(items: Sequence[Item]) -> str:
    lines: list[str] = []
    for category in CATEGORIES:
        if entries := [item for item in items if item.category == category]:
            lines.append(f"## {HEADINGS[category]}\n")
            for item in entries:
                lines += _render_item(item)
    return "\n".join(lines)


def _render_item(item: Item) -> list[str]:
    status = "" if item.status == "active" else f" *({item.status})*"
    tags = f" [{', '.join(item.tags)}]" if item.tags else ""
    title = " ".join(item.title.split())
    details = [text for text in (item.content, item.next_action and f"**Next:** {item.next_action}") if text]
    return [f"### {title}{status}{tags}", *(f"\n{text}" for text in details), ""]
