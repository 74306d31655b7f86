"""Rows of tombstones: what was erased is known again by a keyed hash, and is not stored.

The caller owns the transaction.
The key is derived from the server's secret. So a reader of the database alone cannot try out which texts were erased.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.forgetting import normalize_forgotten
from server.store.record import imports
from server.store.tables.erasure import erasure_receipts, tombstones

TombstoneKind = Literal["text", "origin"]
#: The digests that one statement looks for, and the rows that one writes.
_STEP = 500


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A text that was erased, or the report that it came with, as it is kept out. `lifted_at` is None while it is."""

    id: str
    receipt_id: str
    kind: TombstoneKind
    made_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None


class Forgotten(Exception):  # noqa: N818 - it names the reason; the doors decide on the words
    """A text was erased, and stays forgotten. `position` is its place among the texts of the call."""

    def __init__(self, tombstone: Tombstone, position: int) -> None:
        super().__init__(tombstone.id)
        self.tombstone = tombstone
        self.position = position


_TOMBSTONE = sa.select(*(tombstones.c[name] for name in Tombstone.__slots__))


class Tombstones:
    """The tombstones under the key of this server."""

    def __init__(self, secret: str) -> None:
        self._key = HKDF(SHA256(), length=32, salt=None, info=b"loci tombstones").derive(secret.encode())

    async def put(
        self,
        connection: AsyncConnection,
        workspace_id: str,
        receipt_id: str,
        texts: Iterable[str],
        origins: Iterable[str],
        now: datetime,
    ) -> int:
        """Keep texts and reports out of a workspace from now on; return the number of tombstones."""
        digests = {("text", self._digest("text", normalize_forgotten(each))) for each in texts if each.strip()}
        digests |= {("origin", self._digest("origin", each)) for each in origins}
        rows = [
            {
                "id": new_id(now),
                "receipt_id": receipt_id,
                "workspace_id": workspace_id,
                "kind": kind,
                "digest": digest,
                "made_at": now,
            }
            for kind, digest in sorted(digests)
        ]
        for start in range(0, len(rows), _STEP):
            await connection.execute(sa.insert(tombstones), rows[start : start + _STEP])
        return len(rows)

    async def find_texts(
        self, connection: AsyncConnection, workspace_id: str, texts: Sequence[str]
    ) -> dict[int, Tombstone]:
        """Return the tombstones of those texts that were erased in the workspace, by their places in the list."""
        return await self._find(connection, workspace_id, "text", [normalize_forgotten(each) for each in texts])

    async def find_lifted_texts(
        self, connection: AsyncConnection, workspace_id: str, texts: Sequence[str]
    ) -> dict[int, Tombstone]:
        """Return the tombstones of those texts that were erased and may be remembered again, by their places."""
        said = [normalize_forgotten(each) for each in texts]
        return await self._find(connection, workspace_id, "text", said, is_lifted=True)

    async def find_origins(
        self, connection: AsyncConnection, workspace_id: str, origins: Sequence[str]
    ) -> dict[int, Tombstone]:
        """Return the tombstones of those reports that were erased in the workspace, by their places in the list."""
        return await self._find(connection, workspace_id, "origin", origins)

    async def check_texts(self, connection: AsyncConnection, workspace_id: str, texts: Sequence[str]) -> None:
        """Check that none of these texts was erased in the workspace.

        Raises:
            Forgotten: one was, and nobody has lifted that.
        """
        for position, tombstone in (await self.find_texts(connection, workspace_id, texts)).items():
            raise Forgotten(tombstone, position)

    async def _find(
        self,
        connection: AsyncConnection,
        workspace_id: str,
        kind: TombstoneKind,
        said: Sequence[str],
        *,
        is_lifted: bool = False,
    ) -> dict[int, Tombstone]:
        if not said:
            return {}
        digests = [self._digest(kind, each) for each in said]
        wanted = sorted(set(digests))
        found: dict[str, Tombstone] = {}
        for start in range(0, len(wanted), _STEP):
            query = _TOMBSTONE.add_columns(tombstones.c.digest).where(
                tombstones.c.workspace_id == workspace_id,
                tombstones.c.digest.in_(wanted[start : start + _STEP]),
                tombstones.c.lifted_at.is_not(None) if is_lifted else tombstones.c.lifted_at.is_(None),
            )
            for *fields, digest in await connection.execute(query):
                found[digest] = Tombstone(*fields)
        return {place: found[digest] for place, digest in enumerate(digests) if digest in found}

    def _digest(self, kind: TombstoneKind, said: str) -> str:
        return hmac.new(self._key, f"{kind}\n{said}".encode(), hashlib.sha256).hexdigest()


async def list_tombstones(
    connection: AsyncConnection, workspace_id: str, receipt_id: str | None, before: str | None, limit: int
) -> list[Tombstone]:
    """Return the tombstones of a workspace, or those of one receipt, newest first, with ids below `before`."""
    query = _TOMBSTONE.where(tombstones.c.workspace_id == workspace_id)
    if receipt_id is not None:
        query = query.where(tombstones.c.receipt_id == receipt_id)
    if before is not None:
        query = query.where(tombstones.c.id < before)
    return [Tombstone(*row) for row in await connection.execute(query.order_by(tombstones.c.id.desc()).limit(limit))]


async def find_place(connection: AsyncConnection, tombstone_id: str) -> tuple[str, str] | None:
    """Return the account and the workspace of a tombstone; None if there is no such tombstone."""
    query = sa.select(erasure_receipts.c.account_id, tombstones.c.workspace_id).join_from(
        tombstones, erasure_receipts, erasure_receipts.c.id == tombstones.c.receipt_id
    )
    row = (await connection.execute(query.where(tombstones.c.id == tombstone_id))).one_or_none()
    return None if row is None else (row.account_id, row.workspace_id)


async def lift_tombstones(
    connection: AsyncConnection,
    workspace_id: str,
    user_id: str,
    now: datetime,
    *,
    tombstone_id: str | None,
    receipt_id: str | None,
) -> int:
    """Let what was erased be remembered again: one tombstone, all of a receipt, or both; return how many were lifted.

    A tombstone that is lifted for a text is lifted in every erasure of that text.
    """
    chosen = [tombstones.c.id == tombstone_id] if tombstone_id is not None else []
    if receipt_id is not None:
        chosen.append(tombstones.c.receipt_id == receipt_id)
    same = sa.select(tombstones.c.digest).where(tombstones.c.workspace_id == workspace_id, *chosen)
    lifted = (
        sa.update(tombstones)
        .where(
            tombstones.c.workspace_id == workspace_id,
            tombstones.c.digest.in_(same.scalar_subquery()),
            tombstones.c.lifted_at.is_(None),
        )
        .values(lifted_at=now, lifted_by=user_id)
    )
    count = (await connection.execute(lifted)).rowcount
    if count:
        await _free_imports(connection, workspace_id, same)
    return count


async def _free_imports(connection: AsyncConnection, workspace_id: str, digests: sa.Select[str]) -> None:
    """Let what was erased be imported again. What another tombstone keeps out is still kept out."""
    receipts = sa.select(tombstones.c.receipt_id).where(
        tombstones.c.workspace_id == workspace_id, tombstones.c.digest.in_(digests.scalar_subquery())
    )
    query = sa.select(erasure_receipts.c.memory_ids).where(erasure_receipts.c.id.in_(receipts.scalar_subquery()))
    for ids in (await connection.execute(query)).scalars().all():
        await imports.free_keys_of_memories(connection, workspace_id, ids)
