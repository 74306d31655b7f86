"""Writing new memories: the rows in the caller's transaction, then the search store."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Linkage, Memory
from server.memory.vector import TextVectors
from server.store.record import memories, vectors
from server.store.record.journal import Actor, journal_memories
from server.store.record.recall.repeats import count_repeats, find_repeated
from server.store.record.workspaces import Workspace
from tools.core.call import Call, PlacedCall
from tools.core.services import Services
from tools.memories.rows import add_links, check_links

#: A caller waits so many seconds for vectors, and so many more for each window of its own texts. Afterwards its
#: memories are stored without vectors: they are found by their words, and the vectors are filled in later.
PATIENCE = 2.0
PATIENCE_PER_WINDOW = 0.05
#: About the length of a window of the model, in characters.
_WINDOW = 1_000


async def embed_contents(services: Services, call: Call, contents: Sequence[str]) -> list[TextVectors] | None:
    """Return the vectors of texts that a caller stores; None if the model makes none, or not in time.

    Each window beyond the first one of a text counts against the caller's rate limit as a call does.
    """
    windows = sum(len(each) // _WINDOW + 1 for each in contents)
    services.rate_limit.note_work(call.principal.credential_id, windows - len(contents))
    patience = PATIENCE + windows * PATIENCE_PER_WINDOW
    return await services.encoder.embed_documents(contents, call.principal.account_id, patience=patience)


async def insert_new_memories(
    connection: AsyncConnection,
    services: Services,
    workspace: Workspace,
    actor: Actor,
    new: Sequence[Memory],
    windows: Sequence[TextVectors] | None,
    now: datetime,
) -> None:
    """Insert memories in their order, with their vectors, and journal them; `windows` is None without a model.

    Raises:
        Forgotten: a text was erased, and stays forgotten.
        Failure: `quota_exceeded` if the account's plan allows no more memories.
    """
    first = await memories.advance_revision(connection, workspace.id, len(new), now)
    await services.tombstones.check_texts(connection, workspace.id, [memory.content for memory in new])
    await memories.insert_memories(connection, workspace.id, actor, first, new)
    await services.plans.check_quota(connection, workspace.account_id, "memories", len(new))
    if windows is not None:
        by_id = {memory.id: each for memory, each in zip(new, windows, strict=True)}
        await vectors.put_vectors(connection, services.encoder.generation, by_id)
    changes = [(memory.id, None, None) for memory in new]
    await journal_memories(connection, workspace.id, actor, now, first, changes)


async def store_unless_told(
    connection: AsyncConnection,
    services: Services,
    placed: PlacedCall,
    new: Sequence[Memory],
    windows: Sequence[TextVectors] | None,
    now: datetime,
) -> list[Memory]:
    """Insert the memories that say something new, and count the others as repeats of those that are there.

    A repeat that brings links gives them to the memory that it repeats.

    Returns:
        For each of `new` the memory that is stored now: itself, or the one that it repeats.

    Raises:
        Failure: `quota_exceeded` if the account's plan allows no more memories; `invalid` if a memory would have too
            many links, or they would close a circle.
    """
    workspace, actor = placed.workspace, placed.actor
    repeated = await find_repeated(connection, workspace.id, new, now)
    fresh = [place for place, memory in enumerate(new) if memory.id not in repeated]
    if fresh:
        kept = None if windows is None else [windows[place] for place in fresh]
        await insert_new_memories(connection, services, workspace, actor, [new[place] for place in fresh], kept, now)
    if not repeated:
        return list(new)
    await count_repeats(connection, (first.id for first in repeated.values()), now)
    for memory in new:
        if memory.id in repeated:
            await _give_links(connection, placed, repeated[memory.id].id, memory.linkages, now)
    stored: list[Memory] = []
    for memory in new:
        first = repeated.get(memory.id)
        stored.append(memory if first is None else await _read_again(connection, workspace.id, first))
    return stored


async def _give_links(
    connection: AsyncConnection, placed: PlacedCall, memory_id: str, linkages: Sequence[Linkage], now: datetime
) -> None:
    first = await memories.get_memory(connection, placed.workspace.id, memory_id)
    others = [link for link in linkages if link.id != memory_id]
    if first is None or set(others) <= set(first.linkages):
        return
    await check_links(connection, placed.workspace.id, others, "linkages", own_id=memory_id)
    revision = await memories.advance_revision(connection, placed.workspace.id, 1, now)
    await add_links(connection, placed.workspace.id, placed.actor, now, revision, first, others)


async def _read_again(connection: AsyncConnection, workspace_id: str, memory: Memory) -> Memory:
    return await memories.get_memory(connection, workspace_id, memory.id) or memory


async def index_new_memories(
    services: Services, workspace: Workspace, stored: int, windows: Sequence[TextVectors] | None
) -> bool:
    """Count and project the new memories that were just committed; return whether the search store has them.

    `stored` is their number, without those that repeat others.
    """
    services.meter.count(workspace.account_id, "observation", stored)
    if windows is None:
        services.encoder.filling.note_gaps()
    return await services.projection.project(workspace.id)
