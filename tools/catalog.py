"""The product's table of contents: every operation, in the order in which a newcomer meets them."""

from collections.abc import Iterable

from tools import golden, health, keys, memories, recall, settings, vectors, workspaces
from tools.golden import Surfaced
from tools.memory_args import Facets
from tools.operation import Call, Operation
from tools.services import Services


async def surfaced(services: Services, call: Call, query: str, limit: int) -> list[Surfaced]:
    """What recall finds for a query, best first, without counting it as a use: how golden cases are tried."""
    found = await recall.recall(services, call, query, Facets(), limit, track=False)
    return [Surfaced(match.id, match.content, match.score) for match in found.matches]


OPERATIONS: tuple[Operation, ...] = (
    *recall.OPERATIONS,
    *memories.OPERATIONS,
    *workspaces.OPERATIONS,
    *settings.OPERATIONS,
    *golden.operations(surfaced),
    *keys.OPERATIONS,
    *health.OPERATIONS,
    *vectors.OPERATIONS,
)


def by_name(operations: Iterable[Operation]) -> dict[str, Operation]:
    """The operations by name; a name that is there twice is a mistake of ours."""
    table: dict[str, Operation] = {}
    for operation in operations:
        if operation.name in table:
            raise ValueError(f"two operations are named {operation.name}")
        table[operation.name] = operation
    return table


#: What `/mcp` can be asked for; it lists those that are `listed`.
CANONICAL = by_name(OPERATIONS)

#: What `/v1/mcp`, the read-only recall link, lists.
RECALL_LINK = by_name((CANONICAL["search"], *recall.LINK_OPERATIONS, CANONICAL["recent"]))
