"""Merging memories that say the same or belong together."""

from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from server.errors import Failure
from server.memory.merging import grouping
from server.memory.merging.merged_memory import MOST_BYTES
from server.store.consolidation import carry_out
from server.store.consolidation.carry_out import (
    ChangedMeanwhile,
    ConsolidationDeps,
    NotActive,
    SummaryTooLong,
)
from server.store.consolidation.merge_plan import Merge, MergePlan
from server.store.consolidation.runs import Method
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Content, Id, NewWords, Word
from tools.core.operation import Effect, Operation
from tools.core.services import Services

#: The number of merged memories in an answer, and the number of characters that it shows of each.
SHOWN, SHOWN_CHARACTERS = 100, 500
_ADVICE = "look with dry_run at what it is, then send a larger share."


class Consolidate(InWorkspace):
    """The arguments of `consolidate`."""

    dry_run: bool = Field(default=False, description="Only report the merges that would be made; change nothing.")
    share: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description=(
            "The largest share of the workspace's memories that may be merged. Default: the workspace's setting "
            "consolidation_share. If that is not set either: 0.5, and up to twenty memories in any case."
        ),
    )


class ConsolidateGroup(InWorkspace):
    """The arguments of `consolidate_group`."""

    source_ids: Annotated[list[Id], Field(max_length=100)] = Field(
        default=[],
        description="The memories to merge: at least 2.",
        json_schema_extra={"minItems": 2, "uniqueItems": True},
    )
    content: Content | None = Field(
        default=None, description="The text of the merged memory, in your words. Default: a summary of them."
    )
    type: Word | None = Field(default=None, description="Its type. Default: their most frequent one.")
    tags: NewWords = Field(default=[], description="Tags to add to theirs.")

    @model_validator(mode="after")
    def _require_several(self) -> Self:
        if len(self.unique_ids) < 2:  # noqa: PLR2004 - one alone is not merged
            raise ValueError("source_ids must name at least 2 different memories")
        return self

    @property
    def unique_ids(self) -> list[str]:
        """The memories to merge, each once."""
        return list(dict.fromkeys(self.source_ids))


class MergeView(BaseModel):
    """Some memories, and the one in their place."""

    id: str | None = Field(default=None, description="The merged memory's id; none in a dry run.")
    source_ids: list[str] = Field(description="The memories that were merged; they can be brought back.")
    type: str = Field(description="The merged memory's type.")
    tags: list[str] = Field(description="Its tags.")
    method: Method = Field(description="The writer of its text: a language model (ai), the template, or the agent.")
    summary: str = Field(description="The beginning of its text: at most 500 characters.")


class ConsolidationReport(Answer):
    """The merges that were made, or would be made."""

    run: str | None = Field(default=None, description="The run's id, for undo_consolidation; null if nothing was run.")
    dry_run: bool = Field(description="True if nothing was changed.")
    active: int = Field(description="The number of active memories before the run.")
    sources: int = Field(description="The number of memories that were merged.")
    merged: int = Field(description="The number of merged memories made from them.")
    groups: list[MergeView] = Field(description="The merged memories; the first 100.")
    indexed: bool = Field(description="False if the search store is down: recall finds it later.")


class ConsolidatedGroup(Answer):
    """The memory that took the place of others."""

    id: str = Field(description="The merged memory's id.")
    run: str = Field(description="The run's id, for undo_consolidation.")
    source_ids: list[str] = Field(description="The memories that were merged, as they were given.")
    method: Method = Field(description="The writer of its text: the agent, a language model (ai), or the template.")
    indexed: bool = Field(description="False if the search store is down: recall finds it later.")


def make_deps(services: Services) -> ConsolidationDeps:
    """Return what a consolidation needs of this server."""
    return ConsolidationDeps(services.db, services.projection, services.encoder, services.llm, services.tombstones)


def _to_view(each: Merge, *, is_done: bool) -> MergeView:
    return MergeView(
        id=each.result.id if is_done else None,
        source_ids=[source.id for source in each.sources],
        type=each.result.type,
        tags=each.result.tags,
        method=each.method,
        summary=each.result.content[:SHOWN_CHARACTERS],
    )


