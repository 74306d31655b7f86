"""Which memories belong together.

Memories that repeat one another belong together (see `repeat_key.py`), and when somebody asks for it those that share a
tag, in any case of letters, and those that share one with these (union-find). By night a tag alone is not enough: see
`find_close_groups`. Memories are grouped only within one place (scope, project and task): what is true in one project
must not appear in another. Tags that begin with `source:` say where a memory came from and not what it is about, so
they group nothing.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from server.memory.vector import Vector

SMALLEST_GROUP = 3
#: Two memories of which one repeats the other are enough.
SMALLEST_REPEAT = 2
#: How large a part of a workspace one run may change if nobody says, and how many memories it may always change.
DEFAULT_SHARE = 0.5
ALWAYS_ALLOWED = 20
#: By night, members of a group have vectors whose cosines are at least this, each with each other.
CLOSE = 0.7
#: By night, each tag groups at most so many memories, the newest: each is compared with each.
MOST_OF_TAG = 5_000
#: By night, memories of these types are grouped with none of another type.
KEPT_APART = frozenset({"instruction", "decision", "preference"})

_SOURCE = "source:"


@dataclass(frozen=True, slots=True)
class GroupCandidate:
    """The facts of a memory that decide to which group it belongs."""

    id: str
    tags: Sequence[str]
    scope: str
    project: str | None
    task: str | None
    type: str = "fact"
    created_at: datetime | None = None
    #: Memories with the same key repeat one another; None: it repeats none.
    repeat_key: Hashable = None

    @property
    def place(self) -> tuple[str, str | None, str | None]:
        """Return its scope, project and task."""
        return self.scope, self.project, self.task

    @property
    def subjects(self) -> list[str]:
        """Return the tags that say what it is about, in lower case, each once."""
        return list(dict.fromkeys(tag.lower() for tag in self.tags if not tag.lower().startswith(_SOURCE)))


class _Sets:
    """Disjoint sets of hashable things (union-find, with halved paths)."""

    def __init__(self) -> None:
        self._parents: dict[Any, Any] = {}

    def find_root(self, thing: Any) -> Any:
        parents = self._parents
        parents.setdefault(thing, thing)
        while parents[thing] != thing:
            parents[thing] = thing = parents[parents[thing]]
        return thing

    def join(self, one: Any, other: Any) -> None:
        self._parents[self.find_root(other)] = self.find_root(one)


def find_groups(candidates: Sequence[GroupCandidate]) -> list[list[str]]:
    """Find the memories that belong together by their tags, three or more, or because they repeat one another.

    Args:
        candidates: the memories that may be merged.

    Returns:
        The ids of each group, in the order of the candidates.
    """
    sets = _Sets()
    for each in candidates:
        for tag in each.subjects:
            sets.join((each.place, tag), each.id)
    repeats = find_repeats(candidates)
    for ids in repeats:
        for other in ids[1:]:
            sets.join(ids[0], other)
    repeated = {each for ids in repeats for each in ids}
    found: dict[Any, list[str]] = {}
    for each in candidates:
        found.setdefault(sets.find_root(each.id), []).append(each.id)
    return [
        ids for ids in found.values() if len(ids) >= (SMALLEST_REPEAT if repeated.intersection(ids) else SMALLEST_GROUP)
    ]


def find_repeats(candidates: Iterable[GroupCandidate]) -> list[list[str]]:
    """Return the ids of the memories that repeat one another, in the order of the candidates."""
    found: defaultdict[Hashable, list[str]] = defaultdict(list)
    for each in candidates:
        if each.repeat_key is not None:
            found[each.repeat_key].append(each.id)
    return [ids for ids in found.values() if len(ids) >= SMALLEST_REPEAT]


def find_close_groups(
    candidates: Sequence[GroupCandidate], vectors: Mapping[str, Vector], before: datetime
) -> Iterator[list[str]]:
    """Yield the ids of memories that share a tag and are all close in meaning, in groups of three or more.

    An instruction, a decision and a preference are grouped with their like only. A group is yielded when its tag is
    done: between two tags, others may have their turn.

    Args:
        candidates: the memories that may be merged.
        vectors: the vector (dims,) of each of them that has one, of length 1.
        before: only memories that were stored before this time are grouped.
    """
    of_tags: defaultdict[Hashable, list[str]] = defaultdict(list)
    for each in candidates:
        if each.id in vectors and each.created_at is not None and each.created_at < before:
            kind = each.type.lower() if each.type.lower() in KEPT_APART else None
            for tag in each.subjects:
                of_tags[each.place, kind, tag].append(each.id)
    grouped: set[str] = set()
    for ids in sorted(of_tags.values(), key=len):  # a tag that few memories have says more
        free = [each for each in ids if each not in grouped][-MOST_OF_TAG:]
        for group in _split_by_closeness(free, vectors):
            if len(group) >= SMALLEST_GROUP:
                grouped.update(group)
                yield group


def _split_by_closeness(ids: Sequence[str], vectors: Mapping[str, Vector]) -> list[list[str]]:
    """Return the ids in groups. Each joins the first group with all of whose members it is close, or begins one."""
    if len(ids) < SMALLEST_GROUP:
        return []
    matrix = np.stack([vectors[each] for each in ids])
    group_of = np.empty(len(ids), np.int64)
    groups: list[list[str]] = []
    for place, each in enumerate(ids):
        least = np.ones(len(groups))
        np.minimum.at(least, group_of[:place], matrix[:place] @ matrix[place])
        close = np.flatnonzero(least >= CLOSE)
        number = int(close[0]) if len(close) else len(groups)
        if number == len(groups):
            groups.append([])
        groups[number].append(each)
        group_of[place] = number
    return groups


def is_too_much(changed: int, active: int, share: float | None) -> bool:
    """Whether a run would change a larger part of a workspace than it may.

    Args:
        changed: the number of memories that would be merged into others.
        active: the number of active memories.
        share: the part that may change, from 0 to 1. With None it is `DEFAULT_SHARE`, and `ALWAYS_ALLOWED` memories may
            change in any case.
    """
    return changed > (max(ALWAYS_ALLOWED, DEFAULT_SHARE * active) if share is None else share * active)
