"""In an answer the newer of two memories that say different things about the same comes before the older one."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Protocol

from server.memory.corrections.claims import LONGEST_CLAIM
from server.memory.corrections.comparing import Told, find_time, may_replace
from server.memory.recall.ranking import LEAST_NUDGE, RankedCandidate
from server.memory.words.pieces import has_unspaced

#: The most memories of an answer that are compared with each other.
MOST_COMPARED = 25
#: Texts that share a smaller part of the words of the shorter one are about two things; no more is looked at then.
LEAST_SHARED = 0.3
#: A word is taken by so many of its first letters: it costs a hundredth of its stem.
_STEM = 5
_SHORT_WORD = 2
_EVERYWHERE = frozenset({"the", "and", "for", "are", "was", "der", "die", "das", "und", "les", "los"})
_WORD = re.compile(r"[^\W_]+")


class Recalled(Told, Protocol):
    """A memory of an answer."""

    id: str
    superseded_by: str | None


def find_replacements(memories: Sequence[Recalled]) -> dict[str, str]:
    """Return for each memory that another one of these replaces, or may replace, the newest such one: id → id.

    The newer ones come in the order of time.
    """
    ordered = sorted(memories[:MOST_COMPARED], key=lambda memory: (find_time(memory), memory.created_at, memory.id))
    words = {memory.id: _list_stems(memory.content) for memory in ordered}
    replaced: dict[str, str] = {}
    for older, newer in combinations(ordered, 2):
        one, other = words[older.id], words[newer.id]
        is_alike = len(one & other) >= LEAST_SHARED * min(len(one), len(other)) > 0
        if older.superseded_by == newer.id or (is_alike and may_replace(newer, older)):
            replaced[older.id] = newer.id
    places = {memory.id: place for place, memory in enumerate(ordered)}
    return dict(sorted(replaced.items(), key=lambda pair: places[pair[1]]))


def _list_stems(text: str) -> frozenset[str]:
    """Return the words of a text in a cheap form, by which most pairs are seen to have nothing in common."""
    if len(text) > LONGEST_CLAIM:
        return frozenset()
    if has_unspaced(text):
        return frozenset(text)
    return frozenset(word[:_STEM] for word in _WORD.findall(text.casefold()) if len(word) > _SHORT_WORD) - _EVERYWHERE


def lead_newer(ranked: Sequence[RankedCandidate], replaced: Mapping[str, str]) -> list[RankedCandidate]:
    """Return the candidates, best first, each newer one just before the best of those that it may replace.

    Its gain is its nudge `correction`.
    """
    if not replaced:
        return list(ranked)
    by_id = {each.id: each for each in ranked}
    # Oldest first, so that a memory that was replaced itself has its new score when its successor is looked at.
    for newer in dict.fromkeys(replaced.values()):
        each = by_id[newer]
        best = max(by_id[older].score for older, by in replaced.items() if by == newer)
        if each.score <= best:
            nudges = {**each.nudges, "correction": best + LEAST_NUDGE - each.score}
            by_id[newer] = each._replace(score=best + LEAST_NUDGE, nudges=nudges)
    return sorted((by_id[each.id] for each in ranked), key=lambda each: each.score, reverse=True)
