"""Listing memories page by page, by the record."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from server.memory.models import Memory
from server.store.record import memories, memory_lists
from server.store.record.memory_lists import Listing
from server.store.record.stored_by import StoredBy, read_stored_by
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.cursor import Count, Cursor, Places, RowId, Time, refuse_two_places
from tools.core.fields import Id, Word
from tools.core.services import Services
from tools.memories.arguments import INCLUDE, Facets, Includes, PastArgs, find_future_notice

#: The most memories of one `fetch_memories`.
MOST_FETCHED = 100


class ListMemories(InWorkspace, Facets, PastArgs):
    """The arguments of `list_memories`."""

    status: memory_lists.Status = Field(default="active", description="Only memories in this state.")
    sort: memory_lists.Sort = Field(default="created_at", description="The field to sort by.")
    order: Literal["asc", "desc"] = Field(default="desc", description="Ascending or descending.")
    limit: int = Field(default=50, ge=1, le=100, description="The largest number of them.")
    offset: int = Field(default=0, ge=0, le=10_000_000, description="How many to skip first.")
    cursor: Cursor | None = Field(
        default=None, description="The next_cursor of the page before, in place of an offset. Keep the other arguments."
    )
    tags: list[Word] = Field(
        default=[],
        max_length=10,
        description="Only memories with a tag that contains one of these, in upper or lower case.",
    )

    include: Includes = Field(default=[], description=INCLUDE)

    _refuse_two_places = model_validator(mode="after")(refuse_two_places)


_PLACE_TYPES: Mapping[str, Any] = {"relevance": tuple[str, float, RowId], "access_count": tuple[str, Count, RowId]}
#: The places in a list of memories, by its order: the value that it is sorted by, and the memory's id.
_PLACES = {
    (sort, order): Places(f"memories {sort} {order}", _PLACE_TYPES.get(sort, tuple[str, Time, RowId]))
    for sort in get_args(memory_lists.Sort)
    for order in ("asc", "desc")
}


class ListedMemory(Memory):
    """A memory in a list."""

    stored_by: StoredBy | None = Field(
        default=None,
        exclude_if=lambda by: by is None,
        description="The person, app and session that stored it; absent unless it was asked for.",
    )


class MemoryPage(Answer):
    """A page of memories."""

    memories: list[ListedMemory] = Field(description="This page.")
    total: int = Field(description="How many there are on all pages.")
    offset: int = Field(description="The number of memories before this page.")
    limit: int = Field(description="How many a page holds.")
    next_cursor: str | None = Field(
        default=None, description="The cursor of the next page; null if there is none. No other writer shifts it."
    )


class FetchMemories(InWorkspace):
    """The arguments of `fetch_memories`."""

    ids: list[Id] = Field(min_length=1, max_length=MOST_FETCHED, description="The ids of the memories.")


class FetchedMemories(Answer):
    """Several memories."""

    memories: list[Memory] = Field(description="Those that the workspace has, each once, in the order of the ids.")
    missing: list[str] = Field(description="The ids of no memory in the workspace: unknown, foreign or deleted.")


async def fetch_memories(services: Services, call: Call, args: FetchMemories) -> FetchedMemories:
    """Return memories by their ids, from the record; an id that nothing has is listed, and no refusal."""
    ids = list(dict.fromkeys(args.ids))
    async with services.db.read() as connection:
        found = await memories.get_memories(connection, call.id_for_reading, ids)
    page = [services.accesses.add_unwritten(call.id_for_reading, found[each]) for each in ids if each in found]
    return FetchedMemories(meta=call.meta, memories=page, missing=[each for each in ids if each not in found])


async def list_memories(services: Services, call: Call, args: ListMemories) -> MemoryPage:
    """Return a page of memories, filtered and sorted by the record."""
    places = _PLACES[args.sort, args.order]
    listing = Listing(
        after=places.decode(args.cursor),
        status=args.status,
        sort=args.sort,
        is_descending=args.order == "desc",
        limit=args.limit + 1,  # one more, which says whether there is another page
        offset=args.offset,
        types=args.type,
        tags=args.tags,
        matches_parts_of_tags=True,
        equal=args.list_exact_filters(),
        tiers=args.list_tiers(),
        past=args.past,
    )
    async with services.db.read() as connection:
        found, total = await memory_lists.list_page(connection, call.id_for_reading, listing, services.now())
    page = found[: args.limit]
    has_more = len(found) > args.limit
    following = places.encode((getattr(page[-1], args.sort), page[-1].id)) if has_more else None
    wanted = [each.id for each in page] if "stored_by" in args.include else []
    by = await read_stored_by(services.db, call.id_for_reading, wanted)
    unwritten = (services.accesses.add_unwritten(call.id_for_reading, each) for each in page)
    listed = [ListedMemory.model_construct(**each.__dict__, stored_by=by.get(each.id)) for each in unwritten]
    meta = call.build_meta(find_future_notice(args.past, services.now()))
    return MemoryPage(
        meta=meta, memories=listed, total=total, offset=args.offset, limit=args.limit, next_cursor=following
    )
