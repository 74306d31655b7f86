"""Projects: workspaces as agents find them, by the folder or the repository in which they work."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.memory.capture.projects import (
    MOST_CHARACTERS,
    Place,
    list_project_folders,
    name_apart,
    name_project,
    read_path,
    read_repository,
)
from server.store.directory import WorkspaceNameTooLong, WorkspaceNotFound
from server.store.record import workspaces
from server.store.record.capture import places
from server.store.record.people.rights import Right
from server.store.record.workspaces import MissingWorkspace, Workspace
from tools.capture.access import list_own_workspaces, make_not_found
from tools.capture.wire import ProjectView, Wire
from tools.core.access import find_named_workspace
from tools.core.arguments import Args, NoArgs, WorkspaceName
from tools.core.call import AccountCall
from tools.core.fields import Id
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories.purging import purge

PlaceText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_CHARACTERS)]


class CreateProject(Args):
    """The arguments of `create_project`."""

    name: WorkspaceName | None = Field(
        default=None, description="Its name. Default: that of the repository, else that of the folder."
    )
    path: PlaceText | None = Field(default=None, description="The folder in which the agent works.")
    repository: PlaceText | None = Field(default=None, description="The URL of its remote repository.")

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if self.name is None and self.path is None and self.repository is None:
            raise ValueError("send a name, a path or a repository")
        return self


class CreatedProject(Wire):
    """The project, and whether it is new."""

    project: ProjectView = Field(description="The project.")
    created: bool = Field(description="False if it existed already.")


class ProjectList(Wire):
    """The projects of an account."""

    projects: list[ProjectView] = Field(description="The projects, the one that changed last first.")


class ProjectRef(Args):
    """The arguments of `read_project`."""

    id: Id = Field(description="The project's id: the name of its workspace.")


class ProjectAnswer(Wire):
    """One project."""

    project: ProjectView = Field(description="The project.")


class PurgeProject(ProjectRef):
    """The arguments of `purge_project`."""


class PurgedCounts(Wire):
    """The numbers of what was erased."""

    observations: int = Field(description="The memories.")
    agent_events: int = Field(description="The events.")
    sessions: int = Field(description="The sessions.")
    jobs: int = Field(description="The jobs.")


class PurgedProject(Wire):
    """The project whose memory was purged."""

    purged: Literal[True] = Field(default=True, description="Everything was erased.")
    project_id: str = Field(description="The project.")
    counts: PurgedCounts = Field(description="How much was erased.")
    receipt: str = Field(description="The id of the receipt.")
    notice: str | None = Field(default=None, description="The files that still hold it, and what removes each.")


@dataclass(frozen=True, slots=True)
class Resolved:
    """The workspace of a project, and whether it was made now."""

    workspace: Workspace
    is_new: bool


async def resolve_project(
    connection: AsyncConnection,
    services: Services,
    account_id: str,
    *,
    name: str | None = None,
    path: str | None = None,
    repository: str | None = None,
) -> Resolved:
    """Return the account's project that is known by a repository, by a folder or a folder above it, or by a name.

    A missing one is made, in the caller's transaction, and it is known by the places from then on. Worktrees of one
    repository are one project: the repository decides before the folder. At least one of the three must be given.

    Raises:
        QuotaExceeded: it was missing, and the account's plan allows no more workspaces.
    """
    remote = None if repository is None else read_repository(repository)
    folder = None if path is None else read_path(path)
    given = [each for each in (remote, folder) if each is not None]
    likely = [*([remote] if remote else []), *(list_project_folders(folder) if folder else [])]
    known = await places.find_workspaces_at(connection, account_id, likely) if likely else {}
    found = await _find_at(connection, remote, likely, known) if name is None else None
    is_new = False
    if found is None:
        wanted = name or await _choose_name(connection, account_id, remote, given)
        found, is_new = await services.plans.ensure_workspace(
            connection, account_id, wanted, services.encoder.generation, services.now()
        )
    elif folder is not None and found.id in (known.get(each.key) for each in likely if each is not remote):
        given = [each for each in given if each is remote]  # the folder is in one by which the project is known
    new = [each for each in given if known.get(each.key) != found.id]
    await places.put_places(connection, account_id, found.id, new, services.now())
    return Resolved(found, is_new)


async def _find_at(
    connection: AsyncConnection, remote: Place | None, likely: list[Place], known: dict[str, str]
) -> Workspace | None:
    """Return the workspace that is known by the first of these places."""
    for each in likely:
        if each.key not in known:
            continue
        # Another repository may lie inside the folder of a project.
        is_other = remote not in {None, each} and await _has_other_repository(connection, known[each.key], remote)
        if not is_other:
            return await workspaces.get_workspace(connection, known[each.key])
    return None


async def _has_other_repository(connection: AsyncConnection, workspace_id: str, remote: Place | None) -> bool:
    there = (await places.list_places(connection, [workspace_id])).get(workspace_id, [])
    repositories = [each for each in there if each.kind == "repository"]
    return bool(repositories) and remote not in repositories


async def _choose_name(connection: AsyncConnection, account_id: str, remote: Place | None, given: list[Place]) -> str:
    """Return the name of a project that is not known by its places. It may be that of a workspace that is there."""
    name = name_project(given) or "default"
    if remote is None:
        return name
    there = await workspaces.find_workspace(connection, account_id, name)
    if there is not None and await _has_other_repository(connection, there.id, remote):
        return name_apart(remote)
    return name


async def create_project(services: Services, call: AccountCall, args: CreateProject) -> CreatedProject:
    """Find the project of a name, a folder or a repository, or make it.

    Raises:
        Failure: `forbidden` for a key that is bound to a workspace; `quota_exceeded`.
    """
    principal = call.principal
    if principal.workspace_id is not None:
        raise Failure("forbidden", "This key is bound to one workspace; it cannot make projects.")
    account_id, name = principal.account_id, None
    if args.name is not None:
        wanted = (await find_named_workspace(services, principal, args.name)).demand(Right.WRITE)
        account_id, name = wanted.account_id, wanted.name
    async with services.db.write() as connection:
        resolved = await resolve_project(
            connection, services, account_id, name=name, path=args.path, repository=args.repository
        )
        known = await places.list_places(connection, [resolved.workspace.id])
    view = ProjectView.make(resolved.workspace, known.get(resolved.workspace.id, []))
    return CreatedProject(project=view, created=resolved.is_new)


async def list_projects(services: Services, call: AccountCall, args: NoArgs) -> ProjectList:  # noqa: ARG001 - a handler's signature
    """Return the projects of the caller's account; a bound key sees only its own."""
    mine = await list_own_workspaces(services, call.principal)
    async with services.db.read() as connection:
        known = await places.list_places(connection, mine)
    newest_first = sorted(mine.values(), key=lambda each: (each.updated_at, each.id), reverse=True)
    return ProjectList(projects=[ProjectView.make(each, known.get(each.id, [])) for each in newest_first])