async def consolidate(services: Services, call: Call, args: Consolidate) -> ConsolidationReport:
    """Merge memories that share tags, in groups of three or more, and memories that repeat one another.

    It is one transaction. Raises `conflict` if more than the share would change; then nothing is changed.
    """
    share = call.workspace.settings.chosen_share if args.share is None else args.share
    outcome = await carry_out.consolidate_workspace(
        make_deps(services), call.id_for_reading, call.actor, services.now(), share=share, is_dry=args.dry_run
    )
    planned = outcome.plan
    is_too_much = args.dry_run and grouping.is_too_much(planned.sources, planned.active, share)
    too_much = _describe_share(planned, share) if is_too_much or outcome.state == "stopped" else ""
    if outcome.state == "stopped":
        raise Failure("conflict", f"{too_much} Nothing was changed: {_ADVICE}", field="share")
    return ConsolidationReport(
        meta=call.build_meta(f"{too_much} It would be stopped: {_ADVICE}" if is_too_much else None),
        run=outcome.run_id,
        dry_run=args.dry_run,
        active=planned.active,
        sources=planned.sources,
        merged=len(planned.merges),
        groups=[_to_view(each, is_done=outcome.state == "done") for each in planned.merges[:SHOWN]],
        indexed=outcome.indexed,
    )


def _describe_share(planned: MergePlan, share: float | None) -> str:
    return (
        f"{planned.sources} of {planned.active} memories would be merged ({planned.sources / planned.active:.0%}), "
        f"more than the share of {grouping.DEFAULT_SHARE if share is None else share:.0%}."
    )


async def consolidate_group(services: Services, call: Call, args: ConsolidateGroup) -> ConsolidatedGroup:
    """Merge the named memories and no others. Raises `invalid`, with the ids that cannot be merged, and `conflict`."""
    if args.content is not None:
        async with services.db.read() as connection:
            await services.tombstones.check_texts(connection, call.id_for_reading, [args.content])
    try:
        outcome = await carry_out.consolidate_group(
            make_deps(services),
            call.id_for_reading,
            call.actor,
            services.now(),
            args.unique_ids,
            content=args.content,
            kind=args.type,
            tags=args.tags,
        )
    except NotActive as refusal:
        raise _make_not_active_failure(refusal) from None
    except SummaryTooLong as refusal:
        message = f"content: the summary would have {refusal.size} bytes, more than {MOST_BYTES}; send one."
        raise Failure("invalid", message, field="content") from None
    except ChangedMeanwhile:
        message = "One of these memories changed just now. Read them again and send the request again."
        raise Failure("conflict", message) from None
    (only,) = outcome.plan.merges
    return ConsolidatedGroup(
        meta=call.meta,
        id=only.result.id,
        run=outcome.run_id or "",
        source_ids=args.unique_ids,
        method=only.method,
        indexed=outcome.indexed,
    )


def _make_not_active_failure(refusal: NotActive) -> Failure:
    few = " Without them there are fewer than 2." if refusal.left < grouping.SMALLEST_REPEAT else ""
    return Failure(
        "invalid",
        f"source_ids: not active memories of this workspace: {', '.join(refusal.ids)}.{few} "
        "Send ids of memories that were neither deleted nor merged, and have not expired.",
        field="source_ids",
    )


OPERATIONS = (
    Operation(
        name="consolidate",
        description=(
            "Merge all memories of the workspace that belong together: three or more that share tags, and those that "
            "say the same in the same words. By itself the server merges only the latter, every night. Use dry_run "
            "first; undo_consolidation reverses it."
        ),
        routes=(("POST", "/v1/consolidate"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=Consolidate,
        returns=ConsolidationReport,
        handler=consolidate,
        is_listed=False,
    ),
    Operation(
        name="consolidate_group",
        description=(
            "Merge overlapping memories into one that you write: put everything that is still true into `content`, "
            "once. From then on recall finds the new memory and not the old ones. The new memory links to them, and "
            "undo_consolidation brings them back."
        ),
        routes=(("POST", "/v1/consolidate/group"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=ConsolidateGroup,
        returns=ConsolidatedGroup,
        handler=consolidate_group,
    ),
)
