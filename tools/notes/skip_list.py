"""The skip list: things that the agent must not do or mention, each with a reason and an expiry."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from server.errors import Failure
from server.ids import new_id
from server.memory.expiry import NEVER, parse_expiry
from server.memory.models import Timestamp
from server.memory.notes.skip import MOST_ENTRIES, SkipEntry, find_matches, find_telling_terms
from server.store.record.notes import skip_list
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.fields import Id, Question
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.transaction import open_change


def _check_item_is_telling(item: str) -> str:
    if not find_telling_terms(item):
        raise ValueError("has only common words, which would match anything or nothing; name the thing to skip")
    return item


SkipText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class AddSkip(InWorkspace):
    """The arguments of `add_skip`."""

    answered_fields: ClassVar[Mapping[str, str | None]] = {"id": None, "created_at": None, "expires_at": "expires"}

    item: Annotated[SkipText, AfterValidator(_check_item_is_telling)] = Field(
        description=(
            "The thing not to do or mention, in the words that messages about it would use: `Tailwind`, `the Lisbon "
            "trip`."
        )
    )
    reason: SkipText = Field(description="Why, so that a later session can judge.")
    expires: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)] = Field(
        description=(
            "Until when: a date, a date-time, a duration (`3 days`, `P2W`), or a condition in words (`until the "
            "migration is done`), which holds until you remove the entry."
        )
    )


class SkipView(BaseModel):
    """An entry of the skip list."""

    id: str = Field(description="The entry's id, for remove_skip.")
    item: str = Field(description="The thing not to do or mention.")
    reason: str = Field(description="The reason.")
    expires_at: str = Field(
        description="When it ends, as it was given: a date, a time, or a condition in words. A duration became a time."
    )
    created_at: Timestamp = Field(description="When it was added.")


class AddedSkip(Answer):
    """The entry that was added."""

    id: str = Field(description="The new entry's id.")
    entry: SkipView = Field(description="The entry as it is kept.")


class SkipList(Answer):
    """The skip list."""

    entries: list[SkipView] = Field(description="The entries that have not ended, newest first.")
    total: int = Field(description="The number of entries.")


class CheckSkip(InWorkspace):
    """The arguments of `check_skip`."""

    query: Question = Field(description="The thing that you are about to do or say.")


class SkipCheck(Answer):
    """The answer of the skip list to one question."""

    query: str = Field(description="The question.")
    skip: bool = Field(description="True: do not do or mention it.")
    matches: list[SkipView] = Field(description="The entries that speak against it, the best fitting first.")


class SkipEntryRef(InWorkspace):
    """The arguments of `remove_skip`."""

    id: Id = Field(description="The entry's id.")


class RemovedSkip(Answer):
    """The entry that was removed."""

    id: str = Field(description="The entry's id.")
    item: str = Field(description="The thing that is allowed again.")
    removed: Literal[True] = Field(default=True, description="It is gone.")


def _to_view(entry: SkipEntry) -> SkipView:
    return SkipView(
        id=entry.id, item=entry.item, reason=entry.reason, expires_at=entry.expires, created_at=entry.created_at
    )


async def add_skip(services: Services, call: Call, args: AddSkip) -> AddedSkip:
    """Add an entry. `meta.notice` says if its expiry was taken as a condition, or has passed already.

    Raises `invalid` for an expiry that cannot be read, and `conflict` if there are too many entries.
    """
    now = services.now()
    try:
        expiry = parse_expiry(args.expires, now)
    except ValueError as error:
        raise Failure("invalid", f"expires: {error}; you sent {args.expires!r}.", field="expires") from None
    entry = SkipEntry(new_id(now), args.item, args.reason, expiry.shown, expiry.at, now)
    async with open_change(services, call, {"skip": entry.id}) as (connection, placed):
        if len(await skip_list.list_live_entries(connection, placed.workspace.id, now)) >= MOST_ENTRIES:
            raise Failure("conflict", f"The skip list has {MOST_ENTRIES} entries; remove some that no longer matter.")
        await skip_list.insert_entry(connection, placed.workspace.id, entry)
    notice = None
    if entry.ends_at is None:
        is_condition = entry.expires != NEVER
        notice = "`expires` is a condition in words: the entry holds until you remove it." if is_condition else None
    elif entry.ends_at <= now:
        notice = "`expires` has passed already: the entry matches nothing."
    return AddedSkip(meta=placed.build_meta(notice), id=entry.id, entry=_to_view(entry))


async def _load_live_entries(services: Services, call: Call) -> list[SkipEntry]:
    async with services.db.read() as connection:
        return await skip_list.list_live_entries(connection, call.id_for_reading, services.now())


async def list_skips(services: Services, call: Call, args: InWorkspace) -> SkipList:  # noqa: ARG001 - a handler's signature
    """Return the entries that have not ended; ended ones are hidden here, and the background deletes them."""
    entries = [_to_view(entry) for entry in await _load_live_entries(services, call)]
    return SkipList(meta=call.meta, entries=entries, total=len(entries))


async def check_skip(services: Services, call: Call, args: CheckSkip) -> SkipCheck:
    """Compare an intention with the list, by whole words and their stems: see `server.memory.notes.skip.matches`."""
    found = [_to_view(entry) for entry in find_matches(await _load_live_entries(services, call), args.query)]
    return SkipCheck(meta=call.meta, query=args.query, skip=bool(found), matches=found)


async def remove_skip(services: Services, call: Call, args: SkipEntryRef) -> RemovedSkip:
    """Remove an entry for good. Raises `not_found`, also for an entry that has ended."""
    async with open_change(services, call, {"skip": args.id}) as (connection, placed):
        removed = await skip_list.delete_entry(connection, placed.workspace.id, args.id, services.now())
        if removed is None:
            raise Failure("not_found", f"Skip entry not found: {args.id}.", field="id")
    return RemovedSkip(meta=placed.meta, id=removed.id, item=removed.item)


OPERATIONS = (
    Operation(
        name="add_skip",
        description=(
            "Add something that you must not do or mention to the skip list, with the reason and an end. Call it when "
            "the person rejects something for longer than this moment: 'stop suggesting X', 'not before the release'. "
            "Every later message is compared with it, so name the thing itself."
        ),
        routes=(("POST", "/v1/skip-list"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=AddSkip,
        returns=AddedSkip,
        handler=add_skip,
    ),
    Operation(
        name="list_skips",
        description=("List the current entries of the skip list, newest first. To ask about one thing use check_skip."),
        routes=(("GET", "/v1/skip-list"),),
        scope="memory:read",
        effect=Effect.READ,
        args=InWorkspace,
        returns=SkipList,
        handler=list_skips,
        is_listed=False,
    ),
    Operation(
        name="check_skip",
        description=(
            "Ask whether something that you are about to suggest or do is on the skip list. If `skip` is true, leave "
            "it alone, or tell the person the reason and ask. Returns the entries' ids, for remove_skip."
        ),
        routes=(("GET", "/v1/skip-list/check"),),
        scope="memory:read",
        effect=Effect.READ,
        args=CheckSkip,
        returns=SkipCheck,
        handler=check_skip,
    ),
    Operation(
        name="remove_skip",
        description=(
            "Remove an entry from the skip list by its id: the person has changed their mind, or its condition is met."
        ),
        routes=(("DELETE", "/v1/skip-list/{id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=SkipEntryRef,
        returns=RemovedSkip,
        handler=remove_skip,
    ),
)
