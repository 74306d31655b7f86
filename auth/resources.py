"""The resources that tokens are for (RFC 8707): the server's MCP endpoint, and claude-mem's recall link."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from auth.principal import GRANTABLE
from server.network.origins import normalize_authority

RECALL_PATH = "/v1/mcp"
MCP_PATH = "/mcp"


@dataclass(frozen=True, slots=True)
class AskedScopes:
    """The scopes that clients are told to ask for, by their names at the authorization server.

    Attributes:
        names: all of them.
        scope_names: for each name our scope, if the authorization server is an issuer with names of its own.
    """

    names: tuple[str, ...] = GRANTABLE
    scope_names: Mapping[str, str] = field(default_factory=dict[str, str])

    def list_names(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """Return the names of these scopes of ours; all names if the issuer's names for them are not known."""
        if self.names == GRANTABLE:
            return tuple(scopes)
        wanted = frozenset(scopes)
        return tuple(name for name, scope in self.scope_names.items() if scope in wanted) or self.names


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedResource:
    """A resource that a guard stands in front of (RFC 9728).

    Attributes:
        metadata_url: the address of the resource's metadata, for the challenge.
        audiences: the OAuth audiences that are accepted.
        is_read_only: whether every principal may only read here.
        asked_scopes: the scopes that a challenge names.
    """

    metadata_url: str
    audiences: frozenset[str]
    is_read_only: bool = False
    asked_scopes: AskedScopes = field(default_factory=AskedScopes)


def list_resources(public_url: str) -> tuple[str, str]:
    """Return every resource of this server. The first is the default, for requests that name none."""
    return f"{public_url}{MCP_PATH}", f"{public_url}{RECALL_PATH}"


def find_resource(requested: list[str], public_url: str) -> str | None:
    """Return the one resource that a request names; None if it is not one of ours, or if it names two.

    A final slash and a query are ignored: people paste `…/mcp/` and `…/mcp?workspace=notes`, and clients send that.
    """
    known = list_resources(public_url)
    named = {_normalize(text) for text in requested}
    if not named:
        return known[0]
    found = [resource for resource in known if _normalize(resource) in named]
    return found[0] if len(found) == 1 and len(named) == 1 else None


def _normalize(text: str) -> str:
    try:
        parts = urlsplit(text)
        authority = normalize_authority(parts.netloc, parts.scheme)
    except ValueError:
        return text
    return text if parts.fragment else f"{parts.scheme}://{authority}{parts.path.rstrip('/')}"
