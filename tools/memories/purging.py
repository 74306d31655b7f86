"""Purging: everything that a workspace or one of its projects remembers is erased for good, in one step."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from server.store.lifecycle.forgetting import ErasedWorkspace, purge_place, tell_counts
from server.store.record.journal import Actor
from server.store.record.people.rights import Right
from server.store.record.workspaces import Workspace
from tools.core.access import find_workspace_by_id
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories.remains import find_remains


class PurgeMemories(InWorkspace):
    """The arguments of `purge_memories`."""

    project: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = Field(
        default=None, description="Only the memories of this project of the workspace. Default: all of them."
    )
    dry_run: bool = Field(default=False, description="Return the counts, and erase nothing.")


class PurgedMemories(Answer):
    """The counts of a purge, or of one that would be."""

    dry_run: bool = Field(description="Whether nothing was erased.")
    project: str | None = Field(default=None, description="The project; null for the whole workspace.")
    counts: dict[str, int] = Field(description="The number of rows that are erased, by table.")
    receipt: str | None = Field(default=None, description="The id of the receipt; null if nothing was erased.")
    kept: list[str] = Field(
        default=[], description="The files that still hold it; the notice in `meta` says what removes each."
    )


@dataclass(frozen=True, slots=True)
class Purge:
    """A purge that was carried out, or that a dry run undid.

    Attributes:
        counts: the rows by table.
        receipt: the id of the receipt; "" of a dry run.
        kept: the files that still hold what was erased.
        notice: what removes these files; None if there are none.
    """

    counts: dict[str, int]
    receipt: str
    kept: list[str]
    notice: str | None


async def purge_memories(services: Services, call: Call, args: PurgeMemories) -> PurgedMemories:
    """Erase all memories of the workspace with all that agents reported, or those of one project, in one transaction.

    Erased text is not stored again until a person lifts that. The workspace stays, and so do working memory, the
    skip list and crystals that somebody wrote. Only who may delete the workspace may purge it.
    """
    if not isinstance(call.workspace, Workspace):
        return PurgedMemories(meta=call.meta, dry_run=args.dry_run, project=args.project, counts={})
    await find_workspace_by_id(services, call, call.workspace.id, Right.MANAGE)
    done = await purge(services, call.workspace, call.actor, args.project, dry_run=args.dry_run)
    return PurgedMemories(
        meta=call.build_meta(done.notice),
        dry_run=args.dry_run,
        project=args.project,
        counts=tell_counts(done.counts),
        receipt=done.receipt or None,
        kept=done.kept,
    )


async def purge(
    services: Services, workspace: Workspace, actor: Actor, project: str | None = None, *, dry_run: bool = False
) -> Purge:
    """Purge a workspace, or a project in it."""
    place = ErasedWorkspace(workspace.account_id, workspace.id)
    async with services.db.write() as connection:
        counts, receipt = await purge_place(
            connection, services.tombstones, place, project, actor, services.now(), dry_run=dry_run
        )
    if dry_run:
        return Purge(counts, receipt, [], None)
    services.encoder.source.forget_queries()
    services.vocabularies.forget()
    services.known_names.forget()
    services.encoder.filling.note_gaps()
    await services.projection.project(workspace.id)
    remains = await find_remains(services)
    return Purge(counts, receipt, remains.files, remains.notice)


async def erase_project(services: Services, call: Call, project: str) -> Purge | None:
    """Purge a project of the call's workspace; None if there is no such workspace."""
    if not isinstance(call.workspace, Workspace):
        return None
    await find_workspace_by_id(services, call, call.workspace.id, Right.MANAGE)
    return await purge(services, call.workspace, call.actor, project)


OPERATIONS = (
    Operation(
        name="purge_memories",
        description=(
            "Erase for good all memories of the workspace, or of one project in it, with everything that agents "
            "reported. It cannot be undone, so send dry_run first and show the person the counts. What was erased is "
            "not stored again until a person lifts that."
        ),
        routes=(("POST", "/v1/purge"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=PurgeMemories,
        returns=PurgedMemories,
        handler=purge_memories,
        is_listed=False,
    ),
)
