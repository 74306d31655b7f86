"""The journal: the user, the time, the operation and the thing of each change. Every write of its table is here.

The caller owns the transaction: an entry is written in the transaction that makes the change.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import UserId
from server.store.record.stored_by import name_app
from server.store.record.workspaces import WorkspaceGone
from server.store.tables.accounts import api_keys, users, workspaces
from server.store.tables.memories import journal
from server.store.tables.oauth import oauth_grants

#: The number of earlier texts of a memory that are looked for when it is erased.
_TEXTS = 100


@dataclass(frozen=True, slots=True)
class Actor:
    """The user, credential and request that make a change, and the operation they make it by.

    `loci` and `housekeeping` are no users: the server itself makes the change, at night or to erase something, or its
    operator does, with a command.
    """

    user_id: UserId | Literal["loci", "housekeeping"]
    credential_id: str
    operation: str
    request_id: str
    #: The OAuth client; None if there is none.
    client_id: str | None = None


def _make_entry(workspace_id: str, actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id,
        "at": now,
        "operation": actor.operation,
        "user_id": actor.user_id,
        "credential_id": actor.credential_id,
        "request_id": actor.request_id,
    }


async def journal_memories(
    connection: AsyncConnection,
    workspace_id: str,
    actor: Actor,
    now: datetime,
    revision: int,
    changes: Sequence[tuple[str, dict[str, Any] | None, dict[str, Any] | None]],
) -> None:
    """Journal changes of memories, each given as (id, before, after). The first has this revision, the next one more.

    `before` is None for a memory that was stored, `after` is None for one that was deleted. If a client stored it,
    `after` is None as well: the text would be kept twice, as the row has it until the next entry has it as `before`.
    """
    common = _make_entry(workspace_id, actor, now)
    entries = [
        common | {"memory_id": memory_id, "revision": revision + i, "before": before, "after": after}
        for i, (memory_id, before, after) in enumerate(changes)
    ]
    await connection.execute(sa.insert(journal), entries)


async def journal_change(
    connection: AsyncConnection, workspace_id: str, actor: Actor, now: datetime, what: dict[str, str]
) -> None:
    """Journal a change of anything but memories, and hold the workspace until the transaction ends.

    `what` names the thing that changes and holds none of its text. So nothing has to be erased from the journal later,
    except the names of a deleted workspace's sections. The workspace's revision stays as it is, because the projection
    follows memories only.

    Raises:
        WorkspaceGone: the workspace was deleted.
    """
    held = (
        sa.update(workspaces)
        .where(workspaces.c.id == workspace_id, workspaces.c.deleted_at.is_(None))
        .values(updated_at=now)
        .returning(workspaces.c.revision)
    )
    revision = (await connection.execute(held)).scalar_one_or_none()
    if revision is None:
        raise WorkspaceGone(workspace_id)
    entry = _make_entry(workspace_id, actor, now) | {"revision": revision, "after": what}
    await connection.execute(sa.insert(journal).values(entry))


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one memory, by its entry. `before` and `after` are None as `journal_memories` says."""

    id: int
    at: datetime
    operation: str
    user: str | None
    app: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


_CHANGES = (
    sa.select(
        *(journal.c[name] for name in ("id", "at", "operation", "user_id", "credential_id", "before", "after")),
        users.c.name.label("user"),
        oauth_grants.c.client_id,
        sa.func.coalesce(oauth_grants.c.client_name, sa.func.nullif(api_keys.c.name, "")).label("app"),
        api_keys.c.prefix,
    )
    .select_from(
        journal.outerjoin(users, users.c.id == journal.c.user_id)
        .outerjoin(api_keys, api_keys.c.id == journal.c.credential_id)
        .outerjoin(oauth_grants, oauth_grants.c.id == journal.c.credential_id)
    )
    .order_by(journal.c.id.desc())
)


async def list_changes(connection: AsyncConnection, memory_id: str, limit: int) -> list[Change]:
    """Return the newest changes of a memory, newest first; the last one is its storing, if they are all."""
    rows = await connection.execute(_CHANGES.where(journal.c.memory_id == memory_id).limit(limit))
    return [_make_change(row) for row in rows]


async def get_change(connection: AsyncConnection, memory_id: str, change_id: int) -> Change | None:
    """Return one change of a memory; None if it has no such change."""
    query = _CHANGES.where(journal.c.id == change_id, journal.c.memory_id == memory_id)
    row = (await connection.execute(query)).first()
    return None if row is None else _make_change(row)


def _make_change(row: sa.Row[Any]) -> Change:
    return Change(row.id, row.at, row.operation, row.user, name_app(row), row.before, row.after)


async def list_earlier_texts(connection: AsyncConnection, memory_id: str) -> list[str]:
    """Return the texts that a memory had before its changes, newest first: at most 100, because each is looked for."""
    text = journal.c.before["content"].as_string()
    query = sa.select(text).where(journal.c.memory_id == memory_id, text.is_not(None)).group_by(text)
    return list((await connection.execute(query.order_by(sa.func.max(journal.c.id).desc()).limit(_TEXTS))).scalars())


async def read_texts_as_of(connection: AsyncConnection, memory_ids: Collection[str], as_of: datetime) -> dict[str, str]:
    """Return the texts that memories had at a time, of those that were changed since, by id."""
    query = (
        sa.select(journal.c.memory_id, journal.c.before["content"].as_string())
        .where(journal.c.memory_id.in_(memory_ids), journal.c.at > as_of)
        .order_by(journal.c.id.desc())
    )
    return {memory_id: text for memory_id, text in await connection.execute(query) if text}


async def blank_memory_entries(connection: AsyncConnection, memory_id: str) -> None:
    """Remove the content from a memory's entries. The entries stay, with the user, the time and the operation."""
    await connection.execute(
        sa.update(journal).where(journal.c.memory_id == memory_id).values(before=sa.null(), after=sa.null())
    )


async def forget_link_labels(connection: AsyncConnection, memory_id: str, to_ids: Collection[str]) -> None:
    """Remove the labels of a memory's links to these other memories from its entries."""
    query = sa.select(journal.c.id, journal.c.before, journal.c.after).where(journal.c.memory_id == memory_id)
    for entry_id, *sides in (await connection.execute(query)).all():
        new = [
            side | {"linkages": unlabel(side["linkages"], to_ids)} if side and side.get("linkages") else side
            for side in sides
        ]
        if new != sides:
            row = sa.update(journal).where(journal.c.id == entry_id)
            await connection.execute(row.values(before=new[0], after=new[1]))


def unlabel(linkages: Sequence[dict[str, Any]], to_ids: Collection[str]) -> list[dict[str, Any]]:
    """Return links without the labels of those to these memories."""
    return [link | {"label": None} if link.get("id") in to_ids and link.get("label") else link for link in linkages]


async def blank_section_entries(
    connection: AsyncConnection, workspace_ids: Collection[str], name: str | None = None
) -> None:
    """Remove the names of sections of working memory from the entries of these workspaces: all of them, or one name.

    A section is journaled by the name that a person gave it, and everything else by its id.
    """
    section = journal.c.after["section"].as_string()
    of_sections = sa.update(journal).where(
        journal.c.workspace_id.in_(set(workspace_ids)),
        journal.c.memory_id.is_(None),
        section.is_not(None) if name is None else section == name,
    )
    await connection.execute(of_sections.values(after=sa.null()))
