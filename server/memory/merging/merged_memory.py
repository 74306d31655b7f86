"""The one memory that takes the place of several."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from server.memory.decay import NEVER, compute_relevance
from server.memory.images import plan_copies
from server.memory.merging.grouping import SMALLEST_GROUP, SMALLEST_REPEAT
from server.memory.merging.repeat_key import make_repeat_key
from server.memory.models import INFERABLE, Inferable, Linkage, Memory, Scope, to_iso

#: How many memories one memory replaces at most, and the most bytes and tags that it may have.
MOST_SOURCES = 50
MOST_BYTES = 32 * 1024
MOST_TAGS = 50
#: The most days on which a memory was told that the text of its repeats names.
MOST_DAYS = 50
#: The label of a merged memory's links to its sources.
SOURCE_LABEL = "consolidated-from"

_HOUR_SECONDS = 3600
#: The fields that a merged memory has if all of its sources have the same value.
SHARED = ("entity", "author", "session", "occurred_at", "source")
_NOTHING_SAID: Mapping[str, Sequence[Memory]] = MappingProxyType({})
_DAYS = re.compile(r"\(\d{4}-\d\d-\d\d(, \d{4}-\d\d-\d\d)*\)$")


def split_group(
    group: Sequence[Memory], said: Mapping[str, Sequence[Memory]] = MappingProxyType({})
) -> list[list[Memory]]:
    """Split a group into pieces that each fit into one memory, in order; pieces that are too small are left out.

    Args:
        group: the memories that belong together.
        said: for those of them that are merged repeats, the memories that they were made from.
    """
    smallest = min(SMALLEST_GROUP, len(group))
    if are_repeats(expand_repeats(group, said)):
        smallest = SMALLEST_REPEAT
    pieces: list[list[Memory]] = [[]]
    for memory in group:
        if pieces[-1] and not _fits_in_one([*pieces[-1], memory], said):
            pieces.append([])
        pieces[-1].append(memory)
    return [piece for piece in pieces if len(piece) >= smallest]


def _fits_in_one(memories: Sequence[Memory], said: Mapping[str, Sequence[Memory]]) -> bool:
    told = expand_repeats(memories, said)
    is_small = len(memories) <= MOST_SOURCES and len(join_tags(memories)) <= MOST_TAGS
    return is_small and len(_list_days(told)) <= MOST_DAYS and len(render_summary(told).encode()) <= MOST_BYTES


def expand_repeats(memories: Iterable[Memory], said: Mapping[str, Sequence[Memory]]) -> list[Memory]:
    """Return the memories, those in the place of a merged one that `said` knows."""
    return [each for memory in memories for each in said.get(memory.id, (memory,))]


def join_tags(memories: Iterable[Memory], more: Iterable[str] = ()) -> list[str]:
    """Return all tags of the memories and `more`, each once, sorted."""
    return sorted({tag for memory in memories for tag in memory.tags}.union(more))


def render_summary(memories: Sequence[Memory]) -> str:
    """Return the text that takes the place of those of the memories: repeats are said once, others one by one."""
    return render_repeats(memories) if are_repeats(memories) else render_template(memories)


def are_repeats(memories: Sequence[Memory]) -> bool:
    """Whether each of several memories repeats the others."""
    keys = {make_repeat_key(memory) for memory in memories}
    return len(memories) > 1 and len(keys) == 1 and None not in keys


def render_repeats(memories: Sequence[Memory]) -> str:
    """Return the text that repeats share, as the newest of them has it, and the days on which they were told."""
    newest = max(memories, key=find_time).content.strip()
    return f"{newest}{chr(10) if chr(10) in newest else ' '}({', '.join(_list_days(memories))})"


def may_be_repeats(content: str) -> bool:
    """Whether a text may come from `render_repeats`: a quick look."""
    return _DAYS.search(content) is not None


def find_merged_repeats(
    merged: Iterable[Memory], leaves: Mapping[str, Sequence[Memory]]
) -> dict[str, Sequence[Memory]]:
    """Return the leaves of those merged memories that say their repeats once, as nobody has changed their texts."""
    return {
        memory.id: told
        for memory in merged
        if are_repeats(told := leaves.get(memory.id, ())) and render_repeats(told) == memory.content
    }


def find_time(memory: Memory) -> datetime:
    """Return the time when what a memory says happened: if that is not known, when it was stored."""
    return memory.occurred_at or memory.created_at


def _list_days(memories: Iterable[Memory]) -> list[str]:
    return sorted({find_time(memory).date().isoformat() for memory in memories})


def render_template(memories: Sequence[Memory]) -> str:
    """Return the summary that loses nothing: every text, with its type and time, and with names that differ."""
    tags = join_tags(memories)
    head = f"[{', '.join(tags)}] — " if tags else ""
    names = [name for name in ("author", "entity") if _find_shared(memories, name) is None]
    lines: list[str] = []
    for memory in memories:
        named = [value for name in names if (value := getattr(memory, name))]
        lines.append(f"• {memory.content} ({', '.join([memory.type, *named, to_iso(find_time(memory))])})")
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
    is_new: bool = False,
) -> Memory:
    """Return the memory that takes the place of others, with all of their tags, links and recalls.

    It has the values that its sources share, and was stored when the newest of them was.

    It describes the first pictures of the others; `server.store.record.images.copy_pictures` copies the pictures.

    Args:
        sources: the other memories, in order.
        memory_id: the id of the new memory.
        now: the time at which it is made.
        content: its text.
        kind: its type; if None, the most frequent type of the sources.
        tags: its tags, in addition to those of the sources.
        is_new: whether somebody wrote the text now, so that it was stored now.
    """
    accesses = sum(each.access_count for each in sources)
    last = max((each.last_accessed_at for each in sources if each.last_accessed_at is not None), default=None)
    since = NEVER if last is None else (now - last).total_seconds() / _HOUR_SECONDS
    scope, project, task = _find_place(sources)
    ends = [each.expires_at for each in sources if each.expires_at is not None]
    shared = {name: _find_shared(sources, name) for name in SHARED}
    guessed: list[Inferable] = [
        name for name in INFERABLE if shared[name] is not None and any(name in each.inferred for each in sources)
    ]
    return Memory(
        id=memory_id,
        content=content,
        type=kind or find_common_type(sources),
        tags=join_tags(sources, tags),
        scope=scope,
        project=project,
        task=task,
        created_at=now if is_new else max(each.created_at for each in sources),
        updated_at=now,
        # It is valid as long as one of the sources is.
        expires_at=max(ends) if len(ends) == len(sources) else None,
        linkages=link_to_sources(sources),
        relevance=compute_relevance(0, accesses, since),
        access_count=accesses,
        last_accessed_at=last,
        consolidated=0,
        metadata=_find_shared_metadata(sources),
        images=[each.image for each in plan_copies(sources, memory_id)],
        inferred=guessed,
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


def _find_shared_metadata(sources: Sequence[Memory]) -> dict[str, Any]:
    """Return the entries of the metadata that all sources have."""
    first, *others = (each.metadata for each in sources)
    return {key: value for key, value in first.items() if all(key in each and each[key] == value for each in others)}


def _find_place(sources: Sequence[Memory]) -> tuple[Scope, str | None, str | None]:
    """Return the narrowest scope, project and task that contains all sources."""
    first = sources[0]
    if len({(each.scope, each.project, each.task) for each in sources}) == 1:
        return first.scope, first.project, first.task
    if first.project is not None and all(each.project == first.project and each.scope != "global" for each in sources):
        return "project", first.project, None
    return "global", None, None
