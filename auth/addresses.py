"""The address that a request came from, for throttling, the number of connections and the list of connected apps."""

import ipaddress
import re
from collections.abc import Sequence

from starlette.requests import Request

IPV6_SITE = 64
#: An IPv6 address as it is written before a port.
_BRACKETED = re.compile(r"\[([^\]]*)\](?::\d*)?")
#: The networks, by the version of IP, within which two addresses count as near each other.
NETWORKS = {4: 24, 6: 48}


def read_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a socket or a proxy wrote, or None if it is no address.

    Proxies write more than the address: its port (`203.0.113.9:4711`, `[2001:db8::1]:443`), quotes as in RFC 7239, or,
    if they listen for both versions of IP at once, an IPv4 address as one of IPv6 (`::ffff:203.0.113.9`).
    """
    text = text.strip().strip('"')
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed is not None:
        text = bracketed[1]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return ip if mapped is None else mapped


def is_in_networks(address: str, networks: Sequence[str]) -> bool:
    """Whether an address is in one of the networks (CIDRs). False for text that is no address."""
    ip = read_address(address)
    return ip is not None and any(ip in ipaddress.ip_network(cidr) for cidr in networks)


def find_subscriber(address: str) -> str:
    """Return the address that a subscriber is counted by; "unknown" for text that is no address.

    For an IPv6 address it is the /64 network, because one subscriber has all of it.
    """
    ip = read_address(address)
    if ip is None:
        return "unknown"
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, IPV6_SITE), strict=False))  # noqa: PLR2004 - IPv4


def find_client_address(request: Request, trusted_proxies: Sequence[str]) -> str:
    """Return the subscriber's address: the peer's, or behind proxies the last of X-Forwarded-For that is no proxy's."""
    address = request.client.host if request.client else "unknown"
    forwarded = [
        part.strip() for part in ",".join(request.headers.getlist("x-forwarded-for")).split(",") if part.strip()
    ]
    while forwarded and is_in_networks(address, trusted_proxies):
        address = forwarded.pop()
    return find_subscriber(address)


def is_same_network(one: str | None, other: str) -> bool:
    """Whether two addresses, as `find_client_address` returns them, are in one network (/24, in IPv6 /48).

    True if one is not known, because then nothing is known against it.
    """
    return one is None or _find_network(one) == _find_network(other)


def _find_network(address: str) -> str:
    try:
        ip = ipaddress.ip_interface(address).ip
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, NETWORKS[ip.version]), strict=False))
