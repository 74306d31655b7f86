"""The configuration of uvicorn, which reads HTTP and calls the application. `serve` and the tests use the same one."""

from dataclasses import replace
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from server.web.http_connection import HttpConnection
from server.web.open_connections import ConnectionLimits, OpenConnections

#: The seconds that running requests have when the server stops: more than half-sent ones have for their rest
#: (`ConnectionLimits.closing_seconds`). With the models and the search store, which have less than a second each, the
#: server ends within 5. Docker kills it after 10.
GRACE_SECONDS = 3


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
