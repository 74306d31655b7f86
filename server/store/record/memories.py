"""Memories' rows. The caller owns the transaction and journals the changes."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.memory.repetition import digest_text
from server.memory.tiers import Tier
from server.store.db import Database, fetch_rows
from server.store.record import images
from server.store.record.entities import mentions
from server.store.record.journal import Actor, blank_memory_entries, read_texts_as_of
from server.store.record.keyset import is_after
from server.store.record.relations import links, superseding
from server.store.record.relations.current import IN_RECALL, Past, is_current
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.accounts import workspaces
from server.store.tables.lifecycle import consolidations
from server.store.tables.links import links as link_rows
from server.store.tables.memories import memories

FIELDS = tuple(Memory.model_fields)
_COLUMNS = [memories.c[name] for name in FIELDS]
#: The columns whose change may mark other memories as superseded.
_MARKING = frozenset({"linkages", "deleted_at", "occurred_at"})
_COUNTED = 64  # rows whose accesses are counted in one statement

Sort = Literal["created_at", "updated_at", "occurred_at", "relevance", "access_count", "last_accessed_at"]
Status = Literal["active", "consolidated", "superseded", "expired", "buried", "pinned", "all"]


@dataclass(frozen=True, slots=True)
class Listing:
    """The memories to list, and their order."""

    status: Status = "active"
    sort: Sort = "created_at"
    is_descending: bool = True
    limit: int = 50
    offset: int = 0
    #: The value of `sort` and the id of the memory after which the page begins.
    after: Sequence[Any] | None = None
    types: Sequence[str] = ()
    tags: Sequence[str] = ()
    #: Whether a part of a tag is enough; in any case of letters either way.
    matches_parts_of_tags: bool = False
    equal: dict[str, str] = field(default_factory=dict[str, str])
    #: Only memories of one of these; all if there are none.
    tiers: Sequence[Tier] = ()
    #: With the status `active`: what was active at an earlier time, or with those that were replaced.
    past: Past | None = None


def memory_from_row(row: Sequence[Any]) -> Memory:
    """Return a row of `FIELDS` as a memory. Its values were validated when it was stored."""
    values = dict(zip(FIELDS, row, strict=True))
    lists: dict[str, Any] = {"images": values["images"] or [], "inferred": values["inferred"] or []}
    return Memory.model_validate(values | lists | {"consolidated": int(values["consolidated"])})


_NOW = sa.func.coalesce(sa.bindparam("now", type_=workspaces.c.updated_at.type), workspaces.c.updated_at)
# Made once: to make a statement takes longer than to run it, and each write has one of these.
_ADVANCE_ANY = (
    sa.update(workspaces)
    .where(workspaces.c.id == sa.bindparam("workspace"))
    .values(revision=workspaces.c.revision + sa.bindparam("steps", type_=sa.BigInteger), updated_at=_NOW)
    .returning(workspaces.c.revision)
)
_ADVANCE_LIVE = _ADVANCE_ANY.where(workspaces.c.deleted_at.is_(None))


async def advance_revision(
    connection: AsyncConnection, workspace_id: str, steps: int, now: datetime | None, *, may_be_deleted: bool = False
) -> int:
    """Take the workspace's next `steps` revisions, and return the first of them.

    The workspace is held until the transaction ends, so no other writer takes the same ones. A deleted workspace has
    revisions only with `may_be_deleted`, for what is erased in it. Without `now`, the time of the workspace's last
    change stays: the transaction has set it already.

    Raises:
        WorkspaceGone: the workspace was deleted.
    """
    statement = _ADVANCE_ANY if may_be_deleted else _ADVANCE_LIVE
    values = {"workspace": workspace_id, "steps": steps, "now": now}
    last = (await connection.execute(statement, values)).scalar_one_or_none()
    if last is None:
        raise WorkspaceGone(workspace_id)
    return last - steps + 1


async def insert_memories(
    connection: AsyncConnection, workspace_id: str, actor: Actor, first: int, new: Sequence[Memory]
) -> None:
    """Store new memories, in their order: the first has the revision `first`, the next one more.

    Each row says who stored it: the actor.
    """
    by = {"user_id": actor.user_id, "credential_id": actor.credential_id, "client_id": actor.client_id}
    rows = [
        memory.model_dump()
        | {"workspace_id": workspace_id, "revision": first + i, "position": first + i}
        | {"text_digest": digest_text(memory.content)}
        # a dump lacks these if they say nothing, and all rows of one statement have the same columns
        | {name: getattr(memory, name) for name in ("buried_at", "pinned_at", "repeats", "repeated_at")}
        for i, memory in enumerate(new)
    ]
    stored = [
        row
        | {
            "consolidated": bool(row["consolidated"]),
            "images": row["images"] or None,
            "inferred": memory.inferred or None,
        }
        | by
        for row, memory in zip(rows, new, strict=True)
    ]
    await connection.execute(sa.insert(memories), stored)
    await links.put_links(connection, workspace_id, {memory.id: memory.linkages for memory in new})
    await renew_superseded(connection, workspace_id, superseding.list_named_ids(new))


async def update_memory(connection: AsyncConnection, memory_id: str, revision: int, changes: dict[str, Any]) -> None:
    """Change columns of one memory, and mark the memories that are superseded by it now, or no longer."""
    if isinstance(changes.get("content"), str):
        changes = changes | {"text_digest": digest_text(changes["content"])}
    may_mark = not changes.keys().isdisjoint(_MARKING)
    named = await superseding.list_superseded_ids(connection, [memory_id]) if may_mark else set[str]()
    statement = sa.update(memories).where(memories.c.id == memory_id).values(revision=revision, **changes)
    await connection.execute(statement)
    if "linkages" in changes:
        await links.replace_links(connection, memory_id, changes["linkages"])
        named |= await superseding.list_superseded_ids(connection, [memory_id])
    if named:
        home = sa.select(memories.c.workspace_id).where(memories.c.id == memory_id)
        await renew_superseded(connection, (await connection.execute(home)).scalar_one(), named)


async def renew_superseded(connection: AsyncConnection, workspace_id: str, ids: Collection[str]) -> None:
    """Mark these memories as superseded, or as not superseded, as the links say now. The caller holds the workspace.

    A memory whose mark changes gets a new revision, so that the projection hides or shows it.
    """
    marks = await superseding.find_changed_marks(connection, workspace_id, ids) if ids else {}
    if marks:
        first = await advance_revision(connection, workspace_id, len(marks), None, may_be_deleted=True)
        for step, (memory_id, mark) in enumerate(marks.items()):
            statement = sa.update(memories).where(memories.c.id == memory_id)
            await connection.execute(statement.values(revision=first + step, **mark))


_EVER = sa.select(*_COLUMNS).where(
    memories.c.id == sa.bindparam("memory"), memories.c.workspace_id == sa.bindparam("workspace")
)
_BY_ID = _EVER.where(memories.c.deleted_at.is_(None))
_UNERASED = _EVER.where(memories.c.erased_at.is_(None))


async def get_memory(
    source: AsyncConnection | Database, workspace_id: str, memory_id: str, *, may_be_deleted: bool = False
) -> Memory | None:
    """Return one memory of the workspace, or None if there is none. With a `Database` it is a cached read.

    A deleted memory is returned only with `may_be_deleted`, and only until it is erased.
    """
    query = _UNERASED if may_be_deleted else _BY_ID
    rows = await fetch_rows(source, query, {"memory": memory_id, "workspace": workspace_id})
    return memory_from_row(rows[0]) if rows else None


async def get_memories(
    connection: AsyncConnection, workspace_id: str, memory_ids: Collection[str]
) -> dict[str, Memory]:
    """Return those of the memories that the workspace has and that are not deleted, by id. At most some hundreds."""
    # The workspace is compared here: asked for beside a list of ids, SQLite reads all of the workspace.
    query = sa.select(*_COLUMNS, memories.c.workspace_id).where(
        memories.c.id.in_(set(memory_ids)), memories.c.deleted_at.is_(None)
    )
    rows = await connection.execute(query)
    return {row.id: memory_from_row(row[:-1]) for row in rows if row.workspace_id == workspace_id}


async def find_deletion(connection: AsyncConnection, workspace_id: str, memory_id: str) -> datetime | None:
    """Return when a memory was deleted whose text is still kept; None if it is not deleted, or not there."""
    query = sa.select(memories.c.deleted_at).where(
        memories.c.id == memory_id, memories.c.workspace_id == workspace_id, memories.c.erased_at.is_(None)
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def find_workspace_id(connection: AsyncConnection, memory_id: str) -> str | None:
    """Return the id of the workspace that a memory is in; None if there is no such memory, or if it was deleted."""
    query = sa.select(memories.c.workspace_id).where(memories.c.id == memory_id, memories.c.deleted_at.is_(None))
    return (await connection.execute(query)).scalar_one_or_none()


async def find_existing_ids(connection: AsyncConnection, workspace_id: str, ids: Iterable[str]) -> set[str]:
    """Return the ids, of these, that belong to memories of the workspace which are not deleted."""
    # The workspace is compared here: asked for beside a list of ids, SQLite reads all of the workspace.
    query = sa.select(memories.c.id, memories.c.workspace_id).where(
        memories.c.id.in_(set(ids)), memories.c.deleted_at.is_(None)
    )
    return {row.id for row in await connection.execute(query) if row.workspace_id == workspace_id}


def _escape_pattern(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _has_tags(tags: Sequence[str], *, parts: bool, is_sqlite: bool) -> sa.ColumnElement[bool]:
    """Whether a tag equals one of these texts, or contains it if `parts`. Upper and lower case are the same."""
    elements = sa.func.json_each if is_sqlite else sa.func.json_array_elements_text
    tag = elements(memories.c.tags).table_valued("value", name="tag")
    # Lowered once for each tag: on SQLite that is a call into Python.
    text, wanted = sa.func.lower(tag.c.value), [each.lower() for each in tags]
    if not parts:
        return sa.exists().select_from(tag).where(text.in_(wanted))
    holds = (text.like(f"%{_escape_pattern(each)}%", escape="\\") for each in wanted)
    return sa.exists().select_from(tag).where(sa.or_(*holds))


def _make_state_conditions(listing: Listing, now: datetime) -> list[sa.ColumnElement[bool]]:
    table, conditions = memories.c, list[sa.ColumnElement[bool]]()
    expired = table.expires_at <= now
    if listing.status not in {"buried", "all"}:
        conditions.append(table.buried_at.is_(None))
    if listing.status in {"active", "pinned"}:
        conditions += [is_current(listing.past), sa.or_(table.expires_at.is_(None), ~expired)]
    elif listing.status == "consolidated":
        conditions.append(table.consolidated.is_(True))
    elif listing.status == "superseded":
        conditions.append(table.superseded_by.is_not(None))
    elif listing.status == "expired":
        conditions.append(expired)
    elif listing.status == "buried":
        conditions.append(table.buried_at.is_not(None))
    if listing.status == "pinned":
        conditions.append(table.pinned_at.is_not(None))
    return conditions


def make_conditions(
    workspace_id: str, listing: Listing, now: datetime, *, is_sqlite: bool
) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that the memories of a listing fulfil."""
    table = memories.c
    conditions: list[sa.ColumnElement[bool]] = [table.workspace_id == workspace_id, table.deleted_at.is_(None)]
    conditions += _make_state_conditions(listing, now)
    if listing.types:
        conditions.append(table.type.in_(listing.types))
    if listing.tags:
        conditions.append(_has_tags(listing.tags, parts=listing.matches_parts_of_tags, is_sqlite=is_sqlite))
    if listing.tiers:
        tiers = (sa.and_(*(table[name] == value for name, value in tier.items())) for tier in listing.tiers)
        conditions.append(sa.or_(*tiers))
    return conditions + [table[name] == value for name, value in listing.equal.items()]


