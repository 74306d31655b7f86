"""The sockets to serve on, open before anything else is opened or promised."""

import errno
import socket

from server.cli.common import fail

Address = tuple[str | int, ...] | tuple[int, bytes]

#: A name may have an address of a kind that this machine does not have: localhost, where there is no IPv6.
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def listen(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host; what stands against it is one sentence and exit code 1."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return _opened(list(dict.fromkeys((family, address) for family, _, _, _, address in found)))
    except OSError as error:
        fail(_why(error, host, port))


def _opened(addresses: list[tuple[socket.AddressFamily, Address]]) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    problem = None
    for family, address in addresses:
        try:
            listeners.append(_open(family, address))
        except OSError as error:
            if error.errno not in _NOT_HERE:
                for listener in listeners:
                    listener.close()
                raise
            problem = error
    if problem is not None and not listeners:
        raise problem
    return listeners


def _open(family: socket.AddressFamily, address: Address) -> socket.socket:
    """A socket with its protocol named: without it, asyncio would leave Nagle's algorithm on."""
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen()  # two may bind an address, as long as neither listens
    except OSError:
        listener.close()
        raise
    return listener


def _why(error: OSError, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return f"{host} is no address and no known name. Set LOCI_HOST, for example to 127.0.0.1."
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken. Stop what uses it, or set LOCI_PORT."
    if error.errno in _NOT_HERE:
        return f"{host} is not an address of this machine. Set LOCI_HOST, for example to 127.0.0.1."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"Port {port} on {host} is not for you to open. Set LOCI_PORT to 1024 or more."
    return f"Cannot listen on {host}, port {port}: {error.strerror}. Set LOCI_HOST or LOCI_PORT."
