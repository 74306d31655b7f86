"""Rows of fetched client metadata documents: the document of a client that did not need to register."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.db import insert_into
from server.store.tables.oauth import oauth_documents


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """The result of fetching a client metadata document: the document, or the reason why there is none."""

    url: str
    document: dict[str, Any] | None
    failure: str | None
    expires_at: datetime


async def find_document(connection: AsyncConnection, url: str) -> DocumentRow | None:
    """Return the result of the last fetch of a document, however old. None if it was never fetched."""
    query = sa.select(
        oauth_documents.c.url, oauth_documents.c.document, oauth_documents.c.failure, oauth_documents.c.expires_at
    ).where(oauth_documents.c.url == url)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else DocumentRow(*row)


async def upsert_document(connection: AsyncConnection, row: DocumentRow) -> None:
    """Store the result of a fetch in place of the last one. A failure leaves an earlier document as it is."""
    news: dict[str, Any] = {"failure": row.failure, "expires_at": row.expires_at}
    if row.document is not None:
        news["document"] = row.document
    query = insert_into(connection, oauth_documents).values(url=row.url, **news)
    await connection.execute(query.on_conflict_do_update(index_elements=["url"], set_=news))
