"""Why one known memory does, or does not, come up for a message."""

from typing import Literal

from pydantic import Field

from server.errors import Failure
from server.memory import gate
from server.memory.models import Memory, Timestamp
from server.store.record import memories
from tools.core.fields import Id, Question
from tools.core.operation import Answer, Call, Effect, InWorkspace, Operation
from tools.core.services import Services
from tools.memories.arguments import Facets
from tools.recall.answers import why
from tools.recall.model import Why
from tools.recall.pipeline import Asked, LeftOut, Match, Recalled, recall

DEPTH = 1_000
"""How far down each arm is looked for the memory."""

Verdict = Literal[
    "recalled",
    "deleted",
    "consolidated",
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

_SAID: dict[Verdict, str] = {
    "recalled": "It comes up, at place {rank}.",
    "deleted": "It was deleted.",
    "consolidated": "It was merged into the memory {by}, which is recalled in its place.",
    "expired": "It expired at {expires_at}.",
    "scope": "The filters leave it out: its scope, project or another field is not what was asked for.",
    "unmatched": "It shares no word with the message, and is not among the {depth} memories nearest in meaning.",
    "gate": "It is not sure enough to have to do with the message: its evidence is {evidence}, and {needed} is needed.",
    "threshold": "Its evidence, {evidence}, is below the workspace's recall_threshold, {needed}.",
    "skip_list": "The skip list's entry {by} speaks against it, and skip_enforcement is withhold.",
    "duplicate": "It says the same as the memory {by}, which is recalled in its place.",
    "budget": "It does not fit into max_tokens.",
    "rank": "Others fit better: it is at place {rank}, and {limit} were asked for.",
}


class ExplainRecall(InWorkspace, Facets):
    """What `explain_recall` takes."""

    message: Question = Field(description="The message that the memory should have come up for.")
    memory_id: Id = Field(description="The memory's id.")
    limit: int = Field(default=10, ge=1, le=100, description="The `limit` of the recall to explain.")
    max_tokens: int | None = Field(
        default=None, ge=1, le=1_000_000, description="The `max_tokens` of the recall to explain."
    )


class Explanation(Answer):
    """Why a memory does or does not come up."""

    memory_id: str = Field(description="The memory's id.")
    recalled: bool = Field(description="Whether it comes up.")
    reason: Verdict = Field(description="Why, in a word.")
    message: str = Field(description="Why, in a sentence.")
    rank: int | None = Field(default=None, description="Its place among all that were ranked, 1 for the best.")
    evidence: float | None = Field(default=None, description="How sure it is to have to do with the message, 0 to 1.")
    needed: float | None = Field(
        default=None, description="How sure the best memory must be for there to be an answer."
    )
    by: str | None = Field(default=None, description="The memory or skip entry that is in its way.")
    why: Why | None = Field(default=None, description="Its scores, where it was ranked.")
    query_terms: list[str] = Field(default=[], description="The words that were looked for.")
    expires_at: Timestamp | None = Field(default=None, description="When it expires or expired.")


async def explain_recall(services: Services, call: Call, args: ExplainRecall) -> Explanation:
    """Recall as it would have been done, and follow one memory through it. Nothing is counted as a use.

    Raises:
        Failure: `not_found` for a memory that is unknown or erased.
    """
    workspace, now = call.workspace, services.now()
    async with services.db.read() as connection:
        memory = await memories.get(connection, workspace.id, args.memory_id, or_deleted=True)
        is_deleted = memory is not None and await memories.get(connection, workspace.id, args.memory_id) is None
    if memory is None:
        raise Failure("not_found", f"Memory not found: {args.memory_id}.", field="memory_id")
    facets = Facets.model_construct(**{name: getattr(args, name) for name in Facets.model_fields})
    asked = Asked(
        message=args.message,
        facets=facets,
        limit=args.limit,
        max_tokens=args.max_tokens,
        track=False,
        explain=True,
        depth=DEPTH,
    )
    found = await recall(services, call, asked)
    answer = Explanation(
        meta=call.noted(found.notice),
        memory_id=memory.id,
        recalled=False,
        reason="unmatched",
        message="",
        query_terms=found.terms,
        expires_at=memory.expires_at,
    )
    _follow(answer, found)
    if is_deleted:
        answer.reason = "deleted"
    elif memory.consolidated:
        answer.reason, answer.by = "consolidated", memory.consolidated_into
    elif memory.expires_at is not None and memory.expires_at <= now:
        answer.reason = "expired"
    elif answer.reason == "unmatched" and not _is_in(facets, memory):
        answer.reason = "scope"
    if answer.reason == "threshold":
        answer.needed = workspace.settings.recall_threshold
    answer.recalled = answer.reason == "recalled"
    answer.message = _sentence(answer, args)
    return answer


def _follow(answer: Explanation, found: Recalled) -> None:
    """Where the memory ended up in a recall, put into the answer."""
    home = found.searched[0]
    answer.needed = round(gate.threshold(home.total), 3)
    for candidate in home.candidates:
        if candidate.id == answer.memory_id:
            answer.evidence = round(candidate.evidence, 3)
    ends: list[Match | LeftOut] = [*found.matches, *found.left_out]
    ranked = sorted((each.ranked for each in ends if each.ranked), key=lambda each: -each.score)
    places = {each.id: place for place, each in enumerate(ranked, 1)}
    for end in ends:
        memory_id = end.memory.id if isinstance(end, Match) else end.id
        if memory_id == answer.memory_id:
            answer.rank, answer.why = places.get(memory_id), why(end, home)
            answer.reason = "recalled" if isinstance(end, Match) else end.reason
            answer.by = None if isinstance(end, Match) else end.by


def _is_in(facets: Facets, memory: Memory) -> bool:
    """Whether the filters let a memory through."""
    wanted, tags = {tag.lower() for tag in facets.tags}, {tag.lower() for tag in memory.tags}
    is_elsewhere = facets.project is not None and facets.scope is None and memory.project != facets.project
    return (
        all(getattr(memory, name) == value for name, value in facets.equal().items())
        and not (is_elsewhere and memory.scope != "global")
        and (not facets.type or memory.type in facets.type)
        and (not wanted or not wanted.isdisjoint(tags))
    )


def _sentence(answer: Explanation, args: ExplainRecall) -> str:
    values = answer.model_dump(mode="json") | {"limit": args.limit, "depth": DEPTH}
    return _SAID[answer.reason].format_map(values)


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
        listed=False,
    ),
)
