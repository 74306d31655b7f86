"""The entities and the projects that a workspace's memories are about."""

from pydantic import BaseModel, Field
from rapidfuzz import fuzz, process

from server.memory.models import Scope, Timestamp
from server.store.record import entities
from server.store.record.entities import Entity
from server.store.record.memories import Listing
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Name, Words
from tools.core.operation import Effect, Operation
from tools.core.services import Services

LEAST_LIKENESS = 0.5
"""A name that is less like the query is no answer to it."""


class ListEntities(InWorkspace):
    """The arguments of `list_entities`."""

    query: Name | None = Field(
        default=None, description="A name that may be misspelt: the entities with names like it, the most alike first."
    )
    type: Words = Field(default=[], description="Only entities of memories of these types.")
    scope: Scope | None = Field(default=None, description="Only entities of memories of this scope.")
    project: Name | None = Field(default=None, description="Only entities of memories of this project.")
    limit: int = Field(default=100, ge=1, le=1000, description="The largest number of entities.")

    def to_listing(self) -> Listing:
        """Return the listing of the memories whose entities are asked for."""
        equal = {"scope": self.scope, "project": self.project}
        return Listing(types=self.type, equal={name: each for name, each in equal.items() if each is not None})


class EntityView(BaseModel):
    """A person or thing that memories are about."""

    name: str = Field(description="Its name.")
    scope: Scope = Field(description="The narrowest scope that holds for all memories about it.")
    project: str | None = Field(default=None, description="The project of all memories about it; null if of several.")
    memory_count: int = Field(description="The number of memories about it.")
    first_seen: Timestamp = Field(description="When the first of them was stored.")
    last_updated: Timestamp = Field(description="When one of them changed last.")
    score: float | None = Field(default=None, description="How much its name is like the query, 0 to 1.")


class EntityList(Answer):
    """The entities of a workspace."""

    entities: list[EntityView] = Field(
        description="The entities: the most alike first with a query, else those with the most memories first."
    )
    total: int = Field(description="The number of all that were found, those beyond the limit too.")


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


async def list_entities(services: Services, call: Call, args: ListEntities) -> EntityList:
    """Return the entities that live memories are about; with a query, those with similar names."""
    async with services.db.read() as connection:
        found = await entities.list_entities(connection, call.id_for_reading, args.to_listing(), services.now())
    ranked = [(each, None) for each in found] if args.query is None else _rank_by_likeness(args.query, found)
    views = [EntityView.model_validate(_as_values(each) | {"score": score}) for each, score in ranked[: args.limit]]
    return EntityList(meta=call.meta, entities=views, total=len(ranked))


def _rank_by_likeness(query: str, found: list[Entity]) -> list[tuple[Entity, float]]:
    names = [each.name for each in found]
    matches = process.extract(
        query, names, scorer=fuzz.ratio, processor=str.casefold, score_cutoff=100 * LEAST_LIKENESS, limit=None
    )
    return [(found[index], round(score / 100, 3)) for _, score, index in matches]


def _as_values(entity: Entity) -> dict[str, object]:
    return {name: getattr(entity, name) for name in entity.__slots__}


async def count_by_project(services: Services, call: Call, args: CountByProject) -> ProjectCounts:
    """Return the projects that live memories belong to, with their numbers."""
    listing = Listing(equal={} if args.project is None else {"project": args.project})
    async with services.db.read() as connection:
        found = await entities.count_by_project(connection, call.id_for_reading, listing, services.now())
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
        name="list_entities",
        description=(
            "List the people and things that memories are about, with the number of memories about each. With a query: "
            "those with a similar name. Use it to spell an entity as it is stored already."
        ),
        routes=(("GET", "/v1/entities"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListEntities,
        returns=EntityList,
        handler=list_entities,
    ),
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
