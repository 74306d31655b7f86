"""The health of a workspace and of the stores behind it."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server import __version__
from server.memory.models import Timestamp
from server.memory.notes.working import SEEDS
from server.store.record import memory_lists
from server.store.record.notes import skip_list, working_memory
from server.store.record.vectors import VectorCoverage
from server.store.search.seam import EngineDown
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.limits.quota import Quota, read_quota
from tools.core.operation import Effect, Operation
from tools.core.services import Services

#: Working memory that has not changed for longer is reported as stale.
STALE_AFTER = timedelta(hours=24)


class WorkingMemoryState(BaseModel):
    """The state of working memory."""

    sections: int = Field(description="The number of its sections, the built-in ones included.")
    last_updated: Timestamp | None = Field(
        default=None, description="The time of the last change of a section or an item."
    )
    stale: bool = Field(description="True if the last change is more than 24 hours ago.")


class SkipCounts(BaseModel):
    """The numbers of entries of the skip list."""

    total: int = Field(description="All entries.")
    active: int = Field(description="The entries in force.")
    expired: int = Field(description="The entries that have ended; they are removed within the hour.")


class AccessCounts(BaseModel):
    """The number of times that memories were recalled."""

    total: int = Field(description="The number of recalls of all present memories.")


class MemoryCounts(BaseModel):
    """The numbers of memories of a workspace."""

    total: int = Field(description="All memories except deleted ones.")
    active: int = Field(description="The memories that recall can return.")
    expired: int = Field(description="The memories that have expired.")
    consolidated: int = Field(description="The memories that were merged into others.")
    superseded: int = Field(description="The memories that newer ones replaced.")


class VectorCounts(BaseModel):
    """The numbers of the workspace's memories with and without vectors of the current model."""

    filled: int = Field(description="The memories with vectors.")
    missing: int = Field(description="The memories without vectors yet; until then they are found by their words.")
    percent: float = Field(description="The percentage with vectors; 100 means all.")


class Health(Answer):
    """The health report."""

    status: Literal["ok", "degraded"] = Field(
        description="`degraded`: the search store or the embedding model does not work."
    )
    version: str = Field(description="The server's version.")
    time: Timestamp = Field(description="The server's time.")
    working_memory: WorkingMemoryState = Field(description="The workspace's working memory.")
    memories: MemoryCounts = Field(description="The workspace's memories.")
    skip_list: SkipCounts = Field(description="The workspace's skip list.")
    access_log: AccessCounts = Field(description="The number of times that its memories were recalled.")
    ranking: Literal["keyword", "hybrid"] = Field(
        description="The ranking in use: `hybrid` is by words and meaning, `keyword` by words only."
    )
    embedding_model: str | None = Field(default=None, description="The model that makes the vectors.")
    embedding_state: str = Field(description="loading, ready, absent or failed; with the reason.")
    vectors: VectorCounts | None = Field(
        default=None, description="The coverage by vectors; null if there is no model. A minute old at most."
    )
    search_store: Literal["ok", "unavailable"] = Field(description="Whether the search store answers.")
    quota: Quota = Field(description="The usage and the limits of the workspace's account.")


async def report_health(services: Services, call: Call, args: InWorkspace) -> Health:  # noqa: ARG001 - a handler's signature
    """Return counts of the workspace, and the state of everything that recall depends on."""
    now = services.now()
    async with services.db.read() as connection:
        counts = await memory_lists.count_memories(connection, call.id_for_reading, now)
        skips = await skip_list.count_entries(connection, call.id_for_reading, now)
        accesses = await memory_lists.sum_accesses(connection, call.id_for_reading)
        state = await _read_working_memory(connection, call.id_for_reading, now)
        quota = await read_quota(connection, services.plans, call.workspace.account_id)
    try:
        await services.projection.ping()
        is_up = True
    except EngineDown:
        is_up = False
    embeddings = services.encoder.source
    is_hybrid = services.encoder.is_ready
    return Health(
        meta=call.meta,
        status="ok" if is_up and (is_hybrid or embeddings.state == "loading") else "degraded",
        version=__version__,
        time=now,
        working_memory=state,
        memories=MemoryCounts.model_validate(counts),
        skip_list=SkipCounts.model_validate(skips),
        access_log=AccessCounts(total=accesses),
        ranking="hybrid" if is_hybrid else "keyword",
        embedding_model=None if embeddings.model is None else embeddings.model.name,
        embedding_state=f"{embeddings.state}: {embeddings.reason}" if embeddings.reason else embeddings.state,
        vectors=await _count_vectors(services, call, counts["total"]),
        search_store="ok" if is_up else "unavailable",
        quota=quota,
    )


async def _read_working_memory(connection: AsyncConnection, workspace_id: str, now: datetime) -> WorkingMemoryState:
    own, changed = await working_memory.read_state(connection, workspace_id)
    is_stale = changed is not None and now - changed > STALE_AFTER
    return WorkingMemoryState(sections=len(SEEDS) + own, last_updated=changed, stale=is_stale)


async def _count_vectors(services: Services, call: Call, total: int) -> VectorCounts | None:
    """Return the coverage by the last count of gaps and the present number of memories; None without a model."""
    if not services.encoder.generation:
        return None
    missing = min((await services.gap_counts.count_vectors(call.id_for_reading)).missing, total)
    now = VectorCoverage(total - missing, missing)
    return VectorCounts(filled=now.filled, missing=now.missing, percent=now.percent)


OPERATIONS = (
    Operation(
        name="health",
        description=(
            "Report the number of memories, and whether recall works as it should: by meaning, or by words only."
        ),
        routes=(("GET", "/v1/health"),),
        scope="memory:read",
        effect=Effect.READ,
        args=InWorkspace,
        returns=Health,
        handler=report_health,
    ),
)
