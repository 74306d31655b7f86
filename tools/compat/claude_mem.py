"""claude-mem's names of arguments, and the context in its words."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, Field

from server.memory.recall.packing import as_data
from tools.compat.translation import take_arguments, with_argument
from tools.context import Context
from tools.core.dialect import Request
from tools.core.fields import Name, Word
from tools.core.plain_arguments import decode_json
from tools.recall.answers import MatchedMemory

_FILTERS = {"session_id": "session"}

#: By operation: our name of each argument that claude-mem names otherwise, by its name.
NAMES: Mapping[str, Mapping[str, str]] = {
    "store_memory": {"narrative": "content", "session_id": "session", "serverSessionId": "session"},
    "retrieve_context": {"query": "message"} | _FILTERS,
    "search": _FILTERS,
    "recent": _FILTERS,
    "explain_recall": _FILTERS,
    "list_memories": _FILTERS,
    "recall_memories": _FILTERS,
    "recall_by_words": _FILTERS,
    "create_key": {"label": "name", "expiresInDays": "expires_in_days"},
}

#: By operation: the filters of claude-mem that this server does not have.
UNSUPPORTED: Mapping[str, tuple[str, ...]] = {
    "retrieve_context": ("platformSource",),
    "search": ("platformSource",),
}


class _Observation(BaseModel):
    """The fields that only claude-mem's observations have."""

    kind: Word | None = None
    title: Name | None = None


class ObservedContext(Context):
    """A context in the words of claude-mem's clients."""

    observations: list[MatchedMemory] = Field(description="The memories.")
    context: str = Field(description="Their text, ready for a prompt.")


def store_observation(request: Request) -> Request:
    """Turn an observation into a memory.

    The kind is its type, unless it has one. The title becomes metadata; without any text it is the content as well.
    """
    sent = request.arguments
    if not sent.get("content") and sent.get("title"):
        request = with_argument(request, "content", sent["title"], "title")
    request, observation = take_arguments(request, _Observation)
    if observation.kind is not None and not request.arguments.get("type"):
        request = with_argument(request, "type", observation.kind, "kind")
    metadata: Any = decode_json(request.arguments.get("metadata") or {}, dict, "metadata")
    if observation.title is not None and isinstance(metadata, dict):
        request = with_argument(request, "metadata", {**metadata, "title": observation.title})
    return request


def read_context(request: Request) -> Request:
    """Have a context that was asked for in claude-mem's words answered in them, too."""
    spellings = request.spellings
    is_theirs = "message" in spellings or ("workspace" in spellings and "message" not in request.arguments)
    return replace(request, reword_answer=_as_observed) if is_theirs else request


def _as_observed(context: Context) -> Context:
    if context.memories is None:
        return context
    matches = context.memories.matches
    return ObservedContext.model_construct(**context.__dict__, observations=matches, context=as_data(matches))
