"""Rows of pictures, which are kept beside their memories. The caller owns the transaction."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.images import Picture, plan_copies
from server.memory.models import Memory
from server.store.tables.memories import images, memories


async def put_pictures(
    connection: AsyncConnection, workspace_id: str, memory_id: str, pictures: Sequence[Picture]
) -> None:
    """Store the pictures of a new memory. Their names differ."""
    rows = [
        {"memory_id": memory_id, "position": position, "workspace_id": workspace_id} | each._asdict()
        for position, each in enumerate(pictures)
    ]
    if rows:
        await connection.execute(sa.insert(images), rows)


async def add_picture(
    connection: AsyncConnection, workspace_id: str, memory_id: str, position: int, picture: Picture
) -> None:
    """Store one more picture of a memory, at this position among its pictures. Its name differs from theirs."""
    where = {"memory_id": memory_id, "position": position, "workspace_id": workspace_id}
    await connection.execute(sa.insert(images).values(where | picture._asdict()))


async def copy_pictures(connection: AsyncConnection, memory_id: str, sources: Sequence[Memory]) -> None:
    """Give a merged memory copies of its sources' pictures, in place of those that it has. The database copies them."""
    await erase_pictures(connection, memory_id)
    for position, copy in enumerate(plan_copies(sources, memory_id)):
        new = (sa.literal(memory_id), sa.literal(position), images.c.workspace_id, sa.literal(copy.image.filename))
        query = sa.select(*new, images.c.mimetype, images.c.data).where(
            images.c.memory_id == copy.source_id, images.c.filename == copy.filename
        )
        names = ["memory_id", "position", "workspace_id", "filename", "mimetype", "data"]
        await connection.execute(sa.insert(images).from_select(names, query))


async def get_picture(
    connection: AsyncConnection, workspace_id: str, memory_id: str, filename: str | None
) -> Picture | None:
    """Return a picture of a memory of the workspace that is not deleted, by its name or the first; None without one."""
    query = (
        sa.select(images.c.filename, images.c.mimetype, images.c.data)
        .join(memories, memories.c.id == images.c.memory_id)
        .where(images.c.memory_id == memory_id, images.c.workspace_id == workspace_id, memories.c.deleted_at.is_(None))
    )
    if filename is not None:
        query = query.where(images.c.filename == filename)
    row = (await connection.execute(query.order_by(images.c.position).limit(1))).one_or_none()
    return None if row is None else Picture(*row)


async def erase_pictures(connection: AsyncConnection, memory_id: str) -> None:
    """Delete the pictures of a memory for good."""
    await connection.execute(sa.delete(images).where(images.c.memory_id == memory_id))
