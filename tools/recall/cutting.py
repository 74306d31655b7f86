"""Memories that are too long for an answer: the part of each that fits, around the words of the question."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from server.memory.recall.excerpt import find_excerpt
from server.memory.recall.question import Question
from tools.recall.model import Cut, Match


async def cut_matches(matches: Sequence[Match], rooms: Sequence[int | None]) -> list[Match]:
    """Cut each match to its room in bytes; None leaves it whole."""
    return [await _cut_match(match, room) for match, room in zip(matches, rooms, strict=True)]


async def _cut_match(match: Match, room: int | None) -> Match:
    if room is None:
        return match
    content, cut = await cut_text(match.memory.content, room, match.home.question)
    return replace(match, memory=match.memory.model_copy(update={"content": content}), cut=cut)


async def cut_text(text: str, room: int, question: Question) -> tuple[str, Cut]:
    """Return the best part of a text for a question, and its place. It runs in a thread: a long text has many words."""
    start, end = await asyncio.to_thread(find_excerpt, text, room, frozenset(question.terms), question.language)
    return text[start:end], Cut(start=start, end=end, length=len(text))
