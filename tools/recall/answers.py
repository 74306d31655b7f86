"""A recalled memory as it is answered: what was stored, as data, how well it fits, and on request why."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

from server.memory.models import Memory
from server.memory.skip import SkipEntry
from server.store.projection.points import SHOWN
from tools.recall.model import ArmScore, MatchedMemory, SkippedBy, Why
from tools.recall.pipeline import LeftOut, Match, Reason, Recalled
from tools.recall.workspace_search import Searched


class Omitted(BaseModel):
    """A memory that was found and is not answered, and why."""

    id: str = Field(description="The memory's id.")
    reason: Reason = Field(
        description="expired; gate: nothing found is sure to fit, or this is not; threshold: below recall_threshold; "
        "skip_list: withheld; duplicate: of `by`; budget: no room in max_tokens; rank: below the limit."
    )
    by: str | None = Field(default=None, description="The memory that says the same, or the entry that withholds it.")


def skipped_by(entries: Iterable[SkipEntry]) -> list[SkippedBy]:
    """Entries as they are answered."""
    return [SkippedBy(id=each.id, item=each.item, reason=each.reason, expires=each.expires) for each in entries]


def unranked(memory: Memory, *, graph: bool) -> MatchedMemory:
    """A memory that was not looked for, only listed."""
    return MatchedMemory.model_validate(memory.model_dump(include=SHOWN if graph else SHOWN - {"linkages"}))


def answered(found: Recalled, *, graph: bool = False, explain: bool = False) -> list[MatchedMemory]:
    """What was recalled, as it is answered."""
    return [_answered(each, found, graph=graph, explain=explain) for each in found.matches]


def _answered(match: Match, found: Recalled, *, graph: bool, explain: bool) -> MatchedMemory:
    """Fill in what recall says of the memory, which it has read for this answer alone: a copy would take as long."""
    memory, ranked = match.memory, match.ranked
    memory.score = round(ranked.score, 3)
    memory.keyword_score = round(ranked.keyword_score, 3)
    memory.vector_score = round(ranked.vector_score, 3)
    memory.skipped_by = skipped_by(match.skipped_by) or None
    if not graph:
        memory.linkages = None
    if found.peeked:
        memory.workspace = match.workspace.name
    if explain:
        (home,) = (each for each in found.searched if each.workspace is match.workspace)
        memory.why = why(match, home)
    return memory


def why(match: Match | LeftOut, home: Searched) -> Why | None:
    """Why a memory that was ranked stands where it stands."""
    ranked = match.ranked
    if ranked is None:
        return None
    candidate = ranked.candidate
    return Why(
        keyword=_arm(home.keyword_order, ranked.id, candidate.keyword, ranked.keyword_score),
        vector=_arm(home.vector_order, ranked.id, candidate.vector, ranked.vector_score),
        evidence=round(candidate.evidence, 3),
        fused=round(ranked.fused, 3),
        nudges={name: round(nudge, 3) for name, nudge in ranked.nudges.items()},
        score=round(ranked.score, 3),
    )


def _arm(order: list[str], memory_id: str, raw: float | None, normalized: float) -> ArmScore:
    place = order.index(memory_id) + 1 if raw is not None else None
    return ArmScore(rank=place, raw=None if raw is None else round(raw, 3), normalized=round(normalized, 3))


def omitted(found: Recalled) -> list[Omitted]:
    """What was found and is not answered."""
    return [Omitted(id=each.id, reason=each.reason, by=each.by) for each in found.left_out]
