"""A workspace's memories as a stream, oldest first."""

from collections.abc import AsyncGenerator
from typing import Literal

from pydantic import Field

from server.memory.models import Memory
from server.store.record import memory_lists
from server.store.record.people.rights import Right
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.services import Services
from tools.core.standing import check_standing

#: How many memories are read in one transaction: between two, writers and other readers have their turn.
STEP = 200


class ExportMemories(InWorkspace):
    """The arguments of an export."""

    status: Literal["active", "all"] = Field(
        default="all",
        description="`all`: also those that were merged, replaced or buried, or have expired; `active`: without them.",
    )


async def export_memories(services: Services, call: Call, args: ExportMemories) -> AsyncGenerator[Memory]:
    """Yield the memories that the workspace has when they are read; each once, also if others write meanwhile.

    It breaks off when the caller may not read there any more: as `check_standing`.
    """
    position = -1
    now = services.now()
    while True:
        async with services.db.read() as connection:
            page = await memory_lists.list_after(connection, call.id_for_reading, position, STEP)
        for position, memory in page:  # noqa: B007 - the last position is where the next page begins
            is_active = (
                not memory.consolidated
                and memory.superseded_by is None
                and memory.buried_at is None
                and (memory.expires_at is None or memory.expires_at > now)
            )
            if is_active or args.status == "all":
                yield memory
        if len(page) < STEP:
            return
        await check_standing(services, call, Right.READ)
