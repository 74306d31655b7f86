"""Redirect URIs: which may be registered, and which one a request may name (RFC 8252, RFC 9700).

Nothing here matches by prefix or by pattern. Only the port of a loopback URI may differ, because a native app
gets a free one at each start.
"""

import re
from urllib.parse import SplitResult, urlsplit

from server.config import is_loopback

MAX_LENGTH = 2000

#: Private-use schemes of the apps that are known to use one (RFC 8252, section 7.1).
APP_SCHEMES = frozenset(
    {
        "claude",
        "cursor",
        "goose",
        "jetbrains",
        "raycast",
        "vscode",
        "vscode-insiders",
        "vscodium",
        "warp",
        "windsurf",
        "zed",
    }
)

#: What a URI is written with (RFC 3986, section 2), without `#`: a redirect URI has no fragment.
_URI = re.compile(r"[A-Za-z0-9\-._~:/?@!$&'()*+,;=%\[\]]+")
#: A host as DNS and IPv6 write it; percent-encoding in a host is read in more than one way.
_HOST = re.compile(r"[a-z0-9.\-_:]*")


def _split(uri: str) -> SplitResult | None:
    """The URI's parts, or None where browsers and we could read it differently."""
    if len(uri) > MAX_LENGTH or not _URI.fullmatch(uri):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return None
    if "@" in parts.netloc or not _HOST.fullmatch(parts.hostname or ""):
        return None
    return parts


def _is_loopback_uri(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname is not None and is_loopback(parts.hostname)


def is_on_loopback(uri: str) -> bool:
    """Whether this is an http URI on a loopback host, on any port."""
    parts = _split(uri)
    return parts is not None and _is_loopback_uri(parts)


def is_registrable(uri: str) -> bool:
    """Whether a client may register this redirect URI: https, http on loopback, or a known app's scheme."""
    parts = _split(uri)
    if parts is None:
        return False
    if parts.scheme in APP_SCHEMES:
        return True
    return bool(parts.hostname) and (parts.scheme == "https" or _is_loopback_uri(parts))


def goes_to_local_app(uri: str) -> bool:
    """Whether the redirect ends at a program on the person's own machine that nobody can vouch for."""
    parts = _split(uri)
    return parts is not None and parts.scheme != "https"


def host_named_by(uri: str) -> str:
    """Where the redirect goes, as it is shown to a person: a host, or an app's scheme."""
    parts = _split(uri)
    if parts is None:
        return ""
    return f"{parts.scheme}:" if parts.scheme in APP_SCHEMES else parts.hostname or ""


def matches(registered: str, requested: str) -> bool:
    """Whether a request may redirect to `requested` where `registered` is: the same string, but for a loopback port."""
    ours, theirs = _split(registered), _split(requested)
    if ours is None or theirs is None:
        return False
    if registered == requested:
        return True
    return (
        _is_loopback_uri(ours)
        and _is_loopback_uri(theirs)
        and ours.hostname == theirs.hostname
        and (ours.path or "/") == (theirs.path or "/")
        and ours.query == theirs.query
    )
