"""Making an entity, changing its names and its type, and deleting one that no memory names."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.memory.entities.names import UNKNOWN_TYPE, fold_entity_name
from server.store.record.entities import changes, rows
from server.store.record.entities.rows import Entity, EntityName
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import NewName, NewWord
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.entities.view import EntityRef, EntityView, build_views, note_change, open_entities, require_entity

MOST_NAMES = 100
"""The most names of an entity."""
Aliases = Annotated[list[NewName], Field(max_length=MOST_NAMES)]


class AddEntity(InWorkspace):
    """The arguments of `add_entity`."""

    name: NewName = Field(description="Its name.")
    type: NewWord | None = Field(default=None, description="The type: person, product, host, or a word of your own.")
    aliases: Aliases = Field(default=[], description="Its other names.")


class UpdateEntity(EntityRef):
    """The arguments of `update_entity`: the id, and what changes."""

    name: NewName | None = Field(default=None, description="The name that is shown; the one before stays an alias.")
    type: NewWord | None = Field(default=None, description="What it is.")
    add_aliases: Aliases = Field(default=[], description="More names of it.")
    remove_aliases: Aliases = Field(
        default=[], description="Names that are not its own: what memories name so is an entity of its own then."
    )

    @model_validator(mode="after")
    def _require_changes(self) -> Self:
        if self.name is None and self.type is None and not self.add_aliases and not self.remove_aliases:
            raise ValueError("send at least one of name, type, add_aliases and remove_aliases")
        return self


class ChangedEntity(Answer):
    """An entity as it is now."""

    entity: EntityView = Field(description="The entity.")
    is_new: bool = Field(default=False, description="Whether it was made by this call.")


class DeletedEntity(Answer):
    """The entity that was deleted."""

    id: str = Field(description="The entity's id.")
    deleted: bool = Field(default=True, description="It is gone, with its names.")


async def show_entity(connection: AsyncConnection, workspace_id: str, entity_id: str) -> EntityView:
    """Return the view of an entity that is there."""
    entity = await require_entity(connection, workspace_id, entity_id)
    return (await build_views(connection, [(entity, entity.memory_count)]))[0]


async def add_entity(services: Services, call: Call, args: AddEntity) -> ChangedEntity:
    """Make an entity that stays if no memory names it; one with this name gets the type and the aliases.

    Raises:
        Failure: `conflict` if an alias is a name of another entity; `invalid` if it would have too many names.
    """
    async with open_entities(services, call) as (connection, placed):
        workspace = placed.workspace.id
        entity, is_new = await keep_entity(connection, workspace, args.name, args.type, args.aliases, services.now())
        await note_change(connection, services, placed, entity.id)
        view = await show_entity(connection, workspace, entity.id)
    return ChangedEntity(meta=placed.meta, entity=view, is_new=is_new)


async def keep_entity(
    connection: AsyncConnection, workspace_id: str, name: str, kind: str | None, aliases: list[str], now: datetime
) -> tuple[Entity, bool]:
    """Make an entity that stays, or keep the one with this name, with aliases; return it, and whether it is new.

    The caller holds the reading of entities.

    Raises:
        Failure: `conflict` if an alias is a name of another entity; `invalid` if it would have too many names.
    """
    entity = await rows.find_entity(connection, workspace_id, name)
    is_new = entity is None
    if entity is None:
        await rows.insert_entities(connection, workspace_id, [(name, kind or UNKNOWN_TYPE, True)], now, is_kept=True)
        entity = await require_entity(connection, workspace_id, name)
    await _change(connection, workspace_id, entity, None, kind, [name, *aliases], "aliases")
    return entity, is_new


async def update_entity(services: Services, call: Call, args: UpdateEntity) -> ChangedEntity:
    """Change the shown name, the type or the aliases of an entity.

    Raises:
        Failure: `not_found`; `conflict` if a name belongs to another entity; `invalid` for a name to remove that is not
            its own, or is its last one, and if it would have too many names.
    """
    async with open_entities(services, call) as (connection, placed):
        workspace = placed.workspace.id
        entity = await require_entity(connection, workspace, args.id)
        added = [*([] if args.name is None else [args.name]), *args.add_aliases]
        await _change(connection, workspace, entity, args.name, args.type, added, "add_aliases")
        if args.remove_aliases:
            await _remove_names(connection, services, call, workspace, entity, args.remove_aliases)
        await note_change(connection, services, placed, entity.id)
        view = await show_entity(connection, workspace, entity.id)
    return ChangedEntity(meta=placed.meta, entity=view)


async def delete_entity(services: Services, call: Call, args: EntityRef) -> DeletedEntity:
    """Delete an entity that no memory names.

    Raises:
        Failure: `not_found`; `conflict` if memories name it.
    """
    async with open_entities(services, call) as (connection, placed):
        workspace = placed.workspace.id
        entity = await require_entity(connection, workspace, args.id)
        if entity.memory_count:
            message = f"{entity.memory_count} memories name {entity.name!r}. Delete them first, or merge the entity."
            raise Failure("conflict", message, field="id")
        ids = [each.id for each in (await rows.list_names(connection, [entity.id]))[entity.id]]
        await rows.update_names(connection, ids, {"is_kept": False})
        await rows.prune_names(connection, workspace, ids)
        await note_change(connection, services, placed, entity.id)
    return DeletedEntity(meta=placed.meta, id=entity.id)


async def _change(
    connection: AsyncConnection,
    workspace_id: str,
    entity: Entity,
    shown: str | None,
    kind: str | None,
    added: list[str],
    field: str,
) -> None:
    """Give an entity names and a type; the names of it that were found in memories stay if they are given again."""
    wanted = {fold_entity_name(name): name for name in reversed(added)}
    known = {each.key: each for each in await rows.find_names(connection, workspace_id, wanted)}
    for each in known.values():
        if each.entity_id != entity.id:
            await _refuse_taken(connection, workspace_id, each, field)
    there = (await rows.list_names(connection, [entity.id]))[entity.id]
    new = [name for key, name in wanted.items() if key not in known]
    if len(there) + len(new) > MOST_NAMES:
        message = (
            f"{field}: an entity has at most {MOST_NAMES} names; with these it would have {len(there) + len(new)}."
        )
        raise Failure("invalid", message, field=field)
    await rows.insert_names(connection, workspace_id, entity.id, new)
    again = [each.id for each in known.values() if not (each.is_kept and each.is_given and each.is_written)]
    await rows.update_names(connection, again, rows.WRITTEN)
    if again:
        await rows.note_moved_names(connection, workspace_id)
    values = {"is_kept": True} | ({} if kind is None else {"type": kind})
    if shown is not None:
        name = known.get(fold_entity_name(shown))
        if name is not None and name.name != shown:  # the same name in another spelling
            await rows.update_names(connection, [name.id], {"name": shown})
        values |= {"name": shown}
    await rows.update_entity(connection, entity.id, values)


async def _refuse_taken(connection: AsyncConnection, workspace_id: str, name: EntityName, field: str) -> None:
    other = await require_entity(connection, workspace_id, name.entity_id)
    message = f"{field}: {name.name!r} is a name of the entity {other.name!r} ({other.id}); merge the two instead."
    raise Failure("conflict", message, field=field)


async def _remove_names(
    connection: AsyncConnection, services: Services, call: Call, workspace_id: str, entity: Entity, names: list[str]
) -> None:
    """Take names from an entity: those that memories have become one of their own, which can be undone."""
    wanted = {fold_entity_name(name): name for name in names}
    own = {each.key: each for each in (await rows.list_names(connection, [entity.id]))[entity.id]}
    for key, name in wanted.items():
        if key not in own:
            message = f"remove_aliases: {name[:60]!r} is no name of this entity."
            raise Failure("invalid", message, field="remove_aliases")
    if len(wanted) == len(own):
        message = "remove_aliases: an entity keeps at least one name; delete it, or merge it into another one."
        raise Failure("invalid", message, field="remove_aliases")
    moved = [own[key] for key in wanted]
    part, _ = await changes.split_entity(
        connection, workspace_id, entity, moved, call.principal.user_id, services.now()
    )
    await rows.update_names(connection, [each.id for each in moved], {"is_kept": False})
    await rows.prune_names(connection, workspace_id, [each.id for each in moved])
    if await rows.get_entity(connection, workspace_id, part) is not None:
        await rows.count_again(connection, [part])


OPERATIONS = (
    Operation(
        name="add_entity",
        description=(
            "Make a person or thing known, with its type and its other names, before or after memories name it. One "
            "that is there already gets them as well."
        ),
        routes=(("POST", "/v1/entities"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=AddEntity,
        returns=ChangedEntity,
        handler=add_entity,
    ),
    Operation(
        name="update_entity",
        description="Change the name of an entity that is shown, its type, or its aliases.",
        routes=(("PATCH", "/v1/entities/{id}"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UpdateEntity,
        returns=ChangedEntity,
        handler=update_entity,
    ),
    Operation(
        name="delete_entity",
        description="Delete an entity that no memory names. Memories are never deleted by it.",
        routes=(("DELETE", "/v1/entities/{id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=EntityRef,
        returns=DeletedEntity,
        handler=delete_entity,
    ),
)
