"""The sockets to serve on. They are opened before the stores, so that a port in use is found at once."""

import errno
import socket
from typing import cast

from server.cli.common import fail

Address = tuple[str | int, ...] | tuple[int, bytes]

#: A name may have an address of a kind that this machine lacks, e.g. localhost on a machine without IPv6.
_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


#: The settings of a host and of its port, which an error names.
HOST_AND_PORT = ("LOCI_HOST", "LOCI_PORT")
METRICS_HOST_AND_PORT = ("LOCI_METRICS_HOST", "LOCI_METRICS_PORT")


def listen(host: str, port: int, settings: tuple[str, str] = HOST_AND_PORT) -> list[socket.socket]:
    """Open a socket for each address of the host, all on one port; with port 0 the system chooses it.

    An error names the two `settings`, and ends the process with one sentence and exit code 1.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return _open_listeners(list(dict.fromkeys((family, address) for family, _, _, _, address in found)))
    except OSError as error:
        fail(_explain_error(error, host, port, settings))


def _open_listeners(addresses: list[tuple[socket.AddressFamily, Address]]) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    problem = None
    for family, address in addresses:
        try:
            listeners.append(_open_listener(family, _take_port_of(listeners, address)))
        except OSError as error:
            if error.errno not in _NO_SUCH_ADDRESS:
                for listener in listeners:
                    listener.close()
                raise
            problem = error
    if problem is not None and not listeners:
        raise problem
    return listeners


def _take_port_of(listeners: list[socket.socket], address: Address) -> Address:
    """Return an address with the port that the system chose at the first address, if it has no port of its own."""
    if address[1] or not listeners:
        return address
    return cast("Address", (address[0], listeners[0].getsockname()[1], *address[2:]))


def _open_listener(family: socket.AddressFamily, address: Address) -> socket.socket:
    """Open a socket that names its protocol: without that, asyncio would not turn Nagle's algorithm off."""
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen()  # two sockets may bind one address until one of them listens
    except OSError:
        listener.close()
        raise
    return listener


def _explain_error(error: OSError, host: str, port: int, settings: tuple[str, str]) -> str:
    host_setting, port_setting = settings
    if isinstance(error, socket.gaierror):
        return f"{host} is neither an address nor a known name. Set {host_setting}, for example to 127.0.0.1."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use. Stop the program that uses it, or set {port_setting}."
    if error.errno in _NO_SUCH_ADDRESS:
        return f"{host} is not an address of this machine. Set {host_setting}, for example to 127.0.0.1."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"You are not allowed to open port {port} on {host}. Set {port_setting} to 1024 or more."
    return f"Cannot listen on {host}, port {port}: {error.strerror}. Set {host_setting} or {port_setting}."
