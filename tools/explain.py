"""The reason why recall does, or does not, return a memory for a message."""

from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from server.memory.models import Memory, Timestamp
from server.memory.recall import gate
from server.memory.recall.ranking import RankedCandidate
from server.store.record import memories
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Id, Question
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.time_zone import InTimeZone, find_zone
from tools.memories.arguments import Facets
from tools.memories.rows import make_memory_not_found
from tools.recall.answers import Why, explain_rank
from tools.recall.model import LEAST_SHARES, RecallRequest, RecallResult
from tools.recall.pinned import choose_pinned
from tools.recall.pipeline import recall

DEPTH = 1_000
"""The number of points of each arm among which the memory is looked for."""

Verdict = Literal[
    "recalled",
    "deleted",
    "consolidated",
    "superseded",
    "buried",
    "pinned",
    "expired",
    "scope",
    "unmatched",
    "gate",
    "threshold",
    "skip_list",
    "duplicate",
    "budget",
    "rank",
]

_SENTENCES: dict[Verdict, str] = {
    "recalled": "It comes up, at place {rank}.",
    "deleted": "It was deleted.",
    "consolidated": "It was merged into the memory {by}, which is recalled in its place.",
    "superseded": "It was replaced by the memory {by}. as_of and include_superseded bring it back.",
    "buried": "It is buried. unbury_memory brings it back.",
    "pinned": "It is pinned, so each context begins with it.",
    "expired": "It expired at {expires_at}.",
    "scope": "The filters leave it out: its scope, project or another field does not match them.",
    "unmatched": "It shares no word with the message, and is not among the {depth} memories nearest in meaning.",
    "gate": "It is not sure enough to fit the message: its evidence is {evidence}, and {needed} is needed.",
    "threshold": "Its evidence, {evidence}, is below the workspace's recall_threshold, {needed}.",
    "skip_list": "The skip list's entry {by} speaks against it, and skip_enforcement is withhold.",
    "duplicate": "It says the same as the memory {by}, which is recalled in its place.",
    "budget": "It does not fit into max_tokens.",
    "rank": "Others fit better, or much better: it is at place {rank}, and {limit} come at most.",
}
_OF_ANOTHER = "Nothing fits: the message asks of somebody what the workspace knows of others only."


class ExplainRecall(InWorkspace, InTimeZone, Facets):
    """The arguments of `explain_recall`."""

    message: Question = Field(description="The message that the memory should have come up for.")
    memory_id: Id = Field(description="The memory's id.")
    limit: int = Field(default=10, ge=1, le=100, description="The `limit` of the recall to explain.")
    max_tokens: int | None = Field(
        default=None, ge=1, le=1_000_000, description="The `max_tokens` of the recall to explain."
    )


class Explanation(Answer):
    """The reason why recall does, or does not, return a memory."""

    memory_id: str = Field(description="The memory's id.")
    recalled: bool = Field(description="Whether recall returns it.")
    reason: Verdict = Field(description="The reason, in a word.")
    message: str = Field(description="The reason, in a sentence.")
    rank: int | None = Field(default=None, description="Its place among all that were ranked, 1 for the best.")
    evidence: float | None = Field(default=None, description="How sure it is that the memory fits the message, 0 to 1.")
    needed: float | None = Field(
        default=None,
        description="The evidence that the best memory must have for recall to answer at all; null if none is enough.",
    )
    by: str | None = Field(default=None, description="The memory or skip entry that is in its way.")
    why: Why | None = Field(default=None, description="Its scores, if it was ranked.")
    query_terms: list[str] = Field(default=[], description="The words of the message that were searched.")
    expires_at: Timestamp | None = Field(default=None, description="When it expires or expired.")


