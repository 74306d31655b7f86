"""Redirect URIs: the rules for registering one, and for naming one in a request (RFC 8252, RFC 9700).

URIs are compared as whole strings, never by prefix or by pattern. Only the port of a loopback URI may differ, because
a native app gets another free port at each start.
"""

import re
from urllib.parse import SplitResult, urlsplit

from server.network.loopback import is_loopback

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

#: The characters of a URI (RFC 3986, section 2), without `#`: a redirect URI has no fragment.
_URI = re.compile(r"[A-Za-z0-9\-._~:/?@!$&'()*+,;=%\[\]]+")
#: The characters of a host in DNS and IPv6. Percent-encoding is left out: programs read it in different ways.
_HOST = re.compile(r"[a-z0-9.\-_:]*")


def _split(uri: str) -> SplitResult | None:
    """Return the URI's parts, or None if a browser could read the URI differently."""
    if len(uri) > MAX_LENGTH or not _URI.fullmatch(uri):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port  # reading the port checks it
    except ValueError:
        return None
    if "@" in parts.netloc or not _HOST.fullmatch(parts.hostname or ""):
        return None
    return parts


def _has_http_and_loopback(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname is not None and is_loopback(parts.hostname)


def is_http_on_loopback(uri: str) -> bool:
    """Whether the scheme is http and the host is loopback, on any port. False for an app's scheme and for https."""
    parts = _split(uri)
    return parts is not None and _has_http_and_loopback(parts)


def is_registrable(uri: str) -> bool:
    """Whether a client may register this redirect URI: https, http on loopback, or a known app's scheme."""
    parts = _split(uri)
    if parts is None:
        return False
    if parts.scheme in APP_SCHEMES:
        return True
    return bool(parts.hostname) and (parts.scheme == "https" or _has_http_and_loopback(parts))


def goes_to_local_app(uri: str) -> bool:
    """Whether the redirect goes to a program on the person's own machine: http on loopback, or an app's scheme.

    Nobody can vouch for such a program: another one on the machine can open the same port or claim the same scheme.
    For URIs that may be registered only (`is_registrable`): the test is that the scheme is not https.
    """
    parts = _split(uri)
    return parts is not None and parts.scheme != "https"


def describe_host(uri: str) -> str:
    """Return the host of a redirect URI or of a client id, to show it to a person; for an app's scheme, `scheme:`."""
    parts = _split(uri)
    if parts is None:
        return ""
    return f"{parts.scheme}:" if parts.scheme in APP_SCHEMES else parts.hostname or ""


def is_same_except_loopback_port(registered: str, requested: str) -> bool:
    """Whether a client that registered one redirect URI may use the other one in a request.

    True if both are the same string. Two http URIs on loopback may differ in their port, and only in their port; the
    host must be the same loopback name or address. False if either is malformed.
    """
    registered_parts, requested_parts = _split(registered), _split(requested)
    if registered_parts is None or requested_parts is None:
        return False
    if registered == requested:
        return True
    return (
        _has_http_and_loopback(registered_parts)
        and _has_http_and_loopback(requested_parts)
        and registered_parts.hostname == requested_parts.hostname
        and (registered_parts.path or "/") == (requested_parts.path or "/")
        and registered_parts.query == requested_parts.query
    )
