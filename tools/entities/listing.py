"""The entities that a workspace's memories name, and those with similar names."""

from pydantic import Field

from server.memory.models import Scope
from server.store.entities.reading import MOST_STEPS, catch_up
from server.store.record.entities import listing, mentions
from server.store.record.entities.listing import EntityFilter
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Name, Words
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.entities.view import EntityView, build_views

STILL_READING = "Older memories are still being read for entities: some may be missing. Ask again in a minute."


class ListEntities(InWorkspace):
    """The arguments of `list_entities`."""

    query: Name | None = Field(
        default=None, description="A name that may be misspelt: the entities with names like it, the most alike first."
    )
    type: Words = Field(default=[], description="Only entities of memories of these types.")
    scope: Scope | None = Field(default=None, description="Only entities of memories of this scope.")
    project: Name | None = Field(default=None, description="Only entities of memories of this project.")
    limit: int = Field(default=100, ge=1, le=1000, description="The largest number of entities.")
    offset: int = Field(default=0, ge=0, le=1_000_000, description="The number of entities to pass over.")

    def to_filter(self, *, is_about: bool = False) -> EntityFilter:
        """Return the filter of the memories whose entities are asked for."""
        return EntityFilter(self.type, self.scope, self.project, is_about)


class EntityList(Answer):
    """The entities of a workspace."""

    entities: list[EntityView] = Field(
        description="The entities: the most alike first with a query, else those with the most memories first."
    )
    total: int = Field(description="The number of all that were found, those beyond the limit too.")


async def read_on(services: Services, workspace_id: str) -> str | None:
    """Read the newest memories for entities; return the notice if older ones are not read yet."""
    is_done = await catch_up(services.db, services.known_names, workspace_id, services.now, MOST_STEPS)
    return None if is_done else STILL_READING


async def list_entities(services: Services, call: Call, args: ListEntities) -> EntityList:
    """Return the entities that active memories name; with a query, those with similar names."""
    return await list_by(services, call, args, is_about=False)


async def list_by(services: Services, call: Call, args: ListEntities, *, is_about: bool) -> EntityList:
    """Return entities as `list_entities` does; with `is_about` only those that the fields of memories name."""
    workspace, wanted = call.id_for_reading, args.to_filter(is_about=is_about)
    notice = await read_on(services, workspace)
    async with services.db.read() as connection:
        if args.query is None:
            found, total = await listing.list_by_count(connection, workspace, wanted, args.limit, args.offset)
            views = await build_views(connection, found)
            return EntityList(meta=call.build_meta(notice), entities=views, total=total)
        state = await mentions.read_state(connection, workspace, services.now())
        names = await services.known_names.read(connection, workspace, state.names_version)
        similar = names.find_similar(args.query)
        counts = None
        if is_about or not wanted.is_open:
            counts = await listing.count_filtered(connection, workspace, wanted)
            similar = [each for each in similar if each[0] in counts]
        page = dict(similar[args.offset : args.offset + args.limit])
        shown = await listing.get_entities(connection, list(page))
        pairs = [(each, each.memory_count if counts is None else counts[each.id]) for each in shown]
        views = await build_views(connection, pairs, [page[each.id] for each in shown])
    return EntityList(meta=call.build_meta(notice), entities=views, total=len(similar))


OPERATIONS = (
    Operation(
        name="list_entities",
        description=(
            "List the people and things that memories name, with the number of memories for each. With a query: "
            "those with a similar name. Use it to spell an entity as it is stored already."
        ),
        routes=(("GET", "/v1/entities"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListEntities,
        returns=EntityList,
        handler=list_entities,
    ),
)
