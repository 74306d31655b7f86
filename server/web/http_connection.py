"""One HTTP connection: uvicorn's, with a limit to what a client may send and to how long it may take.

uvicorn hands every byte to its parser, which keeps all of a head. So the bytes are counted before they are parsed.
"""

import json
import math
import re
from asyncio import BaseTransport
from typing import Any

import structlog
from httptools import HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from server.errors import Failure
from server.network.retry_after import retry_after_headers
from server.web.open_connections import OpenConnections

log: structlog.stdlib.BoundLogger = structlog.get_logger("server.access")

#: The most bytes that are parsed at once.
PIECE = 8 * 1024
NEVER = math.inf
#: The characters that end the host and port of a URL.
_AFTER_AUTHORITY = re.compile(rb"[/?#]")
#: The words of a Connection header that ask for another protocol.
UPGRADE_WORDS = {b"upgrade", b"http2-settings"}


class _Parser(HttpRequestParser):
    """httptools' parser. It ends a message at a head that asks for another protocol, and would lose the body."""

    def __init__(self, connection: "HttpConnection") -> None:
        super().__init__(connection)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own parser
        self._connection = connection

    def feed_data(self, data: Any) -> None:
        """Parse a piece of the stream."""
        try:
            super().feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._connection.ignore_upgrade(bytes(data[upgrade.args[0] :]))


