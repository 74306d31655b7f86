"""Imports by those who use a server: a file that they send, the list of what was imported, and the way back."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from server.errors import Failure
from server.memory.models import Timestamp
from server.store.record import imports
from server.store.record.imports import ImportRun
from server.store.record.people.rights import Right
from server.store.record.works import runs
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.core.answers import Answer, build_meta
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Id, Name
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.standing import check_standing
from tools.core.store_refusals import refusals_as_failures
from tools.imports.importing import import_entries
from tools.imports.reading import read_entries
from tools.imports.report import ImportReport, RefusedPlace
from tools.imports.target import ImportTarget
from tools.imports.undoing import undo_import

#: A run that has said nothing for so long, and has not ended, broke off.
SILENCE = timedelta(minutes=2)


class ImportFile(InWorkspace):
    """The arguments of an import. The file itself is the body."""

    filename: Name = Field(default="upload", description="The file's name, for the report.")
    dry_run: bool = Field(default=False, description="Whether to say what would be imported, and to write nothing.")
    on_error: Literal["continue", "stop"] = Field(
        default="continue",
        description="If something is refused, `continue` imports everything else, and `stop` imports nothing.",
    )


class ImportAnswer(ImportReport, Answer):
    """The result of an import."""


class ListedImport(BaseModel):
    """One import."""

    id: str = Field(description="Its id, to read or undo it by.")
    source: str = Field(description="The name of the file or folder.")
    state: Literal["running", "done", "broken", "undone"] = Field(
        description="running, done, broken (it broke off; import the file again to complete it) or undone."
    )
    imported: int = Field(description="How many are new.")
    skipped: int = Field(description="How many an earlier import brought.")
    refused: int = Field(description="How many could not be imported.")
    started_at: Timestamp = Field(description="When it began.")
    ended_at: Timestamp | None = Field(default=None, description="When it ended; null if it has not.")
    undone_at: Timestamp | None = Field(default=None, description="When it was undone; null if it was not.")


class ImportList(Answer):
    """The imports of a workspace."""

    imports: list[ListedImport] = Field(description="The imports, newest first.")


class ImportDetails(ListedImport, Answer):
    """One import, with what was refused."""

    refusals: list[RefusedPlace] = Field(default=[], description="The first that were refused; known at its end.")
    notices: list[str] = Field(default=[], description="Facts to know about the import; known at its end.")


class UndoneImport(Answer):
    """An import that was undone."""

    id: str = Field(description="Its id.")
    deleted: int = Field(description="How many memories were deleted.")


class ListImports(InWorkspace):
    """The arguments of `list_imports`."""

    limit: Annotated[int, Field(ge=1, le=100)] = Field(default=20, description="The largest number of them.")


class ImportRef(InWorkspace):
    """The import that a call is about."""

    id: Id = Field(description="The import's id.")


async def import_upload(services: Services, call: Call, args: ImportFile, path: Path) -> ImportAnswer:
    """Import a file that was sent, and return the report. While it runs, `read_import` shows how far it is.

    It took time to come, and takes time to store: whether the caller may do that is asked again before each step.

    Raises:
        Failure: `invalid` if something is refused and `on_error` is `stop`; `quota_exceeded`; as `check_standing`.
    """
    target = _make_target(services, call)

    async def check_again(_report: ImportReport | None = None) -> None:
        await check_standing(services, call, Right.WRITE)

    with refusals_as_failures():
        await check_again()
        if args.dry_run or args.on_error == "stop":
            report = await import_entries(target, args.filename, read_entries(path, args.filename), dry_run=True)
            if args.dry_run:
                return _answer(call.workspace, report)
            _refuse_refusals(report)
        entries = read_entries(path, args.filename)
        report = await import_entries(target, args.filename, entries, dry_run=False, watch=check_again)
    services.directory.forget()
    workspace = call.workspace
    if report.imported:
        async with services.db.write() as connection:
            workspace = await target.ensure_workspace(connection)
            if not await runs.is_any_filed(connection, ["backfill"], services.now()):
                await runs.file_run(connection, "backfill", None, services.now())
        await services.projection.project(workspace.id)
    return _answer(workspace, report)


def _make_target(services: Services, call: Call) -> ImportTarget:
    return ImportTarget(
        db=services.db,
        plans=services.plans,
        now=services.now,
        actor=call.actor,
        workspace=call.workspace,
        generation=services.encoder.generation,
        tombstones=services.tombstones,
    )


def _answer(workspace: Workspace | MissingWorkspace, report: ImportReport) -> ImportAnswer:
    return ImportAnswer(meta=build_meta(workspace), **dict(report))


def _refuse_refusals(report: ImportReport) -> None:
    if report.refused:
        first = report.refusals[0]
        message = f"Nothing was imported, as {report.refused} of {report.total} things cannot be. {first.place}: "
        raise Failure("invalid", message + first.reason, field="on_error")


async def list_imports(services: Services, call: Call, args: ListImports) -> ImportList:
    """Return the newest imports of the workspace."""
    async with services.db.read() as connection:
        found = await imports.list_runs(connection, call.id_for_reading, args.limit)
    return ImportList(meta=call.meta, imports=[ListedImport(**_describe(services, each)) for each in found])


async def read_import(services: Services, call: Call, args: ImportRef) -> ImportDetails:
    """Return one import, as far as it is. Raises `not_found`."""
    async with services.db.read() as connection:
        run = await imports.find_run(connection, call.id_for_reading, args.id)
    if run is None:
        raise Failure("not_found", f"There is no import {args.id} in this workspace.", field="id")
    told = run.report or {}
    return ImportDetails(
        meta=call.meta,
        refusals=told.get("refusals", []),
        notices=told.get("notices", []),
        **_describe(services, run),
    )


def _describe(services: Services, run: ImportRun) -> dict[str, Any]:
    names = ("id", "source", "imported", "skipped", "refused", "started_at", "ended_at", "undone_at")
    return {name: getattr(run, name) for name in names} | {"state": _name_state(services, run)}


def _name_state(services: Services, run: ImportRun) -> str:
    if run.undone_at is not None or run.ended_at is not None:
        return "done" if run.undone_at is None else "undone"
    return "broken" if services.now() - (run.seen_at or run.started_at) > SILENCE else "running"


async def undo_import_run(services: Services, call: Call, args: ImportRef) -> UndoneImport:
    """Delete what an import brought, as one. Raises `not_found`; `conflict` if it was undone before."""
    workspace = call.workspace
    if isinstance(workspace, MissingWorkspace):
        raise Failure("not_found", f"There is no import {args.id} in this workspace.", field="id")
    with refusals_as_failures():
        deleted = await undo_import(services.db, services.now, call.actor, workspace.id, args.id)
    services.directory.forget()
    await services.projection.project(workspace.id)
    return UndoneImport(meta=call.meta, id=args.id, deleted=deleted)


OPERATIONS = (
    Operation(
        name="list_imports",
        description="List the newest imports into the workspace: files, numbers, and how far each one is.",
        routes=(("GET", "/v1/imports"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListImports,
        returns=ImportList,
        handler=list_imports,
        is_listed=False,
    ),
    Operation(
        name="read_import",
        description="Show one import: its numbers, also while it runs, and what it refused, with the places.",
        routes=(("GET", "/v1/imports/{id}"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ImportRef,
        returns=ImportDetails,
        handler=read_import,
        is_listed=False,
    ),
    Operation(
        name="undo_import",
        description="Delete everything that one import brought. Only when the person asks for it.",
        routes=(("DELETE", "/v1/imports/{id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=ImportRef,
        returns=UndoneImport,
        handler=undo_import_run,
        is_listed=False,
    ),
)
