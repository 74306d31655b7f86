"""The open HTTP connections: how many there may be, and which one is closed to make room for a new one.

A connection that waits for its client (for a head, or for the rest of a body) holds a descriptor and nothing else. So
if there is no room, the one that has waited longest is closed, and clients that open connections and send nothing keep
nobody out. A connection whose whole request has arrived is never closed for another.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from auth.addresses import find_subscriber, is_in_networks

#: Each of these addresses stands for everybody behind a proxy on this machine.
LOOPBACK = ("127.0.0.0/8", "::1/128")
#: The seconds between two looks at the clients that are late.
CHECK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of HTTP connections.

    Attributes:
        head_bytes: the bytes of a head, and of everything else that is no body: white space before a head, trailers,
            the sizes of chunks.
        head_seconds: the time until a head is whole.
        body_seconds: the time in which a body may stand still, and in which an answer may stay unread.
        closing_seconds: the time that a client has to read a refusal or, when the server stops, to send the rest of
            its request.
        connections: the number of open connections.
        per_address: how many of them one address may have. Loopback and the trusted proxies are not limited.
    """

    head_bytes: int = 64 * 1024
    head_seconds: float = 10
    body_seconds: float = 30
    closing_seconds: float = 2
    connections: int = 4096
    per_address: int = 256


class Connection(Protocol):
    """The verbs of a connection that the table of connections calls."""

    def check_time(self, now: float) -> None:
        """Close the connection if its client is late."""
        ...

    def give_way(self) -> None:
        """Close the connection, because another one needs the room."""
        ...


class OpenConnections:
    """The open connections of a server, and those among them that wait for their client.

    Args:
        limits: the limits of each connection and of all together.
        shared_addresses: the networks (CIDRs) of proxies, whose addresses stand for many clients.
        now: returns the time in seconds since any moment.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        shared_addresses: Sequence[str] = LOOPBACK,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self.now = now
        self._shared_addresses = shared_addresses
        #: Each connection, and the subscriber that it is counted for.
        self._connections: dict[Connection, str] = {}
        self._counts: Counter[str] = Counter()
        #: The connections that wait for their client; the one that has waited longest comes first.
        self._waiting: dict[Connection, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, connection: Connection, address: str) -> bool:
        """Count a new connection, after making room for it. False if there is no room and none can be made."""
        subscriber = find_subscriber(address)
        if self._counts[subscriber] >= self.limits.per_address and not is_in_networks(address, self._shared_addresses):
            candidates = (each for each in self._waiting if self._connections[each] == subscriber)
            has_room = self._close_first(candidates)
        else:
            has_room = len(self._connections) < self.limits.connections or self._close_first(self._waiting)
        if has_room:
            self._connections[connection] = subscriber
            self._counts[subscriber] += 1
            self.add_waiting(connection)
            self._start_timer()
        return has_room

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has been closed. One that was not admitted is ignored."""
        subscriber = self._connections.pop(connection, None)
        self.remove_waiting(connection)
        if subscriber is not None:
            self._counts[subscriber] -= 1
            if not self._counts[subscriber]:
                del self._counts[subscriber]

    def add_waiting(self, connection: Connection) -> None:
        """Note that an open connection waits for its client from now on."""
        if connection in self._connections:
            self._waiting[connection] = None

    def remove_waiting(self, connection: Connection) -> None:
        """Note that a connection has its whole request, so that it is not closed for another one."""
        self._waiting.pop(connection, None)

    def close_late(self) -> None:
        """Close every connection whose client is late."""
        now = self.now()
        for connection in list(self._connections):
            connection.check_time(now)

    def _close_first(self, candidates: Iterable[Connection]) -> bool:
        """Close the first of the candidates. False if there is none."""
        connection = next(iter(candidates), None)
        if connection is None:
            return False
        self.remove_waiting(connection)
        connection.give_way()
        return True

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._connections:
            self._start_timer()
        self.close_late()
