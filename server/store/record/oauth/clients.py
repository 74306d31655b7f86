"""OAuth clients: those that registered, the documents of those that did not need to, and remembered consents."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.tables.oauth import oauth_clients, oauth_consents, oauth_documents


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client that registered itself (RFC 7591)."""

    id: str
    name: str
    redirect_uris: list[str]
    grant_types: list[str]
    auth_method: str
    secret_hash: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """What a fetch of a client metadata document gave: the document, or why there is none."""

    url: str
    document: dict[str, Any] | None
    failure: str | None
    expires_at: datetime


async def insert_client(connection: AsyncConnection, row: ClientRow) -> None:
    """Keep a new client."""
    await connection.execute(
        sa.insert(oauth_clients).values(
            id=row.id,
            name=row.name,
            redirect_uris=row.redirect_uris,
            grant_types=row.grant_types,
            auth_method=row.auth_method,
            secret_hash=row.secret_hash,
            created_at=row.created_at,
        )
    )


async def client_by_id(connection: AsyncConnection, client_id: str) -> ClientRow | None:
    """The registered client with this id."""
    query = sa.select(
        oauth_clients.c.id,
        oauth_clients.c.name,
        oauth_clients.c.redirect_uris,
        oauth_clients.c.grant_types,
        oauth_clients.c.auth_method,
        oauth_clients.c.secret_hash,
        oauth_clients.c.created_at,
    ).where(oauth_clients.c.id == client_id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else ClientRow(*row)


async def count_clients(connection: AsyncConnection) -> int:
    """How many clients are registered."""
    return (await connection.execute(sa.select(sa.func.count()).select_from(oauth_clients))).scalar_one()


async def touch_client(connection: AsyncConnection, client_id: str, now: datetime) -> None:
    """Write that a registered client was just used; nothing where it is known by its document."""
    await connection.execute(sa.update(oauth_clients).where(oauth_clients.c.id == client_id).values(last_used_at=now))


async def document_of(connection: AsyncConnection, url: str) -> DocumentRow | None:
    """What the last fetch of a document gave, however long ago."""
    query = sa.select(
        oauth_documents.c.url, oauth_documents.c.document, oauth_documents.c.failure, oauth_documents.c.expires_at
    ).where(oauth_documents.c.url == url)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else DocumentRow(*row)


async def upsert_document(connection: AsyncConnection, row: DocumentRow) -> None:
    """Keep what a fetch gave, instead of what the last one did; a failure leaves the document that was there."""
    news: dict[str, Any] = {"failure": row.failure, "expires_at": row.expires_at}
    if row.document is not None:
        news["document"] = row.document
    query = insert_into(connection, oauth_documents).values(url=row.url, **news)
    await connection.execute(query.on_conflict_do_update(index_elements=["url"], set_=news))


async def remember_consent(
    connection: AsyncConnection,
    *,
    user_id: str,
    client_id: str,
    redirect_host: str,
    asked: str,
    granted: str,
    now: datetime,
) -> None:
    """Remember what a person answered when a client asked for these scopes."""
    query = insert_into(connection, oauth_consents).values(
        user_id=user_id, client_id=client_id, redirect_host=redirect_host, asked=asked, granted=granted, created_at=now
    )
    keys = ["user_id", "client_id", "redirect_host", "asked"]
    await connection.execute(
        query.on_conflict_do_update(index_elements=keys, set_={"granted": granted, "created_at": now})
    )


async def remembered_consent(
    connection: AsyncConnection, *, user_id: str, client_id: str, redirect_host: str, asked: str
) -> str | None:
    """The scopes a person granted when this client asked for the same, or None."""
    query = sa.select(oauth_consents.c.granted).where(
        oauth_consents.c.user_id == user_id,
        oauth_consents.c.client_id == client_id,
        oauth_consents.c.redirect_host == redirect_host,
        oauth_consents.c.asked == asked,
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def forget_consents(connection: AsyncConnection, user_id: str, client_id: str) -> None:
    """Ask the person again the next time this client comes."""
    await connection.execute(
        sa.delete(oauth_consents).where(oauth_consents.c.user_id == user_id, oauth_consents.c.client_id == client_id)
    )
