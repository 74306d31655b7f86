"""The origin of a memory: the person, the app and the session, with the names that they have now."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import Database
from server.store.tables.accounts import api_keys, users
from server.store.tables.memories import memories
from server.store.tables.oauth import oauth_clients, oauth_grants

#: The apps that are none: a page of this server, the server itself, and its operator with a command.
CONSOLE, SERVER, COMMAND = "console", "Loci", "command line"
_SERVER_ITSELF = "loci"


class StoredBy(BaseModel):
    """The person, the app and the session that stored a memory."""

    user: str | None = Field(
        default=None, description="The person's name; null if the server made it, or if that is not known."
    )
    user_id: str | None = Field(default=None, description="The person's id; null if that is not known.")
    app: str | None = Field(
        default=None,
        description="The name of the OAuth client or of the API key; `console`, `command line` or `Loci` (the server "
        "itself); null if it is not known.",
    )
    client_id: str | None = Field(default=None, description="The OAuth client; null for anything else.")
    session: str | None = Field(default=None, description="The session that it comes from.")


_FROM = (
    memories.outerjoin(users, users.c.id == memories.c.user_id)
    .outerjoin(api_keys, api_keys.c.id == memories.c.credential_id)
    .outerjoin(oauth_grants, oauth_grants.c.id == memories.c.credential_id)
    # a grant ends, and is deleted some weeks later
    .outerjoin(oauth_clients, oauth_clients.c.id == memories.c.client_id)
)
# The workspace is compared afterwards: asked for beside a list of ids, SQLite reads all of the workspace.
_ROWS = (
    sa.select(
        memories.c.id,
        memories.c.workspace_id,
        memories.c.user_id,
        memories.c.credential_id,
        sa.func.coalesce(memories.c.client_id, oauth_grants.c.client_id).label("client_id"),
        memories.c.session,
        users.c.name.label("user"),
        sa.func.coalesce(oauth_grants.c.client_name, oauth_clients.c.name, sa.func.nullif(api_keys.c.name, "")).label(
            "app"
        ),
        api_keys.c.prefix,
    )
    .select_from(_FROM)
    .where(memories.c.id.in_(sa.bindparam("ids", expanding=True)))
)


async def read_stored_by(db: Database, workspace_id: str, ids: Collection[str]) -> dict[str, StoredBy]:
    """Return who stored those of the memories that the workspace has, by the id of the memory."""
    if not ids:
        return {}
    rows = await db.read_few_rows(_ROWS, {"ids": list(ids)})
    return {row.id: _make_stored_by(row) for row in rows if row.workspace_id == workspace_id}


def _make_stored_by(row: sa.Row[Any]) -> StoredBy:
    return StoredBy(
        user=row.user,
        user_id=None if row.user is None else row.user_id,
        app=name_app(row),
        client_id=row.client_id,
        session=row.session,
    )


def name_app(row: sa.Row[Any]) -> str | None:
    """Return the name of the app of a row with user_id, user, credential_id, client_id, app and prefix."""
    if row.credential_id == _SERVER_ITSELF:
        return COMMAND if row.user else SERVER
    if row.credential_id is not None and row.credential_id == row.user_id:
        return CONSOLE
    return row.app or row.prefix or row.client_id


async def copy_stored_by(connection: AsyncConnection, memory_id: str, from_id: str) -> None:
    """Have a memory say that it was stored by the person who stored another one."""
    source = memories.alias("source")
    values = {
        name: sa.select(source.c[name]).where(source.c.id == from_id).scalar_subquery()
        for name in ("user_id", "credential_id", "client_id")
    }
    await connection.execute(sa.update(memories).where(memories.c.id == memory_id).values(**values))
