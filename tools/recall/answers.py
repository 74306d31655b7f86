"""A recalled memory in an answer: the stored fields, its scores, and on request the reasons for its rank."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, Field

from server.memory.models import Memory
from server.memory.notes.skip import SkipEntry
from server.memory.recall.ranking import RankedCandidate
from server.store.db import Database
from server.store.record.recall.recalled import RecalledMemory
from server.store.record.relations.contradictions import CONTRADICTED_BY, find_contradictions
from server.store.record.stored_by import StoredBy
from tools.recall.model import Cut, Match, Reason, RecallResult, SearchedWorkspace


class SkippedBy(BaseModel):
    """An entry of the skip list that speaks against a memory, or that a message touches."""

    id: str = Field(description="The entry's id.")
    item: str = Field(description="The thing not to do or mention.")
    reason: str = Field(description="The reason.")
    expires: str = Field(description="Its end: a time, or a condition in words.")


class ArmScore(BaseModel):
    """The rank and the score of a memory in one arm."""

    rank: int | None = Field(
        default=None, description="Its place in this arm, 1 for the best; null if this arm did not find it."
    )
    raw: float | None = Field(
        default=None, description="BM25 for the words, cosine for the meaning; null if it has none."
    )
    normalized: float = Field(description="The score as a share of the arm's best, 0 to 1.")


class Why(BaseModel):
    """The reasons for a memory's rank: score = alpha x keyword + (1 - alpha) x vector, and the nudges."""

    keyword: ArmScore = Field(description="Its rank and score by words.")
    vector: ArmScore = Field(description="Its rank and score by meaning.")
    evidence: float = Field(description="How sure it is that the memory is about the query, 0 to 1.")
    tokens: float | None = Field(
        default=None,
        description="How well its tokens meet those of the query, 0 to 1; null without vectors of them.",
    )
    fused: float = Field(description="The weighed sum of the arms, and of the tokens, 0 to 1.")
    nudges: dict[str, float] = Field(description="The small amounts added to `fused`, by name.")
    score: float = Field(description="The sum of `fused` and the nudges.")


class MatchedMemory(RecalledMemory):
    """A recalled memory: its stored fields, and its scores.

    The fields of the stored memory come from `RecalledMemory`. Only the fields that recall adds are here.
    """

    score: float = Field(
        default=0.0, description="How well it fits: both shares, weighed, and small nudges; the best may exceed 1."
    )
    keyword_score: float = Field(default=0.0, description="The words' share of it, 0 to 1.")
    vector_score: float = Field(default=0.0, description="The meaning's share of it, 0 to 1.")
    pinned: bool = Field(
        default=False,
        exclude_if=lambda is_first: not is_first,
        description="True if it comes first because somebody pinned it; absent if not.",
    )
    workspace: str | None = Field(
        default=None,
        exclude_if=lambda name: name is None,
        description="Its workspace; absent if it is the one of the call.",
    )
    skipped_by: list[SkippedBy] | None = Field(
        default=None,
        description="The entries of the skip list that it matches: do not act on it, and do not mention it.",
    )
    why: Why | None = Field(default=None, description="The reasons for its rank, if `explain` is set.")
    may_be_replaced_by: str | None = Field(
        default=None,
        exclude_if=lambda by: by is None,
        description="A newer memory that says something else about the same; absent if none was found.",
    )
    contradicted_by: list[str] = Field(default=[], exclude_if=lambda ids: not ids, description=CONTRADICTED_BY)
    stored_by: StoredBy | None = Field(
        default=None,
        exclude_if=lambda by: by is None,
        description="The person, app and session that stored it; absent unless it was asked for.",
    )
    cut: Cut | None = Field(
        default=None,
        description="The part of the text that `content` has, if there is no room in max_tokens for all of it; fetch "
        "returns the rest. null: `content` is whole.",
    )


OMITTED = (
    "The memories that rank among the first `limit` and are not in the answer, because they say the same as another "
    "one, were told before or have no room; with `explain`, all other memories found."
)


