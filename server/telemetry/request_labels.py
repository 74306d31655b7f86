"""The facts about a request that metrics and traces may hold: few values each, and none that the sender invents."""

from collections.abc import MutableMapping
from typing import Any

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def read_method(scope: MutableMapping[str, Any]) -> str:
    """Return the method of a request; `other` for a method that nothing here answers."""
    method: str = scope["method"]
    return method if method in METHODS else "other"


def read_route(scope: MutableMapping[str, Any]) -> str:
    """Return the pattern of the route that was found for a request, `none` if none was."""
    return getattr(scope.get("route"), "path", "none")
