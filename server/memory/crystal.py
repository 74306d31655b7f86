"""The identity crystal: who the agent is, put together from its working memory and its memories.

Everything in it is quoted and nothing is made up. Texts that are too long are cut, and the whole stays below its bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from server.memory.models import Memory, to_iso
from server.memory.working import HEADINGS, Item, Section

CRYSTAL_BYTES = 256 * 1024
#: The number of memories that are quoted: the most relevant ones, and the newest of those that replaced others.
CORE, PATTERNS = 30, 10
# CORE + PATTERNS quotes and the working memory come to 252 KiB; the rest is for the headings between them.
_QUOTE_BYTES = 4 * 1024
_BLOCK_BYTES = 8 * 1024
_WORKING_MEMORY_BYTES = 92 * 1024


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
    mark = "…"
    whole = text.encode()
    if len(whole) <= size:
        return text
    return whole[: size - len(mark.encode())].decode(errors="ignore") + mark
