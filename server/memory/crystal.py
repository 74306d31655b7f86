"""The identity crystal: who the agent is, put together from what is on its desk and what it remembers.

Everything in it is quoted, nothing is made up; what is too long is cut, and the whole stays below its bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from server.memory.models import Memory, to_iso
from server.memory.working import HEADINGS, Item, Section

CRYSTAL_BYTES = 256 * 1024
#: How many memories are quoted, by relevance, and how many that others were consolidated into, the newest.
CORE, PATTERNS = 30, 10
# CORE + PATTERNS quotes and the desk come to 252 KiB; the rest is for the headings between them.
_QUOTE_BYTES = 4 * 1024
_BLOCK_BYTES = 8 * 1024
_DESK_BYTES = 92 * 1024


@dataclass(frozen=True, slots=True)
class Synthesis:
    """A crystal's text, and of how many sections, items and memories it was made."""

    text: str
    source_count: int


@dataclass(slots=True)
class _Block:
    """What stands under one heading of the desk."""

    heading: str
    texts: list[str]
    sections: int = 0
    items: int = 0

    def text(self) -> str:
        return _cut("\n\n".join([f"### {self.heading}", *self.texts]), _BLOCK_BYTES)


def synthesize(
    sections: Sequence[Section], items: Sequence[Item], top: Sequence[Memory], patterns: Sequence[Memory], now: datetime
) -> Synthesis:
    """A crystal of the sections that say something, the items, and memories, the most relevant first.

    A memory that others were consolidated into is quoted once, as a pattern. Parts with nothing in them are left out.
    """
    desk = _fitting(_blocks(sections, items))
    patterns = patterns[:PATTERNS]
    known = {memory.id for memory in patterns}
    core = [memory for memory in top if memory.id not in known][:CORE]
    parts = ["# Identity Crystal", f"Generated: {to_iso(now)}"]
    if desk:
        parts += ["## Working Memory", *(block.text() for block in desk)]
    if core:
        parts += ["---", f"## Core Memories (top {len(core)} by relevance)"]
        parts += [_quoted(memory, f" ({memory.type})") for memory in core]
    if patterns:
        parts += ["---", "## Consolidated Patterns", *(_quoted(memory, "") for memory in patterns)]
    counts = (sum(block.sections for block in desk), sum(block.items for block in desk), len(core), len(patterns))
    parts += [
        "---",
        "Sources: {} working memory sections, {} working memory items, {} memories, {} consolidations".format(*counts),
    ]
    return Synthesis("\n\n".join(parts), sum(counts))


def _blocks(sections: Sequence[Section], items: Sequence[Item]) -> list[_Block]:
    """The desk by heading: a section's text, and below it the items that belong to it."""
    blocks: dict[str, _Block] = {}
    for section in sections:
        if section.content.strip():
            block = blocks.setdefault(section.heading, _Block(section.heading, []))
            block.texts.append(section.content.strip())
            block.sections += 1
    for item in items:
        heading = HEADINGS[item.category]
        block = blocks.setdefault(heading, _Block(heading, []))
        block.texts.append(_listed(item))
        block.items += 1
    return list(blocks.values())


def _listed(item: Item) -> str:
    status = "" if item.status == "active" else f" *({item.status})*"
    details = [item.content.strip(), item.next_action and f"Next: {item.next_action}"]
    return " — ".join([f"- **{' '.join(item.title.split())}**{status}", *filter(None, details)])


def _quoted(memory: Memory, kind: str) -> str:
    tags = f" [{', '.join(memory.tags)}]" if memory.tags else ""
    return _cut(f"**{memory.id}**{kind}{tags}\n{memory.content}", _QUOTE_BYTES)


def _fitting(blocks: Sequence[_Block]) -> list[_Block]:
    """The first blocks that the desk has room for."""
    fitting: list[_Block] = []
    size = 0
    for block in blocks:
        size += len(block.text().encode()) + 2
        if size > _DESK_BYTES:
            break
        fitting.append(block)
    return fitting


def _cut(text: str, size: int) -> str:
    """The text in at most `size` bytes of UTF-8, whole characters; the mark says where it was cut."""
    mark = "…"
    whole = text.encode()
    if len(whole) <= size:
        return text
    return whole[: size - len(mark.encode())].decode(errors="ignore") + mark
