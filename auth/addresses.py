"""The address that a request came from; for throttling only."""

import ipaddress
from collections.abc import Sequence

from starlette.requests import Request

IPV6_SITE = 64


def _is_trusted(address: str, trusted: Sequence[str]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in ipaddress.ip_network(cidr) for cidr in trusted)


def find_client_address(request: Request, trusted_proxies: Sequence[str]) -> str:
    """Return the peer's address; behind trusted proxies, the last X-Forwarded-For address that is not such a proxy.

    For an IPv6 address its /64 network is returned, because one subscriber has all of it.
    """
    address = request.client.host if request.client else "unknown"
    forwarded = [
        part.strip() for part in ",".join(request.headers.getlist("x-forwarded-for")).split(",") if part.strip()
    ]
    while forwarded and _is_trusted(address, trusted_proxies):
        address = forwarded.pop()
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, IPV6_SITE), strict=False))  # noqa: PLR2004 - IPv4
