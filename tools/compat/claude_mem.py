"""claude-mem's names of arguments, and its form of memories, contexts and keys."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from server.memory.models import Memory, Timestamp
from server.memory.recall.packing import as_data
from tools.capture.wire import Epoch, Observation
from tools.compat.translation import take_arguments, with_argument
from tools.context import Context
from tools.core.answers import Meta
from tools.core.dialect import Request
from tools.core.fields import Name, Word
from tools.core.input.plain_arguments import decode_json
from tools.memories.operations import StoredMemory
from tools.people.keys import CreatedKey
from tools.recall.answers import MatchedMemory
from tools.search import FoundMemories

#: The number of memories that claude-mem's search finds, if the request says nothing else.
SEARCH_LIMIT = 20

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

    observations: list[Observation] = Field(description="The memories.")
    context: str = Field(description="Their text, ready for a prompt.")


class ObservedSearch(FoundMemories):
    """The memories found, in the words of claude-mem's clients as well."""

    observations: list[Observation] = Field(description="The memories.")


class ObservedMemory(Memory):
    """A memory that has the names of an observation as well."""

    model_config = ConfigDict(serialize_by_alias=True)

    project_id: str = Field(serialization_alias="projectId")
    team_id: str = Field(serialization_alias="teamId")
    server_session_id: str | None = Field(serialization_alias="serverSessionId")
    kind: str
    created_at_epoch: Epoch = Field(serialization_alias="createdAtEpoch")
    updated_at_epoch: Epoch = Field(serialization_alias="updatedAtEpoch")


class StoredObservation(StoredMemory):
    """The memory that was stored, in the words of claude-mem's clients as well."""

    memory: ObservedMemory  # pyright: ignore[reportIncompatibleVariableOverride] - an answer does not change


class LinkKey(CreatedKey):
    """A new key in the words of claude-mem's clients as well."""

    model_config = ConfigDict(serialize_by_alias=True)

    their_api_key: str = Field(serialization_alias="apiKey")
    their_expires_at: Timestamp | None = Field(serialization_alias="expiresAt")
    their_mcp_url: str = Field(serialization_alias="mcpUrl")
    their_connect_command: str = Field(serialization_alias="connectCommand")


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
    return replace(request, reword_answer=_as_stored) if _names_project(request) else request


def read_context(request: Request) -> Request:
    """Have a context that was asked for in claude-mem's words answered in them, too."""
    spellings = request.spellings
    is_theirs = "message" in spellings or ("workspace" in spellings and "message" not in request.arguments)
    return replace(request, reword_answer=_as_observed) if is_theirs else request


def read_search(request: Request) -> Request:
    """Have a search that names a project answered in claude-mem's words, too; it finds 20 if it says nothing else."""
    if not _names_project(request):
        return request
    return replace(request, arguments={"limit": SEARCH_LIMIT} | request.arguments, reword_answer=_as_search)


def issue_link_key(request: Request) -> Request:
    """Have a key that was asked for in claude-mem's words, or in no words at all, answered in them, too."""
    is_theirs = set(request.arguments) <= set(request.spellings)
    return replace(request, reword_answer=_as_link_key) if is_theirs else request


def _names_project(request: Request) -> bool:
    return request.spellings.get("workspace") == "projectId"


def list_observations(matches: Iterable[MatchedMemory], meta: Meta) -> list[Observation]:
    """Return recalled memories as claude-mem's clients read them."""
    return [Observation.make(each, each.workspace or meta.workspace, meta.account_id) for each in matches]


def _as_observed(context: Context) -> Context:
    if context.memories is None:
        return context
    matches = context.memories.matches
    observed = list_observations(matches, context.meta)
    return ObservedContext.model_construct(**context.__dict__, observations=observed, context=as_data(matches))


def _as_search(found: FoundMemories) -> ObservedSearch:
    return ObservedSearch.model_construct(**found.__dict__, observations=list_observations(found.memories, found.meta))


def _as_stored(stored: StoredMemory) -> StoredObservation:
    memory = stored.memory
    observed = ObservedMemory.model_construct(
        **memory.__dict__,
        project_id=stored.meta.workspace,
        team_id=stored.meta.account_id,
        # An inferred session is not one of theirs.
        server_session_id=None if "session" in memory.inferred else memory.session,
        kind=memory.type,
        created_at_epoch=memory.created_at,
        updated_at_epoch=memory.updated_at,
    )
    return StoredObservation.model_construct(meta=stored.meta, id=stored.id, memory=observed, indexed=stored.indexed)


def _as_link_key(key: CreatedKey) -> LinkKey:
    return LinkKey.model_construct(
        **key.__dict__,
        their_api_key=key.api_key,
        their_expires_at=key.expires_at,
        their_mcp_url=key.mcp_url,
        their_connect_command=key.connect_command,
    )