async def list_page(
    connection: AsyncConnection, workspace_id: str, listing: Listing, now: datetime
) -> tuple[list[Memory], int]:
    """Return a page of the workspace's memories, and the number of all that match.

    Those of an earlier time have the texts of then.
    """
    conditions = make_conditions(workspace_id, listing, now, is_sqlite=connection.dialect.name == "sqlite")
    column = memories.c[listing.sort]
    order = column.desc() if listing.is_descending else column.asc()
    if column.nullable:  # said of a column without nulls, it would keep Postgres from the index
        order = order.nulls_last()
    position = memories.c.position
    tie = position.desc() if listing.is_descending else position.asc()
    query = sa.select(*_COLUMNS).where(*conditions).order_by(order, tie).limit(listing.limit).offset(listing.offset)
    if listing.after is not None:
        value, last_id = listing.after
        last = memories.alias("last")
        place = sa.select(last.c.position).where(last.c.id == last_id).scalar_subquery()
        query = query.where(
            is_after([(column, listing.is_descending), (position, listing.is_descending)], [value, place])
        )
    page = [memory_from_row(row) for row in await connection.execute(query)]
    if listing.past is not None and listing.past.as_of is not None:
        texts = await read_texts_as_of(connection, {each.id for each in page}, listing.past.as_of)
        page = [each.model_copy(update={"content": texts[each.id]}) if each.id in texts else each for each in page]
    total = await connection.execute(sa.select(sa.func.count()).select_from(memories).where(*conditions))
    return page, total.scalar_one()


