"""The one memory that takes the place of several."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from server.memory.decay import NEVER, compute_relevance
from server.memory.grouping import SMALLEST_GROUP
from server.memory.images import plan_copies
from server.memory.models import Linkage, Memory, Scope, to_iso

#: How many memories one memory replaces at most, and the most bytes and tags that it may have.
MOST_SOURCES = 50
MOST_BYTES = 32 * 1024
MOST_TAGS = 50
#: The label of a merged memory's links to its sources.
SOURCE_LABEL = "consolidated-from"

_HOUR_SECONDS = 3600


def split_group(group: Sequence[Memory]) -> list[list[Memory]]:
    """Split a group into pieces that each fit into one memory, in order; pieces that are too small are left out."""
    smallest = min(SMALLEST_GROUP, len(group))
    pieces: list[list[Memory]] = [[]]
    for memory in group:
        if pieces[-1] and not _fits_in_one([*pieces[-1], memory]):
            pieces.append([])
        pieces[-1].append(memory)
    return [piece for piece in pieces if len(piece) >= smallest]


def _fits_in_one(memories: Sequence[Memory]) -> bool:
    is_small = len(memories) <= MOST_SOURCES and len(join_tags(memories)) <= MOST_TAGS
    return is_small and len(render_template(memories).encode()) <= MOST_BYTES


def join_tags(memories: Iterable[Memory], more: Iterable[str] = ()) -> list[str]:
    """Return all tags of the memories and `more`, each once, sorted."""
    return sorted({tag for memory in memories for tag in memory.tags}.union(more))


def render_template(memories: Sequence[Memory]) -> str:
    """Return the summary that loses nothing: every text, with its type and the time when it was stored."""
    tags = join_tags(memories)
    head = f"[{', '.join(tags)}] — " if tags else ""
    lines = (f"• {memory.content} ({memory.type}, {to_iso(memory.created_at)})" for memory in memories)
    return f"{head}{len(memories)} memories consolidated\n\n" + "\n".join(lines)


def find_common_type(memories: Iterable[Memory]) -> str:
    """Return the most frequent type; of equally frequent ones, the first in the order of the memories."""
    return Counter(memory.type for memory in memories).most_common(1)[0][0]


def merge_memories(
    sources: Sequence[Memory],
    memory_id: str,
    now: datetime,
    content: str,
    *,
    kind: str | None = None,
    tags: Iterable[str] = (),
) -> Memory:
    """Return the memory that takes the place of others, with all of their tags, links and recalls.

    It describes the first pictures of the others; `server.store.record.images.copy_pictures` copies the pictures.

    Args:
        sources: the other memories, in order.
        memory_id: the id of the new memory.
        now: the time at which it is made.
        content: its text.
        kind: its type; if None, the most frequent type of the sources.
        tags: its tags, in addition to those of the sources.
    """
    accesses = sum(each.access_count for each in sources)
    last = max((each.last_accessed_at for each in sources if each.last_accessed_at is not None), default=None)
    since = NEVER if last is None else (now - last).total_seconds() / _HOUR_SECONDS
    scope, project, task = _find_place(sources)
    ends = [each.expires_at for each in sources if each.expires_at is not None]
    shared = {name: _find_shared(sources, name) for name in ("entity", "author", "session", "occurred_at", "source")}
    return Memory(
        id=memory_id,
        content=content,
        type=kind or find_common_type(sources),
        tags=join_tags(sources, tags),
        scope=scope,
        project=project,
        task=task,
        created_at=now,
        updated_at=now,
        # It is valid as long as one of the sources is.
        expires_at=max(ends) if len(ends) == len(sources) else None,
        linkages=link_to_sources(sources),
        relevance=compute_relevance(0, accesses, since),
        access_count=accesses,
        last_accessed_at=last,
        consolidated=0,
        metadata={},
        images=[each.image for each in plan_copies(sources, memory_id)],
        **shared,
    )


def link_to_sources(sources: Sequence[Memory]) -> list[Linkage]:
    """Return a link to each source and then the links of the sources, each once."""
    own = [Linkage(type="memory", id=each.id, label=SOURCE_LABEL) for each in sources]
    theirs = [link for each in sources for link in each.linkages]
    return list(dict.fromkeys([*own, *theirs]))


def _find_shared(sources: Sequence[Memory], name: str) -> Any:
    """Return the value of a field that all sources share; None if they differ."""
    values = {getattr(each, name) for each in sources}
    return values.pop() if len(values) == 1 else None


def _find_place(sources: Sequence[Memory]) -> tuple[Scope, str | None, str | None]:
    """Return the narrowest scope, project and task that contains all sources."""
    first = sources[0]
    if len({(each.scope, each.project, each.task) for each in sources}) == 1:
        return first.scope, first.project, first.task
    if first.project is not None and all(each.project == first.project and each.scope != "global" for each in sources):
        return "project", first.project, None
    return "global", None, None