async def explain_recall(services: Services, call: Call, args: ExplainRecall) -> Explanation:
    """Repeat a recall, and follow one memory through it. Nothing counts as used.

    Raises:
        Failure: `not_found` if the memory is unknown or erased.
    """
    memory, is_deleted = await _find_memory(services, call, args.memory_id)
    request = RecallRequest(
        message=args.message,
        facets=args,
        limit=args.limit,
        least_share=0.0 if "limit" in args.model_fields_set else LEAST_SHARES["context"],
        max_tokens=args.max_tokens,
        zone=await find_zone(services, call, args.time_zone),
        counts_as_use=False,
        is_explained=True,
        least_depth=DEPTH,
    )
    result = await recall(services, call.workspace, request)
    end = _find_end(result, memory.id)
    verdict, by = end.verdict, end.by
    if is_deleted:
        verdict = "deleted"
    elif memory.consolidated:
        verdict, by = "consolidated", memory.consolidated_into
    elif memory.superseded_by is not None:
        verdict, by = "superseded", memory.superseded_by
    elif memory.buried_at is not None:
        verdict, by = "buried", None
    elif memory.expires_at is not None and memory.expires_at <= services.now():
        verdict = "expired"
    elif memory.pinned_at is not None and verdict != "recalled" and await _leads(services, call, args, memory.id):
        verdict, by = "pinned", None
    elif verdict == "unmatched" and not args.admits(memory):
        verdict = "scope"
    is_below_setting = verdict == "threshold"
    answer = Explanation(
        meta=call.build_meta(result.notice),
        memory_id=memory.id,
        recalled=verdict in {"recalled", "pinned"},
        reason=verdict,
        message="",
        rank=end.rank,
        evidence=_find_evidence(result, memory.id),
        needed=call.workspace.settings.recall_threshold if is_below_setting else _find_needed(result),
        by=by,
        why=None if end.ranked is None or result.own is None else explain_rank(end.ranked, result.own),
        query_terms=result.terms,
        expires_at=memory.expires_at,
    )
    values = answer.model_dump(mode="json") | {"limit": args.limit, "depth": DEPTH}
    sentence = _OF_ANOTHER if verdict == "gate" and answer.needed is None else _SENTENCES[verdict]
    return answer.model_copy(update={"message": sentence.format_map(values)})


async def _leads(services: Services, call: Call, args: ExplainRecall, memory_id: str) -> bool:
    """Whether a pinned memory is among those that the context begins with."""
    pinned = await choose_pinned(services, call, args, limit=args.limit, max_tokens=args.max_tokens)
    return any(each.id == memory_id for each in pinned.shown)


async def _find_memory(services: Services, call: Call, memory_id: str) -> tuple[Memory, bool]:
    """Return the memory, and whether it is deleted."""
    async with services.db.read() as connection:
        memory = await memories.get_memory(connection, call.id_for_reading, memory_id)
        if memory is not None:
            return memory, False
        memory = await memories.get_memory(connection, call.id_for_reading, memory_id, may_be_deleted=True)
    if memory is None:
        raise make_memory_not_found(memory_id, field="memory_id")
    return memory, True


@dataclass(frozen=True, slots=True)
class _End:
    """The step at which a memory left the pipeline of recall, and its rank among all ranked memories."""

    verdict: Verdict
    by: str | None = None
    ranked: RankedCandidate | None = None
    rank: int | None = None


def _find_end(result: RecallResult, memory_id: str) -> _End:
    ends = {each.ranked.id: _End("recalled", ranked=each.ranked) for each in result.matches}
    # Nothing was told before: the recall that is explained is in no conversation.
    ends |= {each.id: _End(each.reason, each.by, each.ranked) for each in result.left_out if each.reason != "told"}
    end = ends.get(memory_id, _End("unmatched"))
    if end.ranked is None:
        return end
    ranked = sorted((each.ranked for each in ends.values() if each.ranked), key=lambda each: -each.score)
    return replace(end, rank=ranked.index(end.ranked) + 1)


def _find_evidence(result: RecallResult, memory_id: str) -> float | None:
    candidates = [] if result.own is None else result.own.candidates
    return next((round(each.evidence, 3) for each in candidates if each.id == memory_id), None)


def _find_needed(result: RecallResult) -> float | None:
    """Return the evidence that the best memory needs; None if none is enough."""
    needed = gate.compute_threshold(0) if result.own is None else result.own.needed_evidence
    return round(needed, 3) if needed <= 1 else None


OPERATIONS = (
    Operation(
        name="explain_recall",
        description=(
            "Explain why one memory comes up for a message or does not: for example its rank, a filter, the skip "
            "list, a duplicate, or its expiry. Use it when recall misses a memory that exists."
        ),
        routes=(("POST", "/v1/recall/explain"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ExplainRecall,
        returns=Explanation,
        handler=explain_recall,
        is_listed=False,
    ),
)
