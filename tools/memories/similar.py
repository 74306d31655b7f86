"""The memories that a new one may replace, or that say nearly the same: told to the one who stores it."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from server.memory.corrections.comparing import find_time, may_replace
from server.memory.models import Memory
from server.memory.recall.doubles import read_particulars
from server.memory.text import hash_term, split_words, stem_words
from server.memory.vector import TextVectors
from server.store.record.recall.recalled import RecalledMemory, read_recalled_memories
from server.store.record.workspaces import Workspace
from server.store.search.seam import EngineDown, FoundPoint, Query, SparseVector
from tools.core.call import Call
from tools.core.services import Services

#: The nearest memories that are compared with a new one, and the most of them that are told.
NEAREST, MOST_TOLD = 10, 3
#: The cosine from which two texts with the same numbers and names say nearly the same.
NEARLY = 0.9
#: The words by which a memory is looked for without a model.
_MOST_WORDS = 24
_LONGEST = 120

Why = Literal["may replace", "may be replaced by", "says nearly the same"]


class SimilarMemory(BaseModel):
    """A memory that is like the new one."""

    id: str = Field(description="The memory's id.")
    text: str = Field(description="Its first line.")
    why: Why = Field(
        description="`may replace`: the new one says something else about the same, later; `may be replaced by`: "
        "earlier; or it `says nearly the same`."
    )


async def find_similar_memories(
    services: Services, call: Call, memory: Memory, windows: Sequence[TextVectors] | None
) -> list[SimilarMemory]:
    """Return at most three memories that a new one may replace or repeats, by one search; none if the engine is down.

    Those that it says it supersedes are left out.
    """
    if not isinstance(call.workspace, Workspace):
        return []
    try:
        points, has_cosines = await _find_nearest(services, call.workspace, memory, windows)
    except EngineDown:
        return []
    known = {link.id for link in memory.linkages if link.supersedes}
    ids = [point.id for point in points if point.id not in known]
    found = await read_recalled_memories(services.db, call.workspace.id, ids)
    cosines = {point.id: point.score for point in points} if has_cosines else {}
    judged: list[tuple[RecalledMemory, Why | None]] = [
        (found[each], _judge(memory, found[each], cosines.get(each))) for each in ids if each in found
    ]
    told = [SimilarMemory(id=each.id, text=_cut(each.content), why=why) for each, why in judged if why]
    return sorted(told, key=lambda each: each.why == "says nearly the same")[:MOST_TOLD]


async def _find_nearest(
    services: Services, workspace: Workspace, memory: Memory, windows: Sequence[TextVectors] | None
) -> tuple[list[FoundPoint], bool]:
    """Return the points nearest to a memory, and whether by meaning: if it has no vector, by its words."""
    serving = await services.projection.open_collection(workspace.id)
    if windows is not None and serving.generation == services.encoder.generation:
        query = Query(windows[0].windows[0], None, NEAREST, keys=())
        return (await services.projection.search_points(workspace.id, query, serving.generation)).dense, True
    words = dict.fromkeys(stem_words(split_words(memory.content, serving.language), serving.language))
    terms = list(dict.fromkeys(map(hash_term, words)))[:_MOST_WORDS]
    query = Query(None, SparseVector(terms, [1.0] * len(terms)), NEAREST, keys=())
    return (await services.projection.search_points(workspace.id, query)).text, False


def _judge(new: Memory, other: RecalledMemory, cosine: float | None) -> Why | None:
    is_later = find_time(new) >= find_time(other)
    if may_replace(new, other) if is_later else may_replace(other, new):
        return "may replace" if is_later else "may be replaced by"
    if cosine is None or cosine < NEARLY:
        return None
    mine, theirs = read_particulars(new.content), read_particulars(other.content)
    is_same = sorted(mine.certain) == sorted(theirs.certain) and mine.names == theirs.names
    return "says nearly the same" if is_same else None


def _cut(text: str) -> str:
    line = text.strip().splitlines()[0].strip()
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def write_similar_notice(similar: Sequence[SimilarMemory], memory_id: str) -> str | None:
    """Return what to do about similar memories, as a sentence; None if there is nothing to do."""
    if not any(each.why == "may replace" for each in similar):
        return None
    return (
        "`similar` names what this memory may replace. If it does, call update_memory with this memory's id, "
        f"{memory_id}, and with `supersedes`: the ids of those that are over."
    )
