"""The shape of a recalled memory."""

from pydantic import BaseModel, Field

from server.memory.models import Linkage, Timestamp


class SkippedBy(BaseModel):
    """An entry of the skip list that speaks against a memory, or that a message has to do with."""

    id: str = Field(description="The entry's id.")
    item: str = Field(description="What is to be left alone.")
    reason: str = Field(description="Why.")
    expires: str = Field(description="Until when: a time, or a condition in words.")


class ArmScore(BaseModel):
    """What one arm says of a memory."""

    rank: int | None = Field(
        default=None, description="Its place in this arm, 1 for the best; null where it is too far from the query."
    )
    raw: float | None = Field(default=None, description="BM25 for the words, cosine for the meaning; null likewise.")
    normalized: float = Field(description="As a share of the arm's best, 0 to 1.")


class Why(BaseModel):
    """Why a memory stands where it stands: score = alpha x keyword + (1 - alpha) x vector, and the nudges."""

    keyword: ArmScore = Field(description="By its words.")
    vector: ArmScore = Field(description="By its meaning.")
    evidence: float = Field(description="How sure it is, by itself, that it has to do with the query, 0 to 1.")
    fused: float = Field(description="The two arms together, 0 to 1.")
    nudges: dict[str, float] = Field(description="What was added to that, by name.")
    score: float = Field(description="The sum.")


class MatchedMemory(BaseModel):
    """A recalled memory: what was stored, as data, and how well it fits.

    It is read from what the search store keeps of a memory, and the rest is filled in by `tools.recall.answers`.
    """

    id: str = Field(description="The memory's id, for fetch, update_memory and delete_memory.")
    content: str = Field(description="What was remembered.")
    type: str = Field(description="Its type.")
    tags: list[str] = Field(description="Its tags.")
    score: float = Field(
        default=0.0, description="How well it fits: both shares, weighed, and small nudges; the best may exceed 1."
    )
    keyword_score: float = Field(default=0.0, description="The words' share of it, 0 to 1.")
    vector_score: float = Field(default=0.0, description="The meaning's share of it, 0 to 1.")
    scope: str = Field(description="Where it is valid.")
    project: str | None = Field(default=None, description="The project that it belongs to.")
    entity: str | None = Field(default=None, description="The person or thing that it is about.")
    author: str | None = Field(default=None, description="The person who said it.")
    session: str | None = Field(default=None, description="The session it comes from.")
    occurred_at: Timestamp | None = Field(default=None, description="When it happened.")
    created_at: Timestamp = Field(description="When it was stored.")
    expires_at: Timestamp | None = Field(default=None, description="The time from which it is no longer recalled.")
    source: str | None = Field(default=None, description="Where it comes from.")
    linkages: list[Linkage] | None = Field(default=None, description="Its links, where asked for.")
    workspace: str | None = Field(default=None, description="Its workspace, where others were looked into as well.")
    skipped_by: list[SkippedBy] | None = Field(
        default=None, description="What the skip list says against it: do not act on it, and do not bring it up."
    )
    why: Why | None = Field(default=None, description="Why it stands here, where asked for.")
