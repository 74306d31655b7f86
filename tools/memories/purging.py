"""Erasing all memories of a project inside a workspace, with every copy of their texts."""

import sqlalchemy as sa

from server.store.lifecycle.erasure import STEP_WITH_COPIES, erase_memories
from server.store.tables.memories import memories
from tools.core.call import Call
from tools.core.services import Services
from tools.memories.deletion import ERASURE_TRIES


async def erase_project(services: Services, call: Call, project: str) -> int:
    """Erase the memories of a project, deleted ones too, and return how many there were.

    They are erased in steps, each in one transaction: after a crash, the call is made again.
    """
    workspace, erased = call.id_for_reading, 0
    left = sa.select(memories.c.id).where(
        memories.c.workspace_id == workspace, memories.c.project == project, memories.c.erased_at.is_(None)
    )
    while True:
        async with services.db.write() as connection:
            ids = list((await connection.execute(left.limit(STEP_WITH_COPIES))).scalars())
            if not ids:
                break
            done = await erase_memories(connection, workspace, ids, call.actor, services.now())
        erased += len(done.erased)
        if done.rewritten:
            services.encoder.filling.note_gaps()
    if erased:
        services.encoder.source.forget_queries()
        services.vocabularies.forget()
        services.known_names.forget()
        await services.projection.project(workspace)
        await services.db.empty_log(ERASURE_TRIES)
    return erased