async def read_project(services: Services, call: AccountCall, args: ProjectRef) -> ProjectAnswer:
    """Return one project by its id. Raises `not_found`."""
    workspace = await find_project(services, call, args.id, Right.READ)
    async with services.db.read() as connection:
        known = await places.list_places(connection, [workspace.id])
        fresh = await workspaces.get_workspace(connection, workspace.id) or workspace
    return ProjectAnswer(project=ProjectView.make(fresh, known.get(workspace.id, [])))


async def purge_project(services: Services, call: AccountCall, args: PurgeProject) -> PurgedProject:
    """Erase every memory of a project, and all that agents reported in it, for good and at once. The project stays.

    Raises:
        Failure: `not_found`.
    """
    workspace = await find_project(services, call, args.id, Right.MANAGE)
    done = await purge(services, workspace, call.actor)
    purged = PurgedCounts(
        observations=done.counts["shown"],
        agent_events=done.counts["events"],
        sessions=done.counts["sessions"],
        jobs=done.counts["jobs"],
    )
    return PurgedProject(project_id=workspace.name, counts=purged, receipt=done.receipt, notice=done.notice)


async def find_project(
    services: Services, call: AccountCall, project_id: str, needed: Right, field: str = "id"
) -> Workspace:
    """Return the workspace of a project with which the caller may do what is needed.

    Raises:
        Failure: `not_found`, with the field; `forbidden` if they may do less.
    """
    principal = call.principal
    refusal = make_not_found("Project", project_id, field)
    try:
        found = await find_named_workspace(services, principal, project_id)
    except (WorkspaceNotFound, WorkspaceNameTooLong):
        raise refusal from None
    workspace = found.workspace
    if isinstance(workspace, MissingWorkspace) or principal.workspace_id not in {None, workspace.id}:
        raise refusal
    call.note_workspace(workspace)
    found.demand(needed)
    return workspace


OPERATIONS = (
    Operation(
        name="create_project",
        description=(
            "Find the project that an agent works in, by its name, folder or remote repository, or make it. All "
            "worktrees of one repository are one project. Projects are workspaces."
        ),
        routes=(("POST", "/v1/projects"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=CreateProject,
        returns=CreatedProject,
        handler=create_project,
        is_listed=False,
    ),
    Operation(
        name="list_projects",
        description="List the projects that you can use, with the folders and repositories by which they are found.",
        routes=(("GET", "/v1/projects"),),
        scope="memory:read",
        effect=Effect.READ,
        args=NoArgs,
        returns=ProjectList,
        handler=list_projects,
        is_listed=False,
    ),
    Operation(
        name="read_project",
        description="Read one project: its name, and the folders and the repository by which it is found.",
        routes=(("GET", "/v1/projects/{id}"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ProjectRef,
        returns=ProjectAnswer,
        handler=read_project,
        is_listed=False,
    ),
    Operation(
        name="purge_project",
        description=(
            "Erase every memory of a project and all that agents reported in it, for good and at once. Only when the "
            "person asks for exactly that; name the project back to them first."
        ),
        routes=(("DELETE", "/v1/projects/{id}/memory"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=PurgeProject,
        returns=PurgedProject,
        handler=purge_project,
        is_listed=False,
    ),
)
