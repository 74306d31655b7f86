"""Whether the newer of two memories may replace the older one: both are about the same, and say something else.

The rule is a careful one: a wrong mark tells a reader that something true is over. Of two services' ports, two people's
phones and two nights' reports none replaces the other, however alike they are written. docs/recall.md has the figures.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from server.memory.corrections import words
from server.memory.corrections.claims import Claim, Kind, Token, read_claim
from server.memory.speaker import is_first_person
from server.memory.text import stem_words

#: The share of the words of the shorter claim that both have, with a word that tells of a change and without one.
SHARED_WITH_CUE, SHARED = 0.5, 0.6
#: The same, if only plain words differ; and how many of them may, in the older one.
SHARED_WORDS, MOST_WORDS = 0.5, 2
SHARED_DENIED = 0.75
_NAME_ALONE: frozenset[Kind] = frozenset({"name"})
_ONE_VALUE_KEYS = frozenset(stem_words(words.ONE_VALUE))
_VALUES: tuple[Kind, ...] = ("number", "time", "day", "version", "date", "name")


class Told(Protocol):
    """A memory to compare."""

    content: str
    author: str | None
    entity: str | None
    project: str | None
    task: str | None
    occurred_at: datetime | None
    created_at: datetime
    repeated_at: datetime | None

    @property
    def scope(self) -> str:
        """The part of the workspace in which it is valid."""
        ...


def find_time(memory: Told) -> datetime:
    """Return when a memory was last said: when it happened or was stored, or stored again."""
    happened = memory.occurred_at or memory.created_at
    return happened if memory.repeated_at is None else max(happened, memory.repeated_at)


def may_replace(newer: Told, older: Told) -> bool:
    """Whether the newer memory may replace the older one."""
    # What is valid in a task or a project holds beside what is valid in all.
    are_apart = any(getattr(newer, name) != getattr(older, name) for name in ("scope", "project", "task"))
    if are_apart or _differ(newer.entity, older.entity):
        return False
    new, old = read_claim(newer.content), read_claim(older.content)
    if new is None or old is None:
        return False
    if not contradicts(new, old):
        return False
    are_two = _differ(newer.author, older.author)  # who each say "I" or "we"
    return not (are_two and (is_first_person(newer.content) or is_first_person(older.content)))


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other


@dataclass(frozen=True, slots=True)
class _Difference:
    """How two claims differ: the kinds of values that changed, and the words that only one of them has."""

    changed: frozenset[Kind]
    shared: frozenset[str]
    own_new: frozenset[str]
    own_old: frozenset[str]

    @property
    def share(self) -> float:
        """The part of the words of the claim with fewer own ones that both have."""
        most = len(self.shared) + min(len(self.own_new), len(self.own_old))
        return len(self.shared) / most if most else 0.0


def contradicts(new: Claim, old: Claim) -> bool:
    """Whether the newer claim says something else than the older one about the same thing."""
    found = _compare(new, old)
    if not found.shared or _have_other_relations(new, old):
        return False
    if not found.changed:
        return _is_denied(new, old, found) or _has_other_words(new, old, found)
    if len(found.changed) > 1 and not new.has_cue:
        return False  # two reports, or two of a kind: each has a day or a number of its own, by which it is called
    if found.share < (SHARED_WITH_CUE if new.has_cue else SHARED):
        return False
    if _has_other_subject(new, old, found):
        return False
    return found.changed != _NAME_ALONE or _is_single_valued(new, old, found)


def _have_other_relations(new: Claim, old: Claim) -> bool:
    """Whether both say what they say by words for different things: where somebody lives, and where they work."""
    groups = [{place for place, group in enumerate(words.RELATIONS) if group & claim.plain} for claim in (new, old)]
    return all(groups) and groups[0].isdisjoint(groups[1])


def _is_denied(new: Claim, old: Claim, found: _Difference) -> bool:
    """Whether one claim denies what the other says."""
    is_same = found.share >= SHARED_DENIED and len(found.shared) > 1 and not found.own_old
    return new.is_denied != old.is_denied and is_same


def _compare(new: Claim, old: Claim) -> _Difference:
    changed: set[Kind] = set()
    values: set[str] = set()
    for kind in _VALUES:
        olds, news = old.list_values(kind), new.list_values(kind)
        gone, come = olds - news, news - olds
        is_swapped = bool(come and olds and (new.has_swap or (kind != "name" and (new.has_cue or new.is_denied))))
        if (gone and come) or is_swapped:
            changed.add(kind)
            values |= come | (olds if is_swapped else gone)
    own_new = new.subject - old.subject - values
    own_old = old.subject - new.subject - values
    return _Difference(frozenset(changed), (new.subject & old.subject) - values, own_new, own_old)


def _find_first(claim: Claim, keys: AbstractSet[str], kinds: AbstractSet[Kind]) -> int | None:
    """Return the place of the first token of these kinds that is not one of the keys."""
    return next((each.place for each in claim.tokens if each.kind in kinds and each.key not in keys), None)


def _has_other_subject(new: Claim, old: Claim, found: _Difference) -> bool:
    """Whether both claims name something of their own before their first changed value: two ports of two services.

    A claim that tells of a change may say what it is about in other words, but not by another name.
    """
    kinds = found.changed - {"name"} or found.changed
    starts = [_find_first(claim, _list_keys(other, kinds), kinds) for claim, other in ((new, old), (old, new))]
    if None in starts:
        return False
    owns = [
        [token for token in claim.tokens if _is_own(token, other) and token.place < (start or 0)]
        for claim, other, start in ((new, old, starts[0]), (old, new, starts[1]))
    ]
    if not all(owns):
        return False
    are_named = all(
        any(token.kind in {"name", "label"} or token.key in claim.initials for token in own)
        for claim, own in zip((new, old), owns, strict=True)
    )
    return are_named or not new.has_cue or found.share < SHARED


def _list_keys(claim: Claim, kinds: AbstractSet[Kind]) -> frozenset[str]:
    return frozenset(token.key for token in claim.tokens if token.kind in kinds)


def _is_own(token: Token, other: Claim) -> bool:
    return token.kind in {"word", "name", "label"} and token.key not in other.subject


def _is_single_valued(new: Claim, old: Claim, found: _Difference) -> bool:
    """Whether a thing has one such value at a time, so that another name is a change and no addition."""
    if new.has_cue:
        return True
    both, starts = new.plain & old.plain, (new.tokens[0].key, old.tokens[0].key)
    if starts[0] != starts[1]:
        return not both.isdisjoint(words.ROLES)
    topic = {key for key in found.shared if key != starts[0]} - _ONE_VALUE_KEYS
    return bool(topic) and not both.isdisjoint(words.ONE_VALUE)


def _has_other_words(new: Claim, old: Claim, found: _Difference) -> bool:
    """Whether only plain words differ, and these are another value of the same thing."""
    if not found.own_new or not found.own_old or found.share < SHARED_WORDS:
        return False
    if len(found.own_old) > MOST_WORDS or (len(found.own_new) > MOST_WORDS and not new.has_cue):
        return False
    return _is_single_valued(new, old, found)
