"""The address that a request came from; for throttling, and for the number of connections."""

import ipaddress
from collections.abc import Sequence

from starlette.requests import Request

IPV6_SITE = 64


def is_in_networks(address: str, networks: Sequence[str]) -> bool:
    """Whether an address is in one of the networks (CIDRs). False for text that is no address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(cidr) for cidr in networks)


def find_subscriber(address: str) -> str:
    """Return the address that a subscriber is counted by; "unknown" for text that is no address.

    For an IPv6 address it is the /64 network, because one subscriber has all of it.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, IPV6_SITE), strict=False))  # noqa: PLR2004 - IPv4


def find_client_address(request: Request, trusted_proxies: Sequence[str]) -> str:
    """Return the subscriber's address: the peer's; behind trusted proxies, the last of X-Forwarded-For that is none."""
    address = request.client.host if request.client else "unknown"
    forwarded = [
        part.strip() for part in ",".join(request.headers.getlist("x-forwarded-for")).split(",") if part.strip()
    ]
    while forwarded and is_in_networks(address, trusted_proxies):
        address = forwarded.pop()
    return find_subscriber(address)
