"""From which address a request came; for throttling only."""

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


def client_address(request: Request, trusted_proxies: Sequence[str]) -> str:
    """The peer's address; behind a trusted proxy the last address in X-Forwarded-For that is none of ours.

    An IPv6 address stands for its /64, which is what one subscriber has.
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
