"""How a workspace and the stores behind it are."""

from typing import Literal

from pydantic import BaseModel, Field

from server import __version__
from server.memory.models import Timestamp
from server.store import memories
from server.store.search import EngineDown
from server.store.vectors import Filling
from tools.operation import Answer, Call, Effect, InWorkspace, Operation, Spoken
from tools.quota import Quota, quota_of
from tools.services import Services


class MemoryCounts(BaseModel):
    """How many memories a workspace has."""

    total: int = Field(description="All but deleted ones.")
    active: int = Field(description="Those that are recalled.")
    expired: int = Field(description="Those whose time is over.")
    consolidated: int = Field(description="Those that were merged into others.")


class VectorCounts(BaseModel):
    """How many of the workspace's memories have vectors of the current model."""

    filled: int = Field(description="Those that have.")
    missing: int = Field(description="Those that have none yet, and are found by their words meanwhile.")
    percent: float = Field(description="How many of a hundred have; 100 means all.")


class Health(Answer, Spoken):
    """How things are."""

    status: Literal["ok", "degraded"] = Field(description="`degraded`: something below is not as it should be.")
    version: str = Field(description="The server's version.")
    time: Timestamp = Field(description="The server's time.")
    memories: MemoryCounts = Field(description="The workspace's memories.")
    ranking: Literal["keyword", "hybrid"] = Field(description="How recall ranks right now.")
    embedding_model: str | None = Field(default=None, description="The model that makes the vectors.")
    embedding_state: str = Field(description="loading, ready, absent or failed; with the reason.")
    vectors: VectorCounts | None = Field(
        default=None, description="How far they are filled in; null where there is no model. A minute old at most."
    )
    search_store: Literal["ok", "unavailable"] = Field(description="Whether the search store answers.")
    quota: Quota = Field(description="How much the workspace's account has, and may have.")

    def text(self) -> str:
        """Memento's report."""
        counts = self.memories
        detail = f"{counts.active} active, {counts.expired} expired, {counts.consolidated} consolidated"
        model = self.embedding_model or "none"
        lines = [
            "**Memento Health Report**",
            f"Workspace: {self.meta.workspace}",
            "**Stored Memories**",
            f"  Total: {counts.total} ({detail})",
            "**Recall**",
            f"  Ranking: {self.ranking}; embedding model: {model} ({self.embedding_state})",
        ]
        if self.vectors is not None:
            lines.append(f"  Vectors: {self.vectors.filled} of {counts.total} ({self.vectors.percent:g} %)")
        return "\n".join([*lines, f"  Search store: {self.search_store}", *self.quota.lines()])


async def health(services: Services, call: Call, args: InWorkspace) -> Health:  # noqa: ARG001 - a handler's signature
    """Counts of the workspace, and the state of everything recall leans on."""
    now = services.now()
    async with services.db.read() as connection:
        counts = await memories.counts(connection, call.workspace.id, now)
        quota = await quota_of(connection, services.plans, call.workspace.account_id)
    try:
        await services.projection.ping()
        answers = True
    except EngineDown:
        answers = False
    embeddings = services.encoder.embeddings
    hybrid = services.encoder.is_ready
    return Health(
        meta=call.meta,
        status="ok" if answers and (hybrid or embeddings.state == "loading") else "degraded",
        version=__version__,
        time=now,
        memories=MemoryCounts.model_validate(counts),
        ranking="hybrid" if hybrid else "keyword",
        embedding_model=None if embeddings.model is None else embeddings.model.name,
        embedding_state=f"{embeddings.state}: {embeddings.reason}" if embeddings.reason else embeddings.state,
        vectors=await _vectors(services, call, counts["total"]),
        search_store="ok" if answers else "unavailable",
        quota=quota,
    )


async def _vectors(services: Services, call: Call, total: int) -> VectorCounts | None:
    """The gaps as they were counted last, against the memories that there are now."""
    if not services.encoder.generation:
        return None
    missing = min((await services.gap_counts.of(call.workspace.id)).missing, total)
    now = Filling(total - missing, missing)
    return VectorCounts(filled=now.filled, missing=now.missing, percent=now.percent)


OPERATIONS = (
    Operation(
        name="health",
        description="How many memories there are and whether recall works as it should: by meaning, or by words only.",
        routes=(("GET", "/v1/health"),),
        scope="memory:read",
        effect=Effect.READ,
        args=InWorkspace,
        returns=Health,
        handler=health,
    ),
)
