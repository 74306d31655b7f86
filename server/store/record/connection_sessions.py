"""Rows of the sessions of connections that store memories without naming a session."""

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.store.tables.memories import connection_sessions as table

#: A connection that has not stored for this long begins a new session.
PAUSE = timedelta(minutes=30)


def _make_statement(insert: sqlite.Insert | postgresql.Insert) -> sa.Executable:
    names = ("workspace_id", "connection", "session", "stored_at")
    first = insert.values({name: sa.bindparam(name) for name in names})
    new = first.excluded
    is_over = table.c.stored_at <= sa.bindparam("over", type_=table.c.stored_at.type)
    # The clocks of two processes may differ: the later time stays.
    is_later = table.c.stored_at < new.stored_at
    return first.on_conflict_do_update(
        index_elements=["workspace_id", "connection"],
        set_={
            "session": sa.case((is_over, new.session), else_=table.c.session),
            "stored_at": sa.case((is_later, new.stored_at), else_=table.c.stored_at),
        },
    ).returning(table.c.session)


# Made once: each store has one of these.
_STATEMENTS = {
    "sqlite": _make_statement(sqlite.insert(table)),
    "postgresql": _make_statement(postgresql.insert(table)),
}


async def find_session(connection: AsyncConnection, workspace_id: str, names: tuple[str, ...], now: datetime) -> str:
    """Return the session that a connection stores in, and note that it stores now; after a pause it is a new one.

    One statement, and in SQL: so a session survives a restart, and is the same one in all processes.

    Args:
        connection: the caller's transaction.
        workspace_id: the workspace; each has sessions of its own.
        names: the ids and names that tell the connection from others.
        now: the time.
    """
    key = hashlib.sha256("\0".join(names).encode()).hexdigest()
    row = {"workspace_id": workspace_id, "connection": key, "session": new_id(now), "stored_at": now}
    return (await connection.execute(_STATEMENTS[connection.dialect.name], row | {"over": now - PAUSE})).scalar_one()


async def delete_old_sessions(connection: AsyncConnection, now: datetime) -> None:
    """Delete the rows of connections whose next store begins a new session."""
    await connection.execute(sa.delete(table).where(table.c.stored_at <= now - PAUSE))
