"""Messages between the server and its engine processes: pickles, each after its length, over a pair of sockets.

Both ends are this program at this version, and no other process has the sockets. So nothing from outside is
unpickled here.
"""

import asyncio
import pickle
import struct
import zlib
from collections.abc import Callable
from typing import Any, cast

_LENGTH = struct.Struct(">I")

CLOSE = "close"
"""The verb that ends an engine process after a flush."""


def choose_process(name: str, count: int) -> int:
    """Return the index of the process, of `count`, that has a collection: it is the same in every run."""
    return zlib.crc32(name.encode()) % count


class MessageProtocol(asyncio.Protocol):
    """One end of a connection.

    Args:
        receive: called with each message, in the order in which they were sent.
        report_loss: called once, when the other end or this one has closed the connection.
    """

    def __init__(self, receive: Callable[[Any], None], report_loss: Callable[[], None]) -> None:
        self._receive = receive
        self._report_loss = report_loss
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def send(self, message: object) -> None:
        """Send a message; do nothing if the connection is lost.

        Raises:
            ValueError: the message cannot be pickled; nothing was sent.
        """
        try:
            content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # each class of objects has its own way to refuse
            raise ValueError(f"this cannot be sent to the engine: {error}") from error
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_LENGTH.pack(len(content)) + content)

    def close(self) -> None:
        """Close the connection when everything is sent."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection (the loop calls this when messages can be sent)."""
        self._transport = cast("asyncio.Transport", transport)  # a stream's transport is one, also uvloop's own

    def data_received(self, data: bytes) -> None:
        """Receive part of a message, or several messages (the loop calls this)."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._buffer)[0]
            if len(self._buffer) < end:
                return
            content = self._buffer[_LENGTH.size : end]
            del self._buffer[:end]
            self._receive(pickle.loads(content))  # noqa: S301 - see above: it is our own

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop passes it
        """Report the loss (the loop calls this when nothing more will come)."""
        self._report_loss()
