"""min-memory's names of arguments."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from tools.compat.translation import take_arguments, with_argument
from tools.core.dialect import Request
from tools.core.fields import Word
from tools.core.input.plain_arguments import decode_entries, is_nothing
from tools.memories.arguments import LinkedId

_FILTERS = {"memory_type": "type", "task_id": "task"}
_FIELDS = {"text": "content", **_FILTERS}
_ID = {"memory_id": "id"}

#: By operation: our name of each argument that min-memory names otherwise, by its name.
NAMES: Mapping[str, Mapping[str, str]] = {
    "store_memory": _FIELDS,
    "update_memory": _FIELDS | _ID,
    "fetch": _ID,
    "delete_memory": _ID,
    "link_memories": _ID,
    "memory_graph": _ID,
    "related_memories": _ID,
    "retrieve_context": _FILTERS,
    "search": _FILTERS,
    "recent": _FILTERS,
    "explain_recall": _FILTERS,
    "list_memories": _FILTERS,
    "recall_memories": _FILTERS,
    "recall_by_words": _FILTERS,
}

#: By operation: the fields of min-memory that this server does not have.
UNSUPPORTED: Mapping[str, tuple[str, ...]] = {
    "store_memory": ("status", "priority"),
    "update_memory": ("status", "priority"),
}


class _Relations(BaseModel):
    """The links of a new memory in min-memory's names."""

    related_to: Annotated[list[LinkedId], Field(max_length=100)] | None = None
    relation_types: dict[str, Word] | None = None


class _Relation(BaseModel):
    """One link that is added to a memory, in min-memory's names."""

    related_id: LinkedId | None = None
    relation_type: Word | None = None


def link_new_memory(request: Request) -> Request:
    """Turn the relations of a new memory into links."""
    request, relations = take_arguments(request, _Relations)
    labels = relations.relation_types or {}
    return _add_links(request, [_build_link(each, labels.get(each)) for each in relations.related_to or []])


def link_memory(request: Request) -> Request:
    """Turn a relation to one memory into a link."""
    request, relation = take_arguments(request, _Relation)
    return _add_links(
        request, [_build_link(relation.related_id, relation.relation_type)] if relation.related_id else []
    )


def _build_link(memory_id: str, label: str | None) -> dict[str, Any]:
    return {"type": "memory", "id": memory_id, "label": label}


def _add_links(request: Request, links: list[dict[str, Any]]) -> Request:
    """Return the request with these links behind its own; its own may be of a wrong type, which validation refuses."""
    sent = request.arguments.get("linkages")
    own: Any = [] if is_nothing(sent) else decode_entries(sent, "linkages")
    return with_argument(request, "linkages", [*own, *links]) if links and isinstance(own, list) else request
