"""The questions about a host that settings, doors, OAuth and the clients of other servers share."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether requests to a host name or address never leave this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return f".{host.lower().removesuffix('.')}".endswith(".localhost")


def is_proxy_allowed(url: str) -> bool:
    """Whether a proxy that the environment names may carry requests to a URL: not if they stay on this machine."""
    host = urlsplit(url).hostname
    return host is None or not is_loopback(host)
