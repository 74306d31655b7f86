"""The listener for Prometheus: `/metrics` on a port of its own, and nothing else."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.server import AuthorizationServer
from server.telemetry.metrics import Metrics
from tools.core.services import Services

PATH = "/metrics"
#: The seconds between two looks at the lag of the event loop.
LOOK_SECONDS = 0.5


class _Server(uvicorn.Server):
    """A second server of a process: the signals are for the first one."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def make_page(metrics: Metrics, services: Services, auth: AuthorizationServer) -> Starlette:
    """Return the application that shows the metrics."""

    async def show(request: Request) -> Response:
        text, media_type = await metrics.render(services, auth, request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    app = Starlette(routes=[Route(PATH, show)])
    app.router.redirect_slashes = False
    return app


@asynccontextmanager
async def serve_page(
    metrics: Metrics, services: Services, auth: AuthorizationServer, listeners: list[socket.socket]
) -> AsyncGenerator[None]:
    """Answer Prometheus on these sockets while the block lasts, and watch the event loop."""
    page = make_page(metrics, services, auth)
    config = uvicorn.Config(page, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False)
    server = _Server(config)
    async with asyncio.TaskGroup() as group:
        watcher = group.create_task(watch_loop(metrics.note_loop_lag))
        serving = group.create_task(server.serve(sockets=listeners))
        try:
            yield
        finally:
            watcher.cancel()
            server.should_exit = server.force_exit = True
            await serving


async def watch_loop(note: Callable[[float], None], pause: float = LOOK_SECONDS) -> None:
    """Note again and again how many seconds later than asked for the event loop goes on after a pause."""
    loop = asyncio.get_running_loop()
    while True:
        asked = loop.time() + pause
        await asyncio.sleep(pause)
        note(max(0.0, loop.time() - asked))