async def list_after(
    connection: AsyncConnection, workspace_id: str, position: int, limit: int
) -> list[tuple[int, Memory]]:
    """Return the workspace's next memories after a position, oldest first, each with its position."""
    query = (
        sa.select(*_COLUMNS, memories.c.position)
        .where(memories.c.workspace_id == workspace_id, memories.c.deleted_at.is_(None))
        .where(memories.c.position > position)
        .order_by(memories.c.position)
        .limit(limit)
    )
    return [(row[-1], memory_from_row(row[:-1])) for row in await connection.execute(query)]


async def list_parts(connection: AsyncConnection, workspace_id: str, first_id: str, label: str) -> list[Memory]:
    """Return a memory of the workspace, and the memories with a link of this label to it, oldest first."""
    parts = sa.select(link_rows.c.from_id).where(
        link_rows.c.workspace_id == workspace_id, link_rows.c.to_id == first_id, link_rows.c.label == label
    )
    query = sa.select(*_COLUMNS).where(
        memories.c.workspace_id == workspace_id,
        memories.c.deleted_at.is_(None),
        sa.or_(memories.c.id == first_id, memories.c.id.in_(parts)),
    )
    return [memory_from_row(row) for row in await connection.execute(query.order_by(memories.c.position))]


async def count_memories(connection: AsyncConnection, workspace_id: str, now: datetime) -> dict[str, int]:
    """Return the number of the workspace's memories: total, active, expired, consolidated and superseded."""
    table = memories.c
    expired = sa.and_(table.expires_at.is_not(None), table.expires_at <= now)
    query = sa.select(
        sa.func.count(),
        sa.func.count().filter(IN_RECALL, ~expired),
        sa.func.count().filter(expired),
        sa.func.count().filter(table.consolidated.is_(True)),
        sa.func.count().filter(table.superseded_by.is_not(None)),
    ).where(table.workspace_id == workspace_id, table.deleted_at.is_(None))
    row = (await connection.execute(query)).one()
    return dict(zip(("total", "active", "expired", "consolidated", "superseded"), row, strict=True))


