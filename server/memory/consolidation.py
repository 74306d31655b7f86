"""Which memories belong together, and what the one says that takes their place.

Memories that share a tag, in any case of letters, belong together, and so do those that share one with these
(union-find); so do two that say nearly the same. Only within one place (scope, project and task): what holds in one
project must not turn up in another. `source:` tags say where a memory came from and not what it is about, and group
nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.memory.decay import NEVER, relevance
from server.memory.models import Linkage, Memory, Scope, iso

SMALLEST = 3
#: Of two that say nearly the same, one is too many.
SMALLEST_NEAR = 2
#: How many memories one takes the place of at most, and how long its text may be, in bytes.
LARGEST = 50
LONGEST = 32 * 1024
MOST_TAGS = 50
#: How large a part of a workspace one run may change where nobody says, and how many memories are never too many.
SHARE = 0.5
FEW = 20
FROM = "consolidated-from"

_SOURCE = "source:"
_HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Candidate:
    """What decides whether a memory belongs with others."""

    id: str
    tags: Sequence[str]
    scope: str
    project: str | None
    task: str | None

    @property
    def place(self) -> tuple[str, str | None, str | None]:
        """Where it holds."""
        return self.scope, self.project, self.task


class _Sets:
    """Disjoint sets of hashable things (union-find, with halved paths)."""

    def __init__(self) -> None:
        self._above: dict[Any, Any] = {}

    def top(self, thing: Any) -> Any:
        above = self._above
        above.setdefault(thing, thing)
        while above[thing] != thing:
            above[thing] = thing = above[above[thing]]
        return thing

    def join(self, one: Any, other: Any) -> None:
        self._above[self.top(other)] = self.top(one)


def groups(candidates: Sequence[Candidate], near: Iterable[tuple[str, str]] = ()) -> list[list[str]]:
    """The ids of memories that belong together, in the order given: three or more, or nearly the same ones.

    Args:
        candidates: the memories that may be merged.
        near: pairs of ids whose texts say nearly the same; ids that are no candidates' are passed over.
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
        found.setdefault(sets.top(each.id), []).append(each.id)
    return [ids for ids in found.values() if len(ids) >= (SMALLEST_NEAR if repeated.intersection(ids) else SMALLEST)]


def parts(group: Sequence[Memory]) -> list[list[Memory]]:
    """A group in pieces of which each fits into one memory, in order. What is left over by itself stays as it is."""
    smallest = min(SMALLEST, len(group))
    pieces: list[list[Memory]] = [[]]
    for memory in group:
        if pieces[-1] and not _fits([*pieces[-1], memory]):
            pieces.append([])
        pieces[-1].append(memory)
    return [piece for piece in pieces if len(piece) >= smallest]


def _fits(memories: Sequence[Memory]) -> bool:
    is_small = len(memories) <= LARGEST and len(union_of_tags(memories)) <= MOST_TAGS
    return is_small and len(template(memories).encode()) <= LONGEST


def union_of_tags(memories: Iterable[Memory], more: Iterable[str] = ()) -> list[str]:
    """Every tag once, sorted, as it was written."""
    return sorted({tag for memory in memories for tag in memory.tags}.union(more))


def template(memories: Sequence[Memory]) -> str:
    """The summary that loses nothing: every text, with its type and when it was stored."""
    tags = union_of_tags(memories)
    head = f"[{', '.join(tags)}] — " if tags else ""
    lines = (f"• {memory.content} ({memory.type}, {iso(memory.created_at)})" for memory in memories)
    return f"{head}{len(memories)} memories consolidated\n\n" + "\n".join(lines)


def common_type(memories: Iterable[Memory]) -> str:
    """The most frequent type; of equally frequent ones the first seen."""
    return Counter(memory.type for memory in memories).most_common(1)[0][0]


def merged(
    sources: Sequence[Memory],
    memory_id: str,
    now: datetime,
    content: str,
    *,
    kind: str | None = None,
    tags: Iterable[str] = (),
) -> Memory:
    """The memory that takes the place of others: their tags, links and recalls together.

    Args:
        sources: the memories, in order.
        memory_id: its id.
        now: when it is made.
        content: what it says.
        kind: its type; by default their most frequent one.
        tags: tags beside theirs.
    """
    accesses = sum(each.access_count for each in sources)
    last = max((each.last_accessed_at for each in sources if each.last_accessed_at is not None), default=None)
    since = NEVER if last is None else (now - last).total_seconds() / _HOUR_SECONDS
    scope, project, task = _place(sources)
    ends = [each.expires_at for each in sources if each.expires_at is not None]
    shared = {name: _shared(sources, name) for name in ("entity", "author", "session", "occurred_at", "source")}
    return Memory(
        id=memory_id,
        content=content,
        type=kind or common_type(sources),
        tags=union_of_tags(sources, tags),
        scope=scope,
        project=project,
        task=task,
        created_at=now,
        updated_at=now,
        # It holds as long as one of them does.
        expires_at=max(ends) if len(ends) == len(sources) else None,
        linkages=links(sources),
        relevance=relevance(0, accesses, since),
        access_count=accesses,
        last_accessed_at=last,
        consolidated=0,
        metadata={},
        **shared,
    )


def links(sources: Sequence[Memory]) -> list[Linkage]:
    """A link to each source, then theirs, each once."""
    own = [Linkage(type="memory", id=each.id, label=FROM) for each in sources]
    theirs = [link for each in sources for link in each.linkages]
    return list(dict.fromkeys([*own, *theirs]))


def _shared(sources: Sequence[Memory], name: str) -> Any:
    """What all of them say; None where they differ."""
    values = {getattr(each, name) for each in sources}
    return values.pop() if len(values) == 1 else None


def _place(sources: Sequence[Memory]) -> tuple[Scope, str | None, str | None]:
    """The narrowest place in which all of them hold."""
    first = sources[0]
    if len({(each.scope, each.project, each.task) for each in sources}) == 1:
        return first.scope, first.project, first.task
    if first.project is not None and all(each.project == first.project and each.scope != "global" for each in sources):
        return "project", first.project, None
    return "global", None, None


def is_too_much(changed: int, active: int, share: float | None) -> bool:
    """Whether a run would change more of a workspace than it may.

    Args:
        changed: how many memories would be merged into others.
        active: how many there are.
        share: how large a part may change, from 0 to 1; None for `SHARE`, and then `FEW` may always.
    """
    return changed > (max(FEW, SHARE * active) if share is None else share * active)
