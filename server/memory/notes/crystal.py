"""The identity crystal: who the agent is, put together from its working memory and its memories.

Everything in it is quoted and nothing is made up. Texts that are too long are cut, and the whole stays below its bound.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from server.memory.models import Memory, to_iso
from server.memory.notes.working import HEADINGS, Item, Section, Status

CRYSTAL_BYTES = 256 * 1024
#: The number of memories that are quoted: the most relevant ones, and the newest of those that replaced others.
CORE, PATTERNS = 30, 10
# CORE + PATTERNS quotes and the working memory come to 252 KiB; the rest is for the headings between them.
_QUOTE_BYTES = 4 * 1024
_BLOCK_BYTES = 8 * 1024
_WORKING_MEMORY_BYTES = 92 * 1024
_CUT = "…"
_CUT_END = re.compile(rf"{_CUT}(?=\n\n|\Z)")
#: A quote that was cut to fewer characters than this is not found again.
_SHORTEST_CUT = 12


@dataclass(frozen=True, slots=True)
class Synthesis:
    """A crystal's text, and the number of sections, items and memories in it."""

    text: str
    source_count: int


@dataclass(slots=True)
class _Block:
    """The part of the working memory under one heading."""

    heading: str
    texts: list[str]
    sections: int = 0
    items: int = 0

    def text(self) -> str:
        return _shorten_text("\n\n".join([f"### {self.heading}", *self.texts]), _BLOCK_BYTES)


def synthesize_crystal(
    sections: Sequence[Section], items: Sequence[Item], top: Sequence[Memory], patterns: Sequence[Memory], now: datetime
) -> Synthesis:
    """Write a crystal from the sections that are not empty, the items, and the memories, the most relevant first.

    A memory that replaced others is quoted once, as a pattern. Empty parts are left out.
    """
    working_memory = _take_fitting(_make_blocks(sections, items))
    patterns = patterns[:PATTERNS]
    known = {memory.id for memory in patterns}
    core = [memory for memory in top if memory.id not in known][:CORE]
    parts = ["# Identity Crystal", f"Generated: {to_iso(now)}"]
    if working_memory:
        parts += ["## Working Memory", *(block.text() for block in working_memory)]
    if core:
        parts += ["---", f"## Core Memories (top {len(core)} by relevance)"]
        parts += [_quote_memory(memory, f" ({memory.type})") for memory in core]
    if patterns:
        parts += ["---", "## Consolidated Patterns", *(_quote_memory(memory, "") for memory in patterns)]
    counts = (
        sum(block.sections for block in working_memory),
        sum(block.items for block in working_memory),
        len(core),
        len(patterns),
    )
    parts += [
        "---",
        "Sources: {} working memory sections, {} working memory items, {} memories, {} consolidations".format(*counts),
    ]
    return Synthesis("\n\n".join(parts), sum(counts))


def _make_blocks(sections: Sequence[Section], items: Sequence[Item]) -> list[_Block]:
    """Return the working memory by heading: the text of the section, and below it the items that belong to it."""
    blocks: dict[str, _Block] = {}
    for section in sections:
        if section.content.strip():
            block = blocks.setdefault(section.heading, _Block(section.heading, []))
            block.texts.append(section.content.strip())
            block.sections += 1
    for item in items:
        heading = HEADINGS[item.category]
        block = blocks.setdefault(heading, _Block(heading, []))
        block.texts.append(_render_item(item))
        block.items += 1
    return list(blocks.values())


def get_item_beginning(item: Item) -> str:
    """Return the text that each crystal contains which quotes an item."""
    return _render_item(item)[:_SHORTEST_CUT]


def get_section_beginning(heading: str, content: str) -> str:
    """Return the text that each crystal contains which quotes a section."""
    return _make_heading(heading) + content.strip()[:_SHORTEST_CUT]


def drop_item(crystal: str, item: Item) -> str:
    """Return a crystal without its quote of an item, whole or cut, and with any status of the item."""
    statuses: tuple[Status, ...] = ("active", "paused")
    for status in statuses:
        quote = _render_item(item.model_copy(update={"status": status}))
        crystal = _replace_quote(crystal, "", quote, "")
    return crystal


def replace_section(crystal: str, heading: str, content: str, left: str) -> str:
    """Return a crystal with `left` in place of its quote of a section, whole or cut. `left` is not longer."""
    return _replace_quote(crystal, _make_heading(heading), content.strip(), _shorten_text(left.strip(), _BLOCK_BYTES))


def drop_section(crystal: str, heading: str) -> str:
    """Return a crystal without the part under the heading of a section, and without the heading.

    A heading under which items stand as well keeps its part.
    """
    if heading in HEADINGS.values():
        return crystal
    part = rf"\n\n### {re.escape(heading)}(?=\n|\Z).*?(?=\n\n#{{2,3}} |\n\n---|\Z)"
    return re.sub(part, "", crystal, flags=re.DOTALL)


def _make_heading(heading: str) -> str:
    return f"### {heading}\n\n"


def _replace_quote(crystal: str, lead: str, quote: str, left: str) -> str:
    """Replace each part of a crystal that is a quote, or the beginning of it before a cut. `lead` stands before it."""
    whole, new = f"\n\n{lead}{quote}", f"\n\n{lead}{left}".rstrip()
    crystal = re.sub(rf"{re.escape(whole)}(?=\n\n|\Z)", lambda _: new, crystal)
    for cut in reversed(list(_CUT_END.finditer(crystal))):
        start = crystal.rfind(f"\n\n{lead}{quote[:_SHORTEST_CUT]}", 0, cut.start())
        if start >= 0 and whole.startswith(crystal[start : cut.start()]):
            crystal = crystal[:start] + new + crystal[cut.end() :]
    return crystal


def _render_item(item: Item) -> str:
    status = "" if item.status == "active" else f" *({item.status})*"
    details = [item.content.strip(), item.next_action and f"Next: {item.next_action}"]
    return " — ".join([f"- **{' '.join(item.title.split())}**{status}", *filter(None, details)])


def _quote_memory(memory: Memory, kind: str) -> str:
    tags = f" [{', '.join(memory.tags)}]" if memory.tags else ""
    return _shorten_text(f"**{memory.id}**{kind}{tags}\n{memory.content}", _QUOTE_BYTES)


def _take_fitting(blocks: Sequence[_Block]) -> list[_Block]:
    """Return the first blocks that fit into the room for working memory."""
    fitting: list[_Block] = []
    size = 0
    for block in blocks:
        size += len(block.text().encode()) + 2
        if size > _WORKING_MEMORY_BYTES:
            break
        fitting.append(block)
    return fitting


def _shorten_text(text: str, size: int) -> str:
    """Return the text in at most `size` bytes of UTF-8, in whole characters; an ellipsis marks a cut."""
    whole = text.encode()
    if len(whole) <= size:
        return text
    return whole[: size - len(_CUT.encode())].decode(errors="ignore") + _CUT
