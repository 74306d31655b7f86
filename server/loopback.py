"""The one question about a host that settings, doors and OAuth share."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether requests to a host name or address never leave this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
