"""Projects by min-memory's names, and the place that a client says it is in."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.errors import Failure
from server.memory.capture.projects import MOST_CHARACTERS, name_project, read_path, read_repository
from server.memory.models import Timestamp
from server.store.record.people import accounts
from tools.compat.min_memory_tools.words import JsonAnswer, MemoryType, have_done
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Name, NewName
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.entities.projects import CountByProject, ProjectCount, count_by_project
from tools.memories import operations
from tools.memories.purging import erase_project

PROJECT_TYPE: MemoryType = "project_context"
PlaceText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_CHARACTERS)]


class SetProject(InWorkspace):
    """The arguments of `set_project`."""

    project: NewName = Field(description="The project's name.")


class ProjectState(JsonAnswer):
    """A project, and how much is remembered of it."""

    project: str = Field(description="The project.")
    exists: bool = Field(description="Whether it existed before this call.")
    created: bool | None = Field(
        default=None, exclude_if=lambda created: created is None, description="True if it is new."
    )
    memory_count: int = Field(description="The number of its memories.")
    by_type: dict[str, int] = Field(description="The number of them of each type.")
    last_updated: Timestamp | None = Field(
        default=None,
        exclude_if=lambda at: at is None,
        description="When one of them changed last; absent if it is new.",
    )


class PurgeProject(InWorkspace):
    """The arguments of `purge_project`."""

    project: Name = Field(description="The project's name.")


class PurgedProject(JsonAnswer):
    """The project whose memories were erased."""

    status: Literal["purged"] = Field(default="purged", description="Its texts were overwritten.")
    project: str = Field(description="The project.")
    memory_count: int = Field(description="The number of memories that were erased, those deleted before too.")


class GitInfo(BaseModel):
    """The repository in which a client works."""

    model_config = ConfigDict(extra="forbid")

    repo: PlaceText | None = Field(default=None, description="Its name or its folder.")
    branch: Name | None = Field(default=None, description="The branch.")
    remote: PlaceText | None = Field(default=None, description="The URL of its remote.")


class GetContextInfo(InWorkspace):
    """The arguments of `get_context_info`: what the client knows, as the server cannot see it."""

    pwd: PlaceText | None = Field(default=None, description="The folder in which you work.")
    git_info: GitInfo | None = Field(default=None, description="Its repository, if it is in one.")


class ContextInfo(JsonAnswer):
    """The place of a client, as it says itself."""

    platform: Literal["http"] = Field(default="http", description="How it is connected.")
    user: str = Field(description="The person who is logged in.")
    pwd: str | None = Field(default=None, description="The folder, as it was sent.")
    git_info: GitInfo | None = Field(default=None, description="The repository, as it was sent.")
    project: str | None = Field(default=None, description="A name for the project there, for set_project.")
    timestamp: Timestamp = Field(description="The time of the server.")


async def find_project(services: Services, call: Call, project: str) -> ProjectCount | None:
    """Return the numbers of a project; None if no live memory belongs to it."""
    counted = await count_by_project(services, call, CountByProject(project=project))
    return counted.projects[0] if counted.projects else None


async def set_project(services: Services, call: Call, args: SetProject) -> ProjectState:
    """Return how much is remembered of a project; a new one gets a memory that says no more than its name.

    Raises:
        Failure: `quota_exceeded`.
    """
    found = await find_project(services, call, args.project)
    if found is not None:
        numbers = found.model_dump(include={"memory_count", "by_type", "last_updated"})
        return ProjectState(meta=call.meta, project=args.project, exists=True, **numbers)
    values = {"content": f"Project: {args.project}", "type": PROJECT_TYPE, "scope": "project"}
    values |= {"project": args.project, "entity": args.project}
    stored = await have_done(operations.store_memory, services, call, (operations.StoreMemory, values))
    return ProjectState(
        meta=stored.meta, project=args.project, exists=False, created=True, memory_count=1, by_type={PROJECT_TYPE: 1}
    )


async def purge_project(services: Services, call: Call, args: PurgeProject) -> PurgedProject:
    """Erase every memory of a project with its copies, deleted ones too, so that none can come back.

    Raises:
        Failure: `not_found` for a project of which nothing is kept.
    """
    done = await erase_project(services, call, args.project)
    if done is None or not done.counts["memories"]:
        raise Failure("not_found", f"Project not found: {args.project[:60]}.", field="project")
    meta = call.build_meta(done.notice)
    return PurgedProject(meta=meta, project=args.project, memory_count=done.counts["memories"])


async def get_context_info(services: Services, call: Call, args: GetContextInfo) -> ContextInfo:
    """Return the place that the client sent, and a name for its project. Nothing is kept of it."""
    async with services.db.read() as connection:
        user = await accounts.get_user(connection, call.principal.user_id)
    remote = args.git_info.remote if args.git_info else None
    places = [read_repository(remote) if remote else None, read_path(args.pwd) if args.pwd else None]
    return ContextInfo(
        meta=call.meta,
        user=call.principal.user_id if user is None else user.name,
        pwd=args.pwd,
        git_info=args.git_info,
        project=name_project([each for each in places if each is not None]),
        timestamp=services.now(),
    )


OPERATIONS = (
    Operation(
        name="set_project",
        description="Look up a project by its name before you store into it; a new one is made.",
        routes=(),
        scope="memory:write",
        effect=Effect.CREATE,
        args=SetProject,
        returns=ProjectState,
        handler=set_project,
    ),
    Operation(
        name="get_context_info",
        description="Tell where you work (folder, repository) and get a name for the project, your user and the time.",
        routes=(),
        scope="memory:read",
        effect=Effect.READ,
        args=GetContextInfo,
        returns=ContextInfo,
        handler=get_context_info,
    ),
)
PURGE = Operation(
    name="purge_project",
    description="Overwrite every memory of a project for good. Ask the person first: nothing brings them back.",
    routes=(),
    scope="memory:write",
    effect=Effect.DELETE,
    args=PurgeProject,
    returns=PurgedProject,
    handler=purge_project,
)
