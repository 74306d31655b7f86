"""The resources that tokens are for (RFC 8707): the server's endpoint, and claude-mem's recall link."""

from urllib.parse import urlsplit

RECALL_PATH = "/v1/mcp"
MCP_PATH = "/mcp"


def resources(public_url: str) -> tuple[str, str]:
    """Every resource of this server; the first one is meant where none is named."""
    return f"{public_url}{MCP_PATH}", f"{public_url}{RECALL_PATH}"


def resolve(requested: list[str], public_url: str) -> str | None:
    """The one resource that a request names, or None where it is not ours or there are two.

    A final slash and a query are let pass: people paste `…/mcp/` and `…/mcp?workspace=notes`, and clients send that.
    """
    known = resources(public_url)
    named = {_normal(text) for text in requested}
    if not named:
        return known[0]
    found = [resource for resource in known if _normal(resource) in named]
    return found[0] if len(found) == 1 and len(named) == 1 else None


def _normal(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    if parts.fragment:
        return text
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
