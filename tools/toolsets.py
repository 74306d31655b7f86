"""The lists of tools among which a connection chooses. Every tool can be called, whichever list is shown."""

from collections.abc import Mapping

from tools import catalog
from tools.core.operation import Operation

#: The names of tools, each with the arguments that its list shows; None for all of them.
Toolset = Mapping[str, tuple[str, ...] | None]

#: What `/mcp` lists unless its URL names another toolset. Each of these tools costs every client tokens, and models
#: choose worse from more of them. The arguments that are left out are for programs.
SHORT: Toolset = {
    "retrieve_context": ("message", "project", "max_tokens", "workspace"),
    "search": ("query", "type", "tags", "project", "entity", "author", "as_of", "limit", "workspace"),
    "fetch": ("id", "workspace"),
    "store_memory": (
        *(
            "content",
            "type",
            "tags",
            "project",
            "entity",
            "author",
            "occurred_at",
            "expires_at",
            "supersedes",
            "workspace",
        ),
    ),
    "update_memory": ("id", "content", "type", "tags", "project", "expires_at", "supersedes", "workspace"),
    "delete_memory": ("id", "erase", "workspace"),
    "working_notes": ("section", "content", "add", "workspace"),
    "add_skip": ("item", "reason", "expires", "workspace"),
}


def list_all(operations: Mapping[str, Operation]) -> Toolset:
    """Return the toolset of all operations that are for models, with all their arguments."""
    return {name: None for name, each in operations.items() if each.is_listed}


#: The toolsets of `/mcp`, by their names in its URL: `?toolset=all`.
TOOLSETS: Mapping[str, Toolset] = {
    "": SHORT,
    "all": list_all(catalog.CANONICAL),
    "memento": list_all(catalog.MEMENTO),
    **{name: list_all(tools) for name, tools in catalog.OTHERS.items()},
}

#: The tools of `/v1/mcp`.
RECALL_LINK: Toolset = list_all(catalog.RECALL_LINK)
