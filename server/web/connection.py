"""The workspaces that a connection names, in its headers or in its URL. Both doors use this."""

from urllib.parse import unquote_to_bytes

from starlette.requests import Request

WORKSPACE_HEADER = "X-Memento-Workspace"
PEEK_HEADER = "X-Memento-Peek-Workspaces"


def read_workspace_name(request: Request) -> str | None:
    """Return the workspace that the header names, else the one in the URL's query, else None."""
    in_query = request.query_params.get("workspace") if request.scope["query_string"] else None
    return _read_header(request, WORKSPACE_HEADER) or in_query or None


def read_peek_names(request: Request) -> str | list[str] | None:
    """Return the other workspaces to search: those in the URL's query, else in the header.

    Commas separate them in one text. If the query repeats the name, each value is one workspace, as in other lists.
    """
    in_query = request.query_params.getlist("peek_workspaces")
    if len(in_query) > 1:
        return in_query
    return "".join(in_query) or _read_header(request, PEEK_HEADER) or None


def _read_header(request: Request, name: str) -> str | None:
    """Return a header as UTF-8, which clients send, percent-encoded or not. None if it was not sent.

    Starlette reads headers as Latin-1.
    """
    value = request.headers.get(name)
    try:
        return None if value is None else unquote_to_bytes(value.encode("latin-1")).decode()
    except UnicodeDecodeError:
        return value
