"""The client of the benchmarks: one kept connection to a port of loopback.

A bare socket, and the parser in C that the server reads requests with. A client's cost counts as the server's: with
`http.client` that is 0.2 ms a request, and after a pause, with caches that others have used meanwhile, 0.2 to 0.5 more.
"""

import http
import json
import select
import socket
import time
from typing import Any, Self

import httptools

REQUEST_SECONDS = 120
IDLE_SECONDS = 3
RECEIVED = 1 << 16


class Client:
    """One connection that is kept alive.

    With `awake` it does not sleep while it waits. Waking a process on an idle processor costs as much as a small
    request, and the system charges that to the one who sends, the server.

    `took` is how long the last request took, in milliseconds, from sending it to the last byte of its answer: to put
    together the one and to read the other is work of the client's own.
    """

    def __init__(self, port: int, key: str | None = None, *, awake: bool = False) -> None:
        self._port = port
        self._awake = awake
        self._used = 0.0
        self.took = 0.0
        self._socket: socket.socket | None = None
        fixed = {
            "host": f"127.0.0.1:{port}",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        if key is not None:
            fixed["authorization"] = f"Bearer {key}"
        self._fixed = _format_headers(fixed)

    def send_raw(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        """Send a request, and return the status and the body.

        Raises:
            OSError: there was no whole answer; the next request has a new connection.
        """
        content = body or b""
        length = f"content-length: {len(content)}\r\n\r\n"
        head = f"{method} {path} HTTP/1.1\r\n{self._fixed}{_format_headers(headers)}{length}".encode()
        try:
            connection = self._open_connection()
            started = time.perf_counter()
            connection.sendall(head + content)
            answer = _Answer()
            while not answer.is_whole:
                while self._awake and not select.select([connection], [], [], 0)[0]:
                    pass
                answer.read(connection.recv(RECEIVED))
            self.took = (time.perf_counter() - started) * 1000
        except OSError:
            self._close()
            raise
        self._used = time.monotonic()
        return answer.status, answer.body

    def send(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Send a request with a JSON body, and return the status and the JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, content = self.send_raw(method, path, None if body is None else json.dumps(body).encode(), named)
        return status, json.loads(content) if content else None

    def get(self, path: str) -> tuple[int, Any]:
        """Send a GET, and return the status and the JSON."""
        return self.send("GET", path)

    def post(self, path: str, body: object, **headers: str) -> Any:
        """Send a POST, and return the JSON of the answer, which must be a success."""
        status, answer = self.send("POST", path, body, **headers)
        assert status < 300, answer
        return answer

    def call(self, tool: str, arguments: dict[str, Any], path: str = "/mcp") -> Any:
        """Call a tool over MCP, 2026-07-28, and return its structured content."""
        body, headers = make_mcp_call(tool, arguments)
        status, content = self.send_raw("POST", path, body, headers)
        answer = json.loads(content)
        assert status == http.HTTPStatus.OK, answer
        assert not answer["result"].get("isError"), answer
        return answer["result"]["structuredContent"]

    def read_model_state(self) -> str:
        """Return the state of the server's embedding model: loading, ready, absent or failed."""
        return self.get("/v1/health")[1]["embedding_state"].partition(":")[0]

    def _open_connection(self) -> socket.socket:
        """Return the connection. The server closes one after five idle seconds, so after three it is a new one."""
        if self._socket is not None and time.monotonic() - self._used > IDLE_SECONDS:
            self._close()
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=REQUEST_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


class _Answer:
    """An answer while it is read."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self.is_whole = False

    def read(self, received: bytes) -> None:
        """Take the bytes that have come. No bytes mean the end of the connection."""
        if not received:
            raise ConnectionError("the server closed the connection before its answer was whole")
        self._parser.feed_data(received)

    def on_body(self, part: bytes) -> None:
        """The parser calls it."""
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """The parser calls it."""
        self.is_whole = True

    @property
    def status(self) -> int:
        """Its status."""
        return self._parser.get_status_code()

    @property
    def body(self) -> bytes:
        """Its body."""
        return b"".join(self._parts)


def make_mcp_call(tool: str, arguments: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a tools/call of the stateless era."""
    version = "2026-07-28"
    meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": tool}
    return json.dumps(body).encode(), headers


def _format_headers(headers: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
