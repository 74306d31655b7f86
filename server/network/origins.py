"""The one form in which origins and hosts are compared: lower case, IDNA, without the default port.

An origin is a scheme, a host and a port. The same one can be written in many ways: `HTTPS://Loci.Example:443`,
`https://mémoire.example`, `http://[0:0:0:0:0:0:0:1]`.
"""

import ipaddress
import re
from functools import lru_cache

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65535
_AUTHORITY = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[^\s:/?#@\\\[\]%]+))(?::(?P<port>[0-9]{0,5}))?")
#: DNS allows fewer characters than this, but people name machines with `_`.
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


@lru_cache(maxsize=1024)
def normalize_authority(authority: str, scheme: str) -> str:
    """Return `host[:port]`, as a URL or a Host header has it, in the form in which it is compared.

    Raises:
        ValueError: it is not a host with an optional port.
    """
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise ValueError(f"{authority!r} is not a host with an optional port")
    host = f"[{ipaddress.IPv6Address(parts['address'])}]" if parts["address"] else _normalize_name(parts["name"])
    port = int(parts["port"] or DEFAULT_PORTS.get(scheme, 0))
    if port > MAX_PORT:
        raise ValueError(f"{port} is not a port")
    return host if port == DEFAULT_PORTS.get(scheme, 0) else f"{host}:{port}"


def normalize_origin(url: str) -> str:
    """Return a URL that has no path in the form in which it is compared.

    Raises:
        ValueError: it is not `scheme://host[:port]`.
    """
    scheme, _, authority = url.partition("://")
    scheme = scheme.lower()
    return f"{scheme}://{normalize_authority(authority, scheme)}"


def find_host(origin: str) -> str:
    """Return the host of an origin in that form: a name, or an address without brackets."""
    authority = origin.partition("://")[2]
    return authority.partition("]")[0].removeprefix("[") if authority.startswith("[") else authority.partition(":")[0]


def _normalize_name(name: str) -> str:
    if not name.isascii():
        import idna  # noqa: PLC0415 - 40 ms, and hardly any host needs it

        name = idna.encode(name, uts46=True).decode()  # its errors are ValueErrors
    name = name.lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a host")
    # Browsers take a name that ends with a number for an address, and write a short one at length.
    return str(ipaddress.IPv4Address(name)) if name.rpartition(".")[2].isdecimal() else name
