"""A recalled memory as it is answered: what was stored, as data, how well it fits, and on request why."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

from server.memory.models import Linkage, Memory, Timestamp
from server.memory.skip import SkipEntry
from tools.candidates import Searched
from tools.recall import LeftOut, Match, Reason, Recalled


class SkippedBy(BaseModel):
    """An entry of the skip list that speaks against a memory, or that a message has to do with."""

    id: str = Field(description="The entry's id.")
    item: str = Field(description="What is to be left alone.")
    reason: str = Field(description="Why.")
    expires: str = Field(description="Until when: a time, or a condition in words.")


class ArmScore(BaseModel):
    """What one arm says of a memory."""

    rank: int | None = Field(
        default=None, description="Its place in this arm, 1 for the best; null where it is too far from the query."
    )
    raw: float | None = Field(default=None, description="BM25 for the words, cosine for the meaning; null likewise.")
    normalized: float = Field(description="As a share of the arm's best, 0 to 1.")


class Why(BaseModel):
    """Why a memory stands where it stands: score = alpha x keyword + (1 - alpha) x vector, and the nudges."""

    keyword: ArmScore = Field(description="By its words.")
    vector: ArmScore = Field(description="By its meaning.")
    evidence: float = Field(description="How sure it is, by itself, that it has to do with the query, 0 to 1.")
    fused: float = Field(description="The two arms together, 0 to 1.")
    nudges: dict[str, float] = Field(description="What was added to that, by name.")
    score: float = Field(description="The sum.")


class MatchedMemory(BaseModel):
    """A recalled memory: what was stored, as data, and how well it fits."""

    id: str = Field(description="The memory's id, for fetch, update_memory and delete_memory.")
    content: str = Field(description="What was remembered.")
    type: str = Field(description="Its type.")
    tags: list[str] = Field(description="Its tags.")
    score: float = Field(description="How well it fits: both shares, weighed, and small nudges; the best may exceed 1.")
    keyword_score: float = Field(description="The words' share of it, 0 to 1.")
    vector_score: float = Field(description="The meaning's share of it, 0 to 1.")
    scope: str = Field(description="Where it holds.")
    project: str | None = Field(default=None, description="The project it holds in.")
    entity: str | None = Field(default=None, description="Whom or what it is about.")
    author: str | None = Field(default=None, description="Who said it.")
    session: str | None = Field(default=None, description="The session it comes from.")
    occurred_at: Timestamp | None = Field(default=None, description="When it happened.")
    created_at: Timestamp = Field(description="When it was stored.")
    source: str | None = Field(default=None, description="Where it comes from.")
    linkages: list[Linkage] | None = Field(default=None, description="Its links, where asked for.")
    workspace: str | None = Field(default=None, description="Its workspace, where others were looked into as well.")
    skipped_by: list[SkippedBy] | None = Field(
        default=None, description="What the skip list says against it: do not act on it, and do not bring it up."
    )
    why: Why | None = Field(default=None, description="Why it stands here, where asked for.")


class Omitted(BaseModel):
    """A memory that was found and is not answered, and why."""

    id: str = Field(description="The memory's id.")
    reason: Reason = Field(
        description="expired; gate: nothing found is sure to fit, or this is not; threshold: below recall_threshold; "
        "skip_list: withheld; duplicate: of `by`; budget: no room in max_tokens; rank: below the limit."
    )
    by: str | None = Field(default=None, description="The memory that says the same, or the entry that withholds it.")


#: To fill in a copy takes half as long as to make one anew.
_BLANK = MatchedMemory.model_construct()
_SHOWN = tuple(name for name in MatchedMemory.model_fields if name in Memory.model_fields and name != "linkages")


def skipped_by(entries: Iterable[SkipEntry]) -> list[SkippedBy]:
    """Entries as they are answered."""
    return [SkippedBy(id=each.id, item=each.item, reason=each.reason, expires=each.expires) for each in entries]


def matched(memory: Memory, scores: dict[str, Any], *, graph: bool) -> MatchedMemory:
    """A memory as it is answered; it was validated when it was stored."""
    values: dict[str, Any] = {name: getattr(memory, name) for name in _SHOWN}
    return _BLANK.model_copy(update=values | scores | {"linkages": memory.linkages if graph else None})


def unranked(memory: Memory, *, graph: bool) -> MatchedMemory:
    """A memory that was not looked for, only listed."""
    return matched(memory, dict.fromkeys(("score", "keyword_score", "vector_score"), 0.0), graph=graph)


def answered(found: Recalled, *, graph: bool = False, explain: bool = False) -> list[MatchedMemory]:
    """What was recalled, as it is answered."""
    return [_answered(each, found, graph=graph, explain=explain) for each in found.matches]


def _answered(match: Match, found: Recalled, *, graph: bool, explain: bool) -> MatchedMemory:
    ranked = match.ranked
    scores: dict[str, Any] = {
        "score": round(ranked.score, 3),
        "keyword_score": round(ranked.keyword_score, 3),
        "vector_score": round(ranked.vector_score, 3),
        "skipped_by": skipped_by(match.skipped_by) or None,
        "workspace": match.workspace.name if found.peeked else None,
    }
    if explain:
        (home,) = (each for each in found.searched if each.workspace is match.workspace)
        scores["why"] = why(match, home)
    return matched(match.memory, scores, graph=graph)


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
