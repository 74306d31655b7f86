"""Rows of the audit as a person reads them: with the names of people, apps and workspaces as they are now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.names import fold_name
from server.store.tables.accounts import api_keys, users, workspaces
from server.store.tables.audit import audit_entries
from server.store.tables.oauth import oauth_grants

#: The outcome that stands for every outcome but success.
REFUSED = "refused"

_FROM = (
    audit_entries.outerjoin(users, users.c.id == audit_entries.c.user_id)
    .outerjoin(api_keys, api_keys.c.id == audit_entries.c.credential_id)
    .outerjoin(oauth_grants, oauth_grants.c.id == audit_entries.c.credential_id)
    .outerjoin(workspaces, workspaces.c.id == audit_entries.c.workspace_id)
)
#: An entry with the names that belong to it.
ENTRY = sa.select(
    audit_entries,
    users.c.name.label("person"),
    sa.func.coalesce(oauth_grants.c.client_name, sa.func.nullif(api_keys.c.name, "")).label("app"),
    workspaces.c.name.label("workspace"),
).select_from(_FROM)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """The entries to list; None: every one. `app` and `person` are ids or names."""

    since: datetime | None = None
    until: datetime | None = None
    person: str | None = None
    app: str | None = None
    workspace_ids: Sequence[str] | None = None
    operation: str | None = None
    outcome: str | None = None
    request_id: str | None = None


async def list_entries(
    connection: AsyncConnection, account_id: str, wanted: AuditFilter, before: int | None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Return the entries of an account's audit, the newest first: at most `limit`, with numbers below `before`."""
    query = ENTRY.where(audit_entries.c.account_id == account_id, *_list_conditions(wanted))
    if before is not None:
        query = query.where(audit_entries.c.number < before)
    return (await connection.execute(query.order_by(audit_entries.c.number.desc()).limit(limit))).all()


def _list_conditions(wanted: AuditFilter) -> list[sa.ColumnElement[bool]]:
    c = audit_entries.c
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(c.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(c.at < wanted.until)
    if wanted.person is not None:
        named = sa.select(users.c.id).where(users.c.name_key == fold_name(wanted.person))
        conditions.append(sa.or_(c.user_id == wanted.person, c.user_id.in_(named)))
    if wanted.app is not None:
        keys = sa.select(api_keys.c.id).where(api_keys.c.name == wanted.app)
        grants = sa.select(oauth_grants.c.id).where(oauth_grants.c.client_name == wanted.app)
        ids = (c.credential_id == wanted.app, c.client_id == wanted.app)
        conditions.append(sa.or_(*ids, c.credential_id.in_(keys), c.credential_id.in_(grants)))
    if wanted.workspace_ids is not None:
        conditions.append(c.workspace_id.in_(wanted.workspace_ids))
    if wanted.outcome is not None:
        conditions.append(c.outcome != "ok" if wanted.outcome == REFUSED else c.outcome == wanted.outcome)
    for column, value in ((c.operation, wanted.operation), (c.request_id, wanted.request_id)):
        if value is not None:
            conditions.append(column == value)
    return conditions


async def list_workspace_ids(connection: AsyncConnection, account_id: str, name: str) -> list[str]:
    """Return the ids of an account's workspaces that have this name, or had it before they were deleted."""
    query = sa.select(workspaces.c.id).where(
        workspaces.c.account_id == account_id, workspaces.c.name_key == fold_name(name)
    )
    return list((await connection.execute(query)).scalars())
