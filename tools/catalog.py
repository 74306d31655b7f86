"""The product's table of contents: every operation, in the order in which a newcomer meets them."""

from collections.abc import Iterable, Mapping
from itertools import chain

from tools import (
    context,
    explain,
    extraction,
    findings,
    golden,
    graph,
    health,
    promotion,
    search,
    settings,
    timeline,
    vectors,
    workspaces,
)
from tools.capture import events, jobs, on_event, projects, sessions
from tools.compat import memento, memento_recall, recall_link
from tools.compat.dialects import with_dialect
from tools.compat.knowledge_graph import toolset as knowledge_graph
from tools.compat.mem0 import toolset as mem0
from tools.compat.min_memory_tools import toolset as min_memory
from tools.consolidation import merging, runs
from tools.core.operation import Operation
from tools.entities import changing, listing, page, workspace_graph
from tools.entities import merging as merging_entities
from tools.entities import projects as entity_projects
from tools.imports import operations as imports
from tools.memories import bulk, history, ingest, marking, purging
from tools.memories import operations as memories
from tools.notes import identity, skip_list, working_items, working_memory, working_notes
from tools.people import (
    accounts,
    activity,
    audit,
    invitations,
    keys,
    plans,
    preferences,
    receipts,
    shares,
    usage,
    users,
)

_ROWS: dict[str, tuple[Operation, ...]] = {
    "Recall": (*context.OPERATIONS, *search.OPERATIONS, *explain.OPERATIONS),
    "Memories": (*memories.OPERATIONS, *ingest.OPERATIONS, *extraction.OPERATIONS),
    "Timeline": timeline.OPERATIONS,
    "Curation": (*marking.OPERATIONS, *history.OPERATIONS, *bulk.OPERATIONS),
    "Promotion": promotion.OPERATIONS,
    "Links": (*graph.OPERATIONS, *workspace_graph.OPERATIONS),
    "Entities": (
        *listing.OPERATIONS,
        *page.OPERATIONS,
        *changing.OPERATIONS,
        *merging_entities.OPERATIONS,
        *entity_projects.OPERATIONS,
    ),
    "Consolidation": (*merging.OPERATIONS, *runs.OPERATIONS),
    "Imports": imports.OPERATIONS,
    "Working memory": (*working_notes.OPERATIONS, *working_memory.OPERATIONS, *working_items.OPERATIONS),
    "Skip list": skip_list.OPERATIONS,
    "Identity": identity.OPERATIONS,
    "Workspaces": (*workspaces.OPERATIONS, *shares.OPERATIONS),
    "Accounts": (*accounts.OPERATIONS, *invitations.OPERATIONS),
    "Users": users.OPERATIONS,
    "Projects": projects.OPERATIONS,
    "Sessions and events": (*sessions.OPERATIONS, *events.OPERATIONS, *on_event.OPERATIONS),
    "Jobs": jobs.OPERATIONS,
    "Settings": (*settings.OPERATIONS, *preferences.OPERATIONS),
    "Golden cases": golden.OPERATIONS,
    "Keys": (*keys.OPERATIONS, *recall_link.CONNECT_OPERATIONS),
    "Health": (*health.OPERATIONS, *vectors.OPERATIONS, *findings.OPERATIONS),
    "Plans": plans.OPERATIONS,
    "Usage": usage.OPERATIONS,
    "Erasure": (*purging.OPERATIONS, *receipts.OPERATIONS),
    "Audit": (*audit.OPERATIONS, *activity.OPERATIONS),
    "Recall for Memento's clients": memento_recall.OPERATIONS,
}

#: The operations by subject, as the API's page shows them, each with the words of other systems' clients.
SUBJECTS = {subject: tuple(map(with_dialect, rows)) for subject, rows in _ROWS.items()}

OPERATIONS: tuple[Operation, ...] = tuple(chain.from_iterable(SUBJECTS.values()))


def index_by_name(operations: Iterable[Operation]) -> dict[str, Operation]:
    """Return the operations by name. Raises `ValueError` if a name is there twice."""
    table: dict[str, Operation] = {}
    for operation in operations:
        if operation.name in table:
            raise ValueError(f"two operations are named {operation.name}")
        table[operation.name] = operation
    return table


#: The operations that can be called at `/mcp`. `tools.toolsets` says which of them it lists.
CANONICAL = index_by_name(OPERATIONS)

#: Memento's tools. They can be called at `/mcp` as well.
MEMENTO = index_by_name(memento.build_rows(CANONICAL))

#: min-memory's tools. Some have the names of ours: they take their place at `/mcp?toolset=min-memory`, and only there.
MIN_MEMORY = index_by_name(min_memory.OPERATIONS)

#: The tools of the official memory server. None has the name of one of ours.
KNOWLEDGE_GRAPH = index_by_name(knowledge_graph.OPERATIONS)

#: By toolset: the tools of another system that take the place of ours at its address, and can be called there alone.
OTHERS: Mapping[str, Mapping[str, Operation]] = {
    "min-memory": MIN_MEMORY,
    "knowledge-graph": KNOWLEDGE_GRAPH,
    "mem0": index_by_name(mem0.OPERATIONS),
}

#: The operations of `/v1/mcp`, the read-only recall link.
RECALL_LINK = index_by_name(recall_link.OPERATIONS)
