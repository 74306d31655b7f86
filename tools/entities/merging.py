"""Merging entities that are one, splitting one that is several, and taking either back."""

from typing import Annotated

from pydantic import Field

from server.errors import Failure
from server.memory.entities.names import fold_entity_name
from server.store.record.entities import changes, rows
from server.store.record.entities.rows import Entity
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Id, Name
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.entities.changing import MOST_NAMES, show_entity
from tools.entities.view import EntityRef, EntityView, note_change, open_entities, require_entity

MOST_MERGED = 50
"""The most entities that one call merges."""


class MergeEntities(EntityRef):
    """The arguments of `merge_entities`."""

    others: Annotated[list[Id], Field(min_length=1, max_length=MOST_MERGED)] = Field(
        description="The entities that are the same one, by id or name. Their names become its aliases."
    )


class SplitEntity(EntityRef):
    """The arguments of `split_entity`."""

    names: Annotated[list[Name], Field(min_length=1, max_length=MOST_NAMES)] = Field(
        description="The names that mean another one; the first becomes the name of the new entity."
    )


class UndoEntityChange(InWorkspace):
    """The arguments of `undo_entity_change`."""

    id: Id = Field(description="The id of the merge or the split.")


class MergedEntity(Answer):
    """The entity into which others were merged, or that was split."""

    change: str = Field(description="The id of the change, to undo it.")
    entity: EntityView = Field(description="The entity as it is now.")
    part: EntityView | None = Field(default=None, description="After a split the new entity; else null.")


class UndoneChange(Answer):
    """The entities after a change was taken back."""

    change: str = Field(description="The id of the change.")
    entities: list[EntityView] = Field(description="The entities as they are now.")


async def merge_entities(services: Services, call: Call, args: MergeEntities) -> MergedEntity:
    """Merge entities into one. No memory is changed, and it can be undone.

    Raises:
        Failure: `not_found`; `invalid` for a merge into itself, or if it would have too many names.
    """
    async with open_entities(services, call) as (connection, placed):
        workspace = placed.workspace.id
        into = await require_entity(connection, workspace, args.id)
        others: dict[str, Entity] = {}
        for each in args.others:
            other = await require_entity(connection, workspace, each, "others")
            if other.id == into.id:
                message = f"others: {each[:60]!r} is {into.name!r} itself; name the entities to merge into it."
                raise Failure("invalid", message, field="others")
            others[other.id] = other
        count = sum(map(len, (await rows.list_names(connection, [into.id, *others])).values()))
        if count > MOST_NAMES:
            message = f"others: an entity has at most {MOST_NAMES} names; together these have {count}."
            raise Failure("invalid", message, field="others")
        user = call.principal.user_id
        change = await changes.merge_entities(connection, workspace, into, list(others.values()), user, services.now())
        await note_change(connection, services, placed, into.id)
        view = await show_entity(connection, workspace, into.id)
    return MergedEntity(meta=placed.meta, change=change, entity=view)


async def split_entity(services: Services, call: Call, args: SplitEntity) -> MergedEntity:
    """Make an entity of its own of some names of another one. No memory is changed, and it can be undone.

    Raises:
        Failure: `not_found`; `invalid` for a name that is not its own, and for all of its names.
    """
    async with open_entities(services, call) as (connection, placed):
        workspace = placed.workspace.id
        whole = await require_entity(connection, workspace, args.id)
        own = {each.key: each for each in (await rows.list_names(connection, [whole.id]))[whole.id]}
        keys = list(dict.fromkeys(map(fold_entity_name, args.names)))
        for key, name in zip(keys, args.names, strict=False):
            if key not in own:
                raise Failure("invalid", f"names: {name[:60]!r} is no name of {whole.name!r}.", field="names")
        if len(keys) == len(own):
            message = f"names: at least one name stays with {whole.name!r}; it has {len(own)}."
            raise Failure("invalid", message, field="names")
        moved, user = [own[key] for key in keys], call.principal.user_id
        part, change = await changes.split_entity(connection, workspace, whole, moved, user, services.now())
        await note_change(connection, services, placed, whole.id)
        view = await show_entity(connection, workspace, whole.id)
        new = await show_entity(connection, workspace, part)
    return MergedEntity(meta=placed.meta, change=change, entity=view, part=new)


async def undo_entity_change(services: Services, call: Call, args: UndoEntityChange) -> UndoneChange:
    """Take a merge or a split back.

    Raises:
        Failure: `not_found`; `conflict` if it was undone before, or if the names were moved again since.
    """
    async with open_entities(services, call) as (connection, placed):
        workspace = placed.workspace.id
        change = await changes.find_change(connection, workspace, args.id)
        if change is None:
            raise Failure("not_found", f"There is no change {args.id[:60]} of entities.", field="id")
        if change.undone_at is not None:
            raise Failure("conflict", f"The {change.kind} {change.id} was undone before.", field="id")
        touched = await changes.undo_change(connection, workspace, change, services.now())
        if touched is None:
            message = f"The names were changed again after this {change.kind}; undo the later changes first."
            raise Failure("conflict", message, field="id")
        await note_change(connection, services, placed, change.entity_id)
        views = [await show_entity(connection, workspace, each) for each in touched]
    return UndoneChange(meta=placed.meta, change=args.id, entities=views)


OPERATIONS = (
    Operation(
        name="merge_entities",
        description="Say that several entities are one: their names become its aliases. It can be undone.",
        routes=(("POST", "/v1/entities/{id}/merge"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=MergeEntities,
        returns=MergedEntity,
        handler=merge_entities,
    ),
    Operation(
        name="split_entity",
        description="Say that some names of an entity mean another one: they become an entity of their own.",
        routes=(("POST", "/v1/entities/{id}/split"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=SplitEntity,
        returns=MergedEntity,
        handler=split_entity,
    ),
    Operation(
        name="undo_entity_change",
        description="Take back a merge or a split of entities.",
        routes=(("POST", "/v1/entities/changes/{id}/undo"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UndoEntityChange,
        returns=UndoneChange,
        handler=undo_entity_change,
    ),
)
