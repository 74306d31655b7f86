"""The consolidation runs of a workspace: their list, and undoing one."""

from pydantic import BaseModel, Field

from server.errors import Failure
from server.memory.models import Timestamp
from server.store.consolidation import runs as consolidation_runs
from server.store.consolidation.runs import NothingToUndo, RunKind, RunNotFound, RunState, UndoResult
from server.store.record.journal import Actor
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Id
from tools.core.operation import Effect, Operation
from tools.core.services import Services


class UndoConsolidation(InWorkspace):
    """The arguments of `undo_consolidation`."""

    run: Id = Field(description="The run's id.")


class KeptMerge(BaseModel):
    """A merged memory that was left as it is."""

    id: str = Field(description="The merged memory's id.")
    reason: str = Field(description="The reason why it was left.")


class UndoneConsolidation(Answer):
    """The result of an undo."""

    run: str = Field(description="The run's id.")
    restored: list[str] = Field(description="The memories that are back.")
    removed: list[str] = Field(description="The merged memories that are gone.")
    kept: list[KeptMerge] = Field(description="The merged memories that were left as they are, with the reasons.")
    indexed: bool = Field(description="False if the search store is down: recall finds it later.")


class ListConsolidations(InWorkspace):
    """The arguments of `list_consolidations`."""

    limit: int = Field(default=20, ge=1, le=100, description="The largest number of runs.")


class RunView(BaseModel):
    """A run."""

    id: str = Field(description="The run's id.")
    kind: RunKind = Field(description="auto: somebody asked for it; nightly; group: of memories that were named.")
    state: RunState = Field(description="done, undone, partly undone; stopped: it would have changed too much.")
    at: Timestamp = Field(description="The time of the run.")
    active: int = Field(
        description="The number of active memories before the run; for a group, the number of memories named."
    )
    sources: int = Field(description="The number of memories that were merged, or would have been.")
    merged: int = Field(description="The number of merged memories made from them.")
    undone: int = Field(description="The number of merges that were undone.")
    by_ai: int = Field(description="The number of texts that a language model wrote.")


class RunList(Answer):
    """A workspace's runs."""

    runs: list[RunView] = Field(description="The runs, newest first.")


async def undo_consolidation(services: Services, call: Call, args: UndoConsolidation) -> UndoneConsolidation:
    """Undo a run, except for merges that were changed since. Raises Failure as `undo_run` does."""
    workspace = call.id_for_reading
    undone = await undo_run(services, workspace, args.run, call.actor)
    return UndoneConsolidation(
        meta=call.meta,
        run=args.run,
        restored=undone.restored,
        removed=undone.removed,
        kept=[KeptMerge(id=memory_id, reason=reason) for memory_id, reason in undone.kept.items()],
        indexed=await services.projection.project(workspace),
    )


async def undo_run(services: Services, workspace_id: str, run_id: str, actor: Actor) -> UndoResult:
    """Undo a run, except for merges that were changed since. The caller projects.

    Raises:
        Failure: `not_found`; `conflict` if no part of it can be undone.
    """
    try:
        return await consolidation_runs.undo_run(services.db, workspace_id, run_id, actor, services.now())
    except RunNotFound:
        message = f"There is no consolidation run {run_id} in this workspace."
        raise Failure("not_found", message, field="run") from None
    except NothingToUndo as refusal:
        reasons = "; ".join(refusal.reasons) or "it was undone before"
        raise Failure("conflict", f"Nothing of this run can be undone: {reasons}.") from None


async def list_consolidations(services: Services, call: Call, args: ListConsolidations) -> RunList:
    """Return a workspace's runs, newest first, with those that were stopped."""
    async with services.db.read() as connection:
        found = await consolidation_runs.list_runs(connection, call.id_for_reading, args.limit)
    names = RunView.model_fields
    runs = [RunView.model_validate({name: getattr(each, name) for name in names}) for each in found]
    return RunList(meta=call.meta, runs=runs)


OPERATIONS = (
    Operation(
        name="undo_consolidation",
        description=(
            "Undo a consolidation run by its id: the memories that it merged come back, and the merged ones are "
            "removed. A merged memory that was changed since then stays, and the answer lists it."
        ),
        routes=(("POST", "/v1/consolidate/{run}/undo"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UndoConsolidation,
        returns=UndoneConsolidation,
        handler=undo_consolidation,
        is_listed=False,
    ),
    Operation(
        name="list_consolidations",
        description=(
            "List the consolidation runs of this workspace, newest first, with the ids that undo_consolidation takes."
        ),
        routes=(("GET", "/v1/consolidate/runs"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListConsolidations,
        returns=RunList,
        handler=list_consolidations,
        is_listed=False,
    ),
)
