"""A workspace of the record, written to as the tools do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from server.ids import UserId, new_id
from server.memory.models import Memory
from server.memory.vector import TextVectors
from server.store.db import Database
from server.store.projection.projection import Projection
from server.store.record import memories, vectors, workspaces
from server.store.record.journal import Actor, journal_memories
from server.store.record.people import accounts
from server.store.tables.accounts import workspaces as workspace_table


@dataclass
class Ledger:
    """A workspace of the record; each verb is one transaction, as in `tools`. Nothing here projects."""

    db: Database
    now: Callable[[], datetime]
    workspace: str
    user: str
    account: str
    actor: Actor = field(default_factory=lambda: Actor(UserId("user"), "key", "test", "request"))

    def memory(self, content, **fields):
        now = self.now()
        given = {"type": "fact", "tags": [], "scope": "global", "linkages": [], "metadata": {}} | fields
        given |= {"relevance": 1.0, "access_count": 0, "consolidated": 0, "created_at": now, "updated_at": now} | fields
        return Memory(id=new_id(now), content=content, **given)

    async def store(self, *contents, generation: int | None = None, windows=(), **fields):
        """Store texts in one transaction; their ids."""
        new = [self.memory(content, **fields) for content in contents]
        async with self.db.write() as connection:
            first = await memories.advance_revision(connection, self.workspace, len(new), self.now())
            await memories.insert_memories(connection, self.workspace, self.actor, first, new)
            if windows:
                assert generation is not None, "vectors belong to a generation"
                found = {memory.id: TextVectors(each) for memory, each in zip(new, windows, strict=True)}
                await vectors.put_vectors(connection, generation, found)
            changes = [(memory.id, None, None) for memory in new]
            await journal_memories(connection, self.workspace, self.actor, self.now(), first, changes)
        return [memory.id for memory in new]

    async def change(self, memory_id, **changes):
        async with self.db.write() as connection:
            revision = await memories.advance_revision(connection, self.workspace, 1, self.now())
            await memories.update_memory(connection, memory_id, revision, changes)
        return revision

    async def delete(self, memory_id):
        return await self.change(memory_id, deleted_at=self.now())

    async def get(self, memory_id):
        async with self.db.read() as connection:
            return await memories.get_memory(connection, self.workspace, memory_id)

    async def row(self, *names):
        """Columns of the workspace."""
        query = sa.select(*(workspace_table.c[name] for name in names))
        async with self.db.read() as connection:
            return tuple((await connection.execute(query.where(workspace_table.c.id == self.workspace))).one())


async def open_ledger(db, clock, name="ann", generation=0):
    async with db.write() as connection:
        user = await accounts.find_user(connection, name) or await accounts.create_user(
            connection, name=name, password_hash=None, is_admin=False, now=clock()
        )
        found, _ = await workspaces.ensure_workspace(connection, user.account_id, "default", generation, clock())
    return Ledger(db, clock, found.id, user.id, user.account_id)


class CountingProjection(Projection):
    """A projection that only notes what it is told to project."""

    def __init__(self):
        self.projected = []

    async def project(self, workspace_id):
        self.projected.append(workspace_id)
        return True
