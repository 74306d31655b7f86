"""The projects that a workspace's memories belong to."""

from pydantic import BaseModel, Field

from server.memory.models import Timestamp
from server.store.record.entities import projects
from server.store.record.memory_lists import Listing
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Name
from tools.core.operation import Effect, Operation
from tools.core.services import Services


class CountByProject(InWorkspace):
    """The arguments of `count_by_project`."""

    project: Name | None = Field(default=None, description="Only this project.")


class ProjectCount(BaseModel):
    """The memories of one project, counted."""

    project: str = Field(description="The project.")
    memory_count: int = Field(description="The number of its memories.")
    by_type: dict[str, int] = Field(description="The number of them of each type.")
    last_updated: Timestamp = Field(description="When one of them changed last.")


class ProjectCounts(Answer):
    """The projects to which a workspace's memories belong."""

    projects: list[ProjectCount] = Field(description="The projects, the one that changed last first.")


async def count_by_project(services: Services, call: Call, args: CountByProject) -> ProjectCounts:
    """Return the projects that live memories belong to, with their numbers."""
    listing = Listing(equal={} if args.project is None else {"project": args.project})
    async with services.db.read() as connection:
        found = await projects.count_by_project(connection, call.id_for_reading, listing, services.now())
    views = [
        ProjectCount(
            project=each.project,
            memory_count=each.memory_count,
            by_type=dict(each.by_type),
            last_updated=each.last_updated,
        )
        for each in found
    ]
    return ProjectCounts(meta=call.meta, projects=views)


OPERATIONS = (
    Operation(
        name="count_by_project",
        description="Count the memories of each project inside a workspace, by their types.",
        routes=(("GET", "/v1/memories/projects"),),
        scope="memory:read",
        effect=Effect.READ,
        args=CountByProject,
        returns=ProjectCounts,
        handler=count_by_project,
        is_listed=False,
    ),
)
