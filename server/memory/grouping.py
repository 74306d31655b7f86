"""Which memories belong together.

Memories that share a tag, in any case of letters, belong together, and so do those that share one with these
(union-find). Two memories that say nearly the same belong together as well. Memories are grouped only within one place
(scope, project and task): what is true in one project must not appear in another. Tags that begin with `source:` say
where a memory came from and not what it is about, so they group nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SMALLEST_GROUP = 3
#: Two memories that say nearly the same are enough.
SMALLEST_NEAR_GROUP = 2
#: How large a part of a workspace one run may change if nobody says, and how many memories it may always change.
DEFAULT_SHARE = 0.5
ALWAYS_ALLOWED = 20

_SOURCE = "source:"


@dataclass(frozen=True, slots=True)
class GroupCandidate:
    """The facts of a memory that decide to which group it belongs."""

    id: str
    tags: Sequence[str]
    scope: str
    project: str | None
    task: str | None

    @property
    def place(self) -> tuple[str, str | None, str | None]:
        """Return its scope, project and task."""
        return self.scope, self.project, self.task


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


def find_groups(candidates: Sequence[GroupCandidate], near: Iterable[tuple[str, str]] = ()) -> list[list[str]]:
    """Find the memories that belong together: three or more, or two that say nearly the same.

    Args:
        candidates: the memories that may be merged.
        near: pairs of ids of memories that say nearly the same; ids of other memories are ignored.

    Returns:
        The ids of each group, in the order of the candidates.
    """
    sets, places = _Sets(), {each.id: each.place for each in candidates}
    for each in candidates:
        for tag in each.tags:
            if not tag.lower().startswith(_SOURCE):
                sets.join((each.place, tag.lower()), each.id)
    repeated: set[str] = set()
    for one, other in near:
        if one in places and places[one] == places.get(other):
            sets.join(one, other)
            repeated |= {one, other}
    found: dict[Any, list[str]] = {}
    for each in candidates:
        found.setdefault(sets.find_root(each.id), []).append(each.id)
    return [
        ids
        for ids in found.values()
        if len(ids) >= (SMALLEST_NEAR_GROUP if repeated.intersection(ids) else SMALLEST_GROUP)
    ]


def is_too_much(changed: int, active: int, share: float | None) -> bool:
    """Whether a run would change a larger part of a workspace than it may.

    Args:
        changed: the number of memories that would be merged into others.
        active: the number of active memories.
        share: the part that may change, from 0 to 1. With None it is `DEFAULT_SHARE`, and `ALWAYS_ALLOWED` memories may
            change in any case.
    """
    return changed > (max(ALWAYS_ALLOWED, DEFAULT_SHARE * active) if share is None else share * active)
