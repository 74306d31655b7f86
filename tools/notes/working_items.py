"""The items of working memory: structured entries with a category, a status and a priority."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.ids import new_id
from server.memory.notes.skip import MOST_ENTRIES
from server.memory.notes.working import Category, Item, ListedItem, Status
from server.store.record.notes import skip_list, working_memory
from server.store.record.notes.working_memory import ItemListing
from tools.core.answers import Answer, Meta
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.cursor import Count, Cursor, Places, RowId, Time, refuse_two_places
from tools.core.fields import MAX_PEEKED_WORKSPACES, QUERY_CHARACTERS, Id, NewWords, Prose, WorkspaceNames
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.transaction import open_change
from tools.recall.peek import find_peekable_workspaces

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
NextAction = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Priority = Annotated[int, Field(ge=0, le=10)]


#: The fields of an item that only answers have.
ANSWERED_FIELDS: Mapping[str, str | None] = dict.fromkeys(("id", "meta", "created_at", "updated_at", "last_touched"))


class AddItem(InWorkspace):
    """The arguments of `add_item`."""

    answered_fields = ANSWERED_FIELDS

    category: Category = Field(
        description="active_work: being done; standing_decision: holds until revoked; waiting_for: waits for somebody "
        "else; skip_list: an entry of the skip list, whose title is the thing to leave alone; session_note: anything "
        "else worth noting."
    )
    title: Title = Field(description="A title of one line.")
    content: Prose = Field(default="", description="The details, as markdown. At most 32 KiB.")
    status: Status = Field(default="active", description="active, paused, completed or archived.")
    priority: Priority = Field(default=0, description="0 to 10; the highest comes first.")
    tags: NewWords = Field(default=[], description="Short labels.")
    next_action: NextAction | None = Field(default=None, description="The next step.")


class ItemRef(InWorkspace):
    """The arguments of `read_item` and `delete_item`."""

    id: Id = Field(description="The item's id.")


class UpdateItem(ItemRef):
    """The arguments of `update_item`: the id, and the fields to change."""

    answered_fields = ANSWERED_FIELDS

    category: Category | None = Field(default=None, description="The new category.")
    title: Title | None = Field(default=None, description="The new title.")
    content: Prose | None = Field(default=None, description="The new details, in place of all earlier ones.")
    status: Status | None = Field(default=None, description="The new status.")
    priority: Priority | None = Field(default=None, description="The new priority, 0 to 10.")
    tags: NewWords | None = Field(default=None, description="The new tags, in place of all earlier ones.")
    next_action: NextAction | None = Field(default=None, description="The new next step.")
    clear: list[Literal["content", "next_action"]] = Field(
        default=[], max_length=2, description="The fields to empty: `content`, `next_action`."
    )

    @model_validator(mode="after")
    def _require_changes(self) -> Self:
        if both := [name for name in self.clear if getattr(self, name) is not None]:
            raise ValueError(f"{both[0]} has a new value and stands in clear; send one of the two")
        if not self.changes:
            raise ValueError("No fields to update. Send at least one field beside the id")
        return self

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that change, and their new values."""
        sent = self.model_fields_set & set(Item.model_fields) - {"id"}
        new = {name: getattr(self, name) for name in sent}
        return new | {name: "" if name == "content" else None for name in self.clear}


class ListItems(InWorkspace):
    """The arguments of `list_items`."""

    category: Category | None = Field(default=None, description="Only this category.")
    status: Status | None = Field(default=None, description="Only this status; otherwise all, archived ones too.")
    query: Annotated[str, Field(max_length=QUERY_CHARACTERS)] = Field(
        default="",
        description="Only items with this text in their title or content, in upper or lower case.",
    )
    limit: int = Field(default=50, ge=1, le=100, description="The largest number of them.")
    offset: int = Field(default=0, ge=0, le=10_000_000, description="How many to skip first.")
    cursor: Cursor | None = Field(
        default=None, description="The next_cursor of the page before, in place of an offset. Keep the other arguments."
    )
    peek_workspaces: WorkspaceNames = Field(
        default=[], description=f"Up to {MAX_PEEKED_WORKSPACES} more of your workspaces whose items are listed as well."
    )

    _refuse_two_places = model_validator(mode="after")(refuse_two_places)


#: The places in a list of items: priority, time of making, id.
_PLACES = Places("items", tuple[str, Count, Time, RowId])


class ItemAnswer(Item):
    """One item, flat, and its workspace."""

    meta: Meta = Field(description="About this answer.")


class ItemPage(Answer):
    """A page of items."""

    items: list[ListedItem] = Field(description="This page, the most important and then the newest first.")
    total: int = Field(description="How many there are on all pages.")
    offset: int = Field(description="The number of items before this page.")
    limit: int = Field(description="How many a page holds.")
    next_cursor: str | None = Field(
        default=None, description="The cursor of the next page; null if there is none. No other writer shifts it."
    )


class DeletedItem(Answer):
    """The item that was deleted."""

    id: str = Field(description="The item's id.")
    deleted: Literal[True] = Field(default=True, description="It is gone.")


async def add_item(services: Services, call: Call, args: AddItem) -> ItemAnswer:
    """Store a new item. Raises `quota_exceeded` if the account's plan allows no more items that are not archived."""
    now = services.now()
    given = args.model_dump(exclude={"workspace"})
    times = dict.fromkeys(("created_at", "updated_at", "last_touched"), now)
    new = Item.model_validate(given | times | {"id": new_id(now)})
    async with open_change(services, call, {"item": new.id}) as (connection, placed):
        if new.category == "skip_list":
            await _check_room_for_skip(connection, placed.workspace.id, now)
        await working_memory.insert_item(connection, placed.workspace.id, new)
        if new.status != "archived":
            await services.plans.check_quota(connection, placed.workspace.account_id, "items")
    return _to_answer(new, placed)