class HttpConnection(HttpToolsProtocol):
    """A connection that answers 431 to a head that is too large, and 408 to a request that does not arrive in time.

    It has a deadline, with which `check_time` compares the time. The first byte of a head sets it, the end of a head
    and each piece of a body move it, and the end of a request takes it away.
    """

    def __init__(self, *, open_connections: OpenConnections, **given: Any) -> None:
        super().__init__(**given)
        self.parser = _Parser(self)
        #: The target of the request line.
        self.url: bytes = b""
        #: Whether the head asks for another protocol, and is read again without that.
        self._is_upgrade = False
        self._open_connections = open_connections
        self._limits = open_connections.limits
        self._now = open_connections.now
        #: The bytes since the head began, or since the last byte of its body: nothing of that reaches the application.
        self._overhead = 0
        self._deadline = NEVER
        self._is_in_head = False
        self._is_in_body = False
        self._is_stopping = False
        #: Whether the client was refused, and everything else that it sends is thrown away.
        self._is_refused = False
        #: The bytes that the client had not read at the last look, and until when it must have read some.
        self._unread = 0
        self._unread_deadline = NEVER

    def connection_made(self, transport: BaseTransport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Wait for a head, or refuse the connection if there are too many."""
        super().connection_made(transport)  # pyright: ignore[reportArgumentType] - uvicorn names a narrower type
        self._deadline = self._now() + self._limits.head_seconds
        if not self._open_connections.admit(self, self._address):
            self._write_refusal(Failure("unavailable", "Too many connections are open. Try again.", retry_after=5))
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._open_connections.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes that came, and parse them piece by piece."""
        rest = memoryview(data)
        while rest and not self._is_refused and not self.transport.is_closing():
            size = min(PIECE, self._limits.head_bytes - self._overhead)
            if size <= 0:
                limit = self._limits.head_bytes
                self._refuse(Failure("head_too_large", f"The head of a request may have at most {limit} bytes."))
                return
            self._overhead += size
            self._begin_head()  # white space before a head counts, too
            super().data_received(rest[:size])  # pyright: ignore[reportArgumentType] - the parser reads any buffer
            rest = rest[size:]

    def on_message_begin(self) -> None:
        """Note that a head began."""
        super().on_message_begin()
        self._is_in_head = True
        self._begin_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header. Trailers, which come after a body, are not merged into the head (RFC 9110, section 6.5.1)."""
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Note that the head is whole, and start the request."""
        self._is_upgrade = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if self._is_upgrade:
            return
        if not self.url.startswith(b"/"):
            self._read_whole_url()
        self._is_in_head, self._is_in_body = False, True
        self._overhead = 0
        self._deadline = self._now() + self._limits.body_seconds
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body. After the answer, the rest of a body has a fixed time to come."""
        self._overhead = 0
        if not self.cycle.response_complete and not self._is_stopping:
            self._deadline = self._now() + self._limits.body_seconds
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        if self._is_upgrade:
            return
        self._is_in_body = False
        self._overhead = 0
        self._deadline = NEVER
        if not self.cycle.response_complete:
            self._open_connections.remove_waiting(self)
        super().on_message_complete()

    def ignore_upgrade(self, rest: bytes) -> None:
        """Serve a request that asks for another protocol (h2c, websocket) in this one: RFC 9110, section 7.8.

        Args:
            rest: the bytes after its head.
        """
        if not self._is_upgrade:
            return
        self._is_upgrade = False
        first = [self.parser.get_method(), self.url, b"HTTP/" + self.parser.get_http_version().encode()]
        headers = [_remove_upgrade(name, value) for name, value in self.headers if name != b"upgrade"]
        lines = [b" ".join(first), *(name + b": " + value for name, value in headers), b"\r\n"]
        self.parser = _Parser(self)
        self.parser.feed_data(b"\r\n".join(lines))
        self.parser.feed_data(rest)

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of the one that was answered early."""
        if not self.pipeline:
            self._open_connections.add_waiting(self)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are not HTTP. uvicorn has logged that."""
        self._refuse(Failure("malformed", msg), is_logged=False)

    def shutdown(self) -> None:
        """Close the connection if it is idle, and give a half-sent request a moment for its rest."""
        super().shutdown()
        self._is_stopping = True
        if self._is_refused:
            self.transport.close()
        if self._is_in_body:
            self._deadline = min(self._deadline, self._now() + self._limits.closing_seconds)
        if self._unread:
            self._unread_deadline = min(self._unread_deadline, self._now() + self._limits.closing_seconds)

    def give_way(self) -> None:
        """Close the connection at once, even if its client has not read the last answer."""
        log.info("connection.refused", address=self._address, reason="Another connection needed the room.")
        self.transport.abort()

    def check_time(self, now: float) -> None:
        """Close the connection if its client is late: with a head, with a body, or in reading an answer."""
        self._check_reading(now)
        if now < self._deadline or self.transport.is_closing():
            return
        is_answered = self._is_in_body and self.cycle.response_complete
        if self._is_refused or is_answered or not (self._is_in_head or self._is_in_body):
            self.transport.abort()
        elif self.flow.read_paused or (self._is_in_body and self.cycle.waiting_for_100_continue):
            self._deadline = now + self._limits.body_seconds  # the client waits for us
        elif self._is_stopping:
            self._refuse(Failure("unavailable", "The server stops. Try again in a few seconds.", retry_after=5))
        else:
            self._refuse(Failure("timed_out", "The request did not arrive in time. Send it again."))

    def _read_whole_url(self) -> None:
        """Take the host of a URL in the request line in place of the one in the header: RFC 9112, section 3.2.2."""
        scheme, is_url, rest = self.url.partition(b"://")
        if not is_url:
            return  # OPTIONS *
        authority = _AFTER_AUTHORITY.split(rest, maxsplit=1)[0]
        path = rest[len(authority) :]
        self.url = scheme + is_url + authority + (path if path.startswith(b"/") else b"/" + path)
        hosts = [header for header in self.headers if header[0] == b"host"] or [(b"host", b"")]
        others = [header for header in self.headers if header[0] != b"host"]
        self.headers[:] = [*others, *((name, authority) for name, _ in hosts)]

    def _begin_head(self) -> None:
        """Set the deadline of a head, if it is not set already."""
        if self._deadline == NEVER:
            self._deadline = self._now() + self._limits.head_seconds

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _check_reading(self, now: float) -> None:
        """Close the connection if its client has read nothing of an answer for too long."""
        unread = self.transport.get_write_buffer_size()
        if unread != self._unread:
            self._unread = unread
            self._unread_deadline = now + self._limits.body_seconds if unread else NEVER
        elif now >= self._unread_deadline:
            log.info("connection.refused", address=self._address, reason="The client did not read its answer.")
            self.transport.abort()

    def _refuse(self, failure: Failure, *, is_logged: bool = True) -> None:
        """Answer the request that is arriving with a refusal, and close the connection when the client has read it.

        If an earlier answer is not finished, it is the last one.
        """
        self._is_refused = True
        self._deadline = self._now() + self._limits.closing_seconds
        cycle = self.cycle
        is_answering = bool(cycle) and not cycle.response_complete
        if is_answering and self._is_in_body:
            # The application sees that the client is gone, and the Entrance logs it.
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started or self.pipeline:
                self.transport.abort()
                return
        elif is_answering:
            cycle.keep_alive = False
            self._deadline = NEVER
            return
        elif is_logged:
            log.info("connection.refused", address=self._address, reason=failure.message)
        self._write_refusal(failure)
        # To close a socket with unread bytes resets the connection, and the client may then not see the answer. So the
        # client is told that nothing follows, and what it still sends is read.
        self.transport.write_eof()

    def _write_refusal(self, failure: Failure) -> None:
        self._is_refused = True
        body = json.dumps(failure.to_body()).encode()
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        headers += [(name.encode(), value.encode()) for name, value in retry_after_headers(failure.retry_after).items()]
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[failure.status], *lines, b"\r\n", body]))


def _remove_upgrade(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return a header without the words that ask for another protocol."""
    if name != b"connection":
        return name, value
    words = [word.strip() for word in value.split(b",")]
    return name, b", ".join(word for word in words if word.lower() not in UPGRADE_WORDS)
