"""The configuration of uvicorn, which reads HTTP and calls the application. `serve` and the tests use the same one."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from server.web.http_connection import HttpConnection
from server.web.open_connections import ConnectionLimits, OpenConnections

#: The seconds that running requests have when the server stops: more than half-sent ones have for their rest
#: (`ConnectionLimits.closing_seconds`). The stores are closed after them. Docker kills the server after 10.
GRACE_SECONDS = 3


class HttpServer(uvicorn.Server):
    """uvicorn's server.

    Args:
        config: its configuration.
        note_signal: called with each signal that ends it, while its requests still run.
    """

    def __init__(self, config: uvicorn.Config, note_signal: Callable[[], None]) -> None:
        super().__init__(config)
        self._note_signal = note_signal

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal, and stop."""
        self._note_signal()
        super().handle_exit(sig, frame)


def limit_connections(descriptors: int) -> ConnectionLimits:
    """Return the limits of a process that may have this many descriptors. Half of them stay free for the stores."""
    limits = ConnectionLimits()
    connections = max(1, min(limits.connections, descriptors // 2))
    return replace(limits, connections=connections, per_address=max(1, min(limits.per_address, connections // 4)))


def configure_http(app: ASGIApp, open_connections: OpenConnections) -> uvicorn.Config:
    """Return the configuration of a server for an application, which counts its connections in `open_connections`."""
    protocol: Any = partial(HttpConnection, open_connections=open_connections)
    return uvicorn.Config(
        app,
        http=protocol,  # uvicorn calls it for each connection
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
