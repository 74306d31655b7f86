"""What the doors share: which workspace a connection names, and what a caller is told of an error of ours."""

from typing import cast

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request

from server.errors import Failure, internal, unavailable
from server.store.search.seam import EngineDown

WORKSPACE_HEADER = "X-Memento-Workspace"
PEEK_HEADER = "X-Memento-Peek-Workspaces"


def named_workspace(request: Request) -> str | None:
    """The workspace of the header, else of the URL's query."""
    return _header(request, WORKSPACE_HEADER) or request.query_params.get("workspace") or None


def peeked_workspaces(request: Request) -> str | None:
    """The workspaces to look into as well: of the URL's query, else of the header; separated by commas."""
    return ",".join(request.query_params.getlist("peek_workspaces")) or _header(request, PEEK_HEADER) or None


def _header(request: Request, name: str) -> str | None:
    """A header, which Starlette reads as Latin-1, as the UTF-8 that clients send."""
    value = request.headers.get(name)
    try:
        return None if value is None else value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def as_failure(error: Exception) -> Failure:
    """A store that is down, by its name; of anything else, nothing. A refusal in the SDK's task groups is one still."""
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    if isinstance(error, Failure):
        return error
    if isinstance(error, EngineDown):
        return unavailable("search store")
    if isinstance(error, OperationalError | InterfaceError | PoolTimeout | OSError):
        return unavailable("record")
    return internal()
