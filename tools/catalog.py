"""The product's table of contents: every operation, in the order in which a newcomer meets them."""

from collections.abc import Iterable

from tools import consolidation, graph, health, keys, memories, recall, workspaces
from tools.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    *recall.OPERATIONS,
    *memories.OPERATIONS,
    *graph.OPERATIONS,
    *consolidation.OPERATIONS,
    *workspaces.OPERATIONS,
    *keys.OPERATIONS,
    *health.OPERATIONS,
)


def by_name(operations: Iterable[Operation]) -> dict[str, Operation]:
    """The operations by name; a name that is there twice is a mistake of ours."""
    table: dict[str, Operation] = {}
    for operation in operations:
        if operation.name in table:
            raise ValueError(f"two operations are named {operation.name}")
        table[operation.name] = operation
    return table


#: What `/mcp` lists.
CANONICAL = by_name(OPERATIONS)

#: What `/v1/mcp`, the read-only recall link, lists.
RECALL_LINK = by_name((CANONICAL["search"], *recall.LINK_OPERATIONS, CANONICAL["recent"]))