class Omitted(BaseModel):
    """A memory that was found and left out of the answer, with the reason."""

    id: str = Field(description="The memory's id.")
    reason: Reason = Field(
        description="expired; gate: nothing found is sure to fit, or this is not; threshold: below recall_threshold; "
        "scope: an operator of the query excludes it; skip_list: withheld; duplicate: of `by`; told: in this "
        "conversation; budget: no room in max_tokens; rank: below the limit."
    )
    by: str | None = Field(default=None, description="The memory that says the same, or the entry that withholds it.")


def list_skip_reasons(entries: Iterable[SkipEntry]) -> list[SkippedBy]:
    """Return entries of the skip list as an answer shows them."""
    return [SkippedBy(id=each.id, item=each.item, reason=each.reason, expires=each.expires) for each in entries]


def list_memory(memory: Memory, cut: Cut | None, *, has_links: bool) -> MatchedMemory:
    """A memory that was listed by its age, and not ranked, as an answer shows it."""
    shown = {*RecalledMemory.model_fields} - (set() if has_links else {"linkages"})
    return MatchedMemory.model_validate(memory.model_dump(include=shown) | {"cut": cut})


def list_matches(result: RecallResult, *, has_links: bool = False, is_explained: bool = False) -> list[MatchedMemory]:
    """The matches of a recall as an answer shows them, best first."""
    return [_build_match(each, result.own, has_links=has_links, is_explained=is_explained) for each in result.matches]


async def mark_contradicted(db: Database, matches: Sequence[MatchedMemory]) -> list[MatchedMemory]:
    """Return the matches of an answer, each with what contradicts it. One look-up, for all of them."""
    found = await find_contradictions(db, [each.id for each in matches])
    return [_add_contradictions(each, found.get(each.id)) for each in matches] if found else list(matches)


def _add_contradictions(match: MatchedMemory, ids: list[str] | None) -> MatchedMemory:
    return match.model_copy(update={"contradicted_by": ids}) if ids else match


def _build_match(match: Match, own: SearchedWorkspace | None, *, has_links: bool, is_explained: bool) -> MatchedMemory:
    ranked = match.ranked
    shown = match.memory.__dict__ | {
        "score": round(ranked.score, 3),
        "keyword_score": round(ranked.keyword_score, 3),
        "vector_score": round(ranked.vector_score, 3),
        "workspace": None if match.home is own else match.home.workspace.name,
        "skipped_by": list_skip_reasons(match.skipped_by) or None,
        "why": explain_rank(ranked, match.home) if is_explained else None,
        "may_be_replaced_by": match.replaced_by if match.memory.superseded_by is None else None,
        "cut": match.cut,
    }
    if not has_links:
        shown["linkages"] = None
    return MatchedMemory.model_validate(shown)


def explain_rank(ranked: RankedCandidate, home: SearchedWorkspace) -> Why:
    """Why a memory of a workspace stands where it stands."""
    candidate = ranked.candidate
    return Why(
        keyword=_build_arm_score(home.keyword_order, ranked.id, candidate.keyword, ranked.keyword_score),
        vector=_build_arm_score(home.vector_order, ranked.id, candidate.vector, ranked.vector_score),
        evidence=round(candidate.evidence, 3),
        tokens=None if ranked.token_score is None else round(ranked.token_score, 3),
        fused=round(ranked.fused, 3),
        nudges={name: round(nudge, 3) for name, nudge in ranked.nudges.items()},
        score=round(ranked.score, 3),
    )


def _build_arm_score(order: list[str], memory_id: str, raw: float | None, normalized: float) -> ArmScore:
    place = order.index(memory_id) + 1 if memory_id in order else None
    return ArmScore(rank=place, raw=None if raw is None else round(raw, 3), normalized=round(normalized, 3))


def list_omitted(result: RecallResult, *, is_explained: bool = False) -> list[Omitted] | None:
    """Return the memories that were found and are not in the answer; None if there are none and nobody asked."""
    omitted = [Omitted(id=each.id, reason=each.reason, by=each.by) for each in result.left_out]
    return omitted if is_explained else omitted or None
