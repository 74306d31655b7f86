"""mem0's form of a memory and of an answer, and the arguments that say to whom a memory belongs."""

import json
from typing import Any

from pydantic import BaseModel, Field

from server.memory.models import Memory, Timestamp
from server.store.record.recall.recalled import RecalledMemory
from tools.compat.mem0.filters import OWNERS
from tools.core.answers import Answer, Readable
from tools.core.arguments import InWorkspace
from tools.core.fields import Name


class JsonAnswer(Answer, Readable):
    """An answer whose text is its fields as JSON, as mem0's clients read it."""

    def to_text(self) -> str:
        """Return the fields as JSON."""
        return json.dumps(self.model_dump(mode="json", exclude={"meta"}), ensure_ascii=False)


class Done(JsonAnswer):
    """The result, in words."""

    message: str = Field(description="What was done.")


class Owned(InWorkspace):
    """Arguments that say to whom a memory belongs."""

    user_id: Name | None = Field(default=None, description="The person whom it is from: our author.")
    agent_id: Name | None = Field(default=None, description="The agent that it is from: our source.")
    app_id: Name | None = Field(default=None, description="The app or project that it belongs to: our project.")
    run_id: Name | None = Field(default=None, description="The conversation that it is from: our session.")

    def list_owners(self) -> dict[str, str]:
        """Return our fields with the values that were sent."""
        sent = {ours: getattr(self, theirs) for theirs, ours in OWNERS.items()}
        return {name: value for name, value in sent.items() if value is not None}


class MemoryView(BaseModel):
    """A memory with the names that mem0's clients read."""

    id: str = Field(description="Its id.")
    memory: str = Field(description="Its text.")
    user_id: str | None = Field(default=None, description="The person whom it is from.")
    agent_id: str | None = Field(default=None, description="The agent that it is from.")
    app_id: str | None = Field(default=None, description="The app or project that it belongs to.")
    run_id: str | None = Field(default=None, description="The conversation that it is from.")
    metadata: dict[str, Any] = Field(description="What is kept with it.")
    categories: list[str] = Field(description="Its tags.")
    created_at: Timestamp = Field(description="When it was stored.")
    updated_at: Timestamp = Field(description="When it changed last.")


class FoundView(MemoryView):
    """A memory that a search found."""

    score: float = Field(description="How well it fits; the best may exceed 1.")


class MemoryAnswer(JsonAnswer, MemoryView):
    """One memory."""


def list_values(memory: Memory | RecalledMemory) -> dict[str, Any]:
    """Return the values of a memory's view."""
    owners = {theirs: getattr(memory, ours) for theirs, ours in OWNERS.items()}
    return owners | {
        "id": memory.id,
        "memory": memory.content,
        "metadata": memory.metadata,
        "categories": [each for each in memory.tags if not each.startswith("source:")],
        "created_at": memory.created_at,
        "updated_at": memory.updated_at or memory.created_at,
    }