async def _check_room_for_skip(connection: AsyncConnection, workspace_id: str, now: datetime) -> None:
    if len(await skip_list.list_live_entries(connection, workspace_id, now)) >= MOST_ENTRIES:
        raise Failure("conflict", f"The skip list has {MOST_ENTRIES} entries; remove some that no longer matter.")


async def read_item(services: Services, call: Call, args: ItemRef) -> ItemAnswer:
    """Return one item by its id. Raises `not_found`."""
    async with services.db.read() as connection:
        found = await working_memory.get_item(connection, call.id_for_reading, args.id)
    if found is None:
        raise _make_item_not_found(args.id)
    return _to_answer(found, call)


async def update_item(services: Services, call: Call, args: UpdateItem) -> ItemAnswer:
    """Change the fields that were sent.

    Raises `not_found`, and `quota_exceeded` if an archived item comes back and the plan allows no more.
    """
    async with open_change(services, call, {"item": args.id}) as (connection, placed):
        workspace = placed.workspace.id
        is_shown = args.status not in {None, "archived"}
        before = await working_memory.get_item(connection, workspace, args.id) if is_shown else None
        changed = await working_memory.update_item(connection, workspace, args.id, args.changes, services.now())
        if changed is None:
            raise _make_item_not_found(args.id)
        if before is not None and before.status == "archived":
            await services.plans.check_quota(connection, placed.workspace.account_id, "items")
        services.db.note_overwriting()  # before the commit: the emptying of the log waits for this transaction
    return _to_answer(changed, placed)


async def delete_item(services: Services, call: Call, args: ItemRef) -> DeletedItem:
    """Delete an item for good. Raises `not_found`."""
    async with open_change(services, call, {"item": args.id}) as (connection, placed):
        if not await working_memory.delete_item(connection, placed.workspace.id, args.id):
            raise _make_item_not_found(args.id)
    return DeletedItem(meta=placed.meta, id=args.id)


async def list_items(services: Services, call: Call, args: ListItems) -> ItemPage:
    """Return a page of items, filtered, with the items of the workspaces that are peeked into among them."""
    listing = ItemListing(
        after=_PLACES.decode(args.cursor),
        categories=[args.category] if args.category else [],
        statuses=[args.status] if args.status else [],
        query=args.query,
        limit=args.limit + 1,  # one more, which says whether there is another page
        offset=args.offset,
    )
    others = {each.id: each.name for each in await find_peekable_workspaces(services, call, args.peek_workspaces)}
    async with services.db.read() as connection:
        found, total = await working_memory.list_items_of(connection, [call.id_for_reading, *others], listing)
    items = [_to_listed_item(item, others.get(workspace_id)) for workspace_id, item in found[: args.limit]]
    following = None
    if len(found) > args.limit:
        following = _PLACES.encode((items[-1].priority, items[-1].created_at, items[-1].id))
    return ItemPage(
        meta=call.meta, items=items, total=total, offset=args.offset, limit=args.limit, next_cursor=following
    )


def _to_listed_item(item: Item, workspace: str | None) -> ListedItem:
    return ListedItem.model_construct(**item.__dict__, workspace=workspace)


def _to_answer(item: Item, call: Call) -> ItemAnswer:
    return ItemAnswer.model_construct(**item.__dict__, meta=call.meta)


def _make_item_not_found(item_id: str) -> Failure:
    """Return the refusal for an item that is unknown, deleted or somebody else's: it is the same for all three."""
    return Failure("not_found", f"Item not found: {item_id}.", field="id")


OPERATIONS = (
    Operation(
        name="add_item",
        description=(
            "Add one item to working memory: a piece of work, a standing decision, or something that waits for "
            "somebody else. Give it a `next_action`, so that the next session can go on. Returns its id, for "
            "update_item."
        ),
        routes=(("POST", "/v1/working-memory/items"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=AddItem,
        returns=ItemAnswer,
        handler=add_item,
    ),
    Operation(
        name="list_items",
        description=(
            "Browse the items of working memory page by page, archived ones too, filtered by category, status or text."
        ),
        routes=(("GET", "/v1/working-memory/items"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListItems,
        returns=ItemPage,
        handler=list_items,
        is_listed=False,
    ),
    Operation(
        name="read_item",
        description="Read one item of working memory by its id.",
        routes=(("GET", "/v1/working-memory/items/{id}"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ItemRef,
        returns=ItemAnswer,
        handler=read_item,
        is_listed=False,
    ),
    Operation(
        name="update_item",
        description=(
            "Change an item of working memory: send its id and only the fields that change. When the work is done set "
            "`status` to completed; when nobody needs to see the item any more, set it to archived."
        ),
        routes=(("PUT", "/v1/working-memory/items/{id}"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UpdateItem,
        returns=ItemAnswer,
        handler=update_item,
    ),
    Operation(
        name="delete_item",
        description="Delete an item of working memory for good, by its id. To hide it, archive it instead.",
        routes=(("DELETE", "/v1/working-memory/items/{id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=ItemRef,
        returns=DeletedItem,
        handler=delete_item,
        is_listed=False,
    ),
)