async def sum_accesses(connection: AsyncConnection, workspace_id: str) -> int:
    """Return how often the workspace's memories were recalled.

    Merged memories are left out, because the memory they became has their sum.
    """
    table = memories.c
    query = sa.select(sa.func.coalesce(sa.func.sum(table.access_count), 0)).where(
        table.workspace_id == workspace_id, table.deleted_at.is_(None), table.consolidated.is_(False)
    )
    return (await connection.execute(query)).scalar_one()


async def erase_content(connection: AsyncConnection, memory_id: str, now: datetime) -> None:
    """Overwrite the content of a memory in its row and its journal entries.

    The rows stay: they say that it existed, when, and by whom.
    """
    blank: dict[str, Any] = dict.fromkeys(
        ("project", "task", "entity", "author", "session", "occurred_at", "source", "expires_at", "text_digest"), None
    )
    await connection.execute(
        sa.update(memories)
        .where(memories.c.id == memory_id)
        .values(
            content="", type="", tags=[], linkages=[], metadata={}, images=None, inferred=None, erased_at=now, **blank
        )
    )
    await links.replace_links(connection, memory_id, [])
    await mentions.erase_mentions(connection, memory_id)
    await images.erase_pictures(connection, memory_id)
    merged_into = sa.select(memories.c.consolidated_into).where(memories.c.id == memory_id).scalar_subquery()
    told = sa.or_(consolidations.c.memory_id == memory_id, consolidations.c.memory_id == merged_into)
    await connection.execute(sa.update(consolidations).where(told).values(template_summary=None))
    home = sa.select(memories.c.workspace_id).where(memories.c.id == memory_id).scalar_subquery()
    await connection.execute(
        sa.update(workspaces).where(workspaces.c.id == home).values(erasures=workspaces.c.erasures + 1)
    )
    await blank_memory_entries(connection, memory_id)


async def count_accesses(connection: AsyncConnection, accesses: dict[str, tuple[int, datetime]]) -> dict[str, int]:
    """Add to access counts: memory id → (number of accesses, time of the last one). Return the counts after it, by id.

    Access counts are no part of a memory's revision.
    """
    query = (
        sa.update(memories)
        .where(memories.c.id == sa.bindparam("memory"))
        .values(access_count=memories.c.access_count + sa.bindparam("times"), last_accessed_at=sa.bindparam("at"))
    )
    # In one order everywhere, so that two servers never wait for each other's rows.
    rows = [{"memory": m, "times": n, "at": at} for m, (n, at) in sorted(accesses.items())]
    counts: dict[str, int] = {}
    for start in range(0, len(rows), _COUNTED):  # a round of the loop for each portion: recalls go on meanwhile
        portion = rows[start : start + _COUNTED]
        await connection.execute(query, portion)
        ids = [row["memory"] for row in portion]
        after = sa.select(memories.c.id, memories.c.access_count).where(memories.c.id.in_(ids))
        counts.update((row.id, row.access_count) for row in await connection.execute(after))
    return counts
