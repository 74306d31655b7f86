"""`serve`: the server itself."""

import asyncio
import gc
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.common import begin_command, close_data_folder, explain_errors, find_store_outage, print_line, stderr
from server.cli.model import fetch_models
from server.cli.serving.descriptors import raise_descriptor_limit
from server.cli.serving.event_loop import catch_signals, end_process, limit_end, run_until_signal
from server.cli.serving.listen import METRICS_HOST_AND_PORT, listen
from server.cli.serving.service_manager import notify_service_manager
from server.config import Settings
from server.connect_commands import list_connect_steps
from server.logs import configure_logs
from server.store.data_folder import keep_temporary_files
from server.store.search.seam import EngineDown

if TYPE_CHECKING:
    from server.app import Running

PING_SECONDS = 3


def serve(
    *, pull: Annotated[bool, typer.Option("--pull", help="First fetch the models, like `model pull`.")] = False
) -> None:
    """Run the server. Stops cleanly on Ctrl-C or SIGTERM."""
    settings = begin_command()
    if pull:
        fetch_models(settings, settings.embedding_model)
    configure_logs(settings.log_format, find_store_outage, has_traces=bool(settings.traces_endpoint))
    close_data_folder(settings)
    descriptors = raise_descriptor_limit()
    # Before the stores are opened, so that a port in use is found first.
    listeners = listen(settings.host, settings.port)
    metrics_port = settings.metrics_port
    metrics_listeners = listen(settings.metrics_host, metrics_port, METRICS_HOST_AND_PORT) if metrics_port else []
    if not settings.port:
        settings = settings.with_port(listeners[0].getsockname()[1])
    catch_signals()
    try:
        with explain_errors(settings):
            run_until_signal(_serve(settings, listeners, metrics_listeners, descriptors))
    finally:
        for listener in (*listeners, *metrics_listeners):
            listener.close()
    end_process()


async def _serve(
    settings: Settings, listeners: list[socket.socket], metrics_listeners: list[socket.socket], descriptors: int
) -> None:
    # The start makes hundreds of thousands of objects that stay, and hardly any garbage. To look through them takes the
    # garbage collector 0.2 seconds now, and 0.1 seconds at any moment later. So it is off, and they are frozen below.
    gc.disable()
    from server.app import create_app, open_server  # noqa: PLC0415 - a second of imports that no other command needs
    from server.background.loop import run_background  # noqa: PLC0415 - the same imports
    from server.web.http_server import HttpServer, configure_http, limit_connections  # noqa: PLC0415 - the same imports
    from server.web.open_connections import LOOPBACK, OpenConnections  # noqa: PLC0415 - the same imports

    async with open_server(settings) as running:
        # Now that no other server has the folder. Several may share one if a Qdrant server has the search store.
        keep_temporary_files(settings.data_dir, is_emptied=not settings.qdrant_url)
        connections = OpenConnections(limit_connections(descriptors), (*LOOPBACK, *settings.trusted_proxies))
        config = configure_http(create_app(running), connections)
        loop = asyncio.get_running_loop()

        def note_signal() -> None:
            limit_end()
            # A stream would run until the time of running requests is over.
            loop.call_soon_threadsafe(running.streams.end)

        server = HttpServer(config, note_signal)
        print_greeting(settings, running)
        await _warn_of_search_store(settings, running)
        gc.freeze()
        gc.enable()
        # Last: loading a model keeps the interpreter busy, and would delay everything that the first answer needs.
        await running.services.start_models()
        async with run_background(running.services), _serve_metrics(running, metrics_listeners):
            notify_service_manager("READY=1")  # the port is open: who calls from now on is answered
            await server.serve(sockets=listeners)
            notify_service_manager("STOPPING=1")


@asynccontextmanager
async def _serve_metrics(running: "Running", listeners: list[socket.socket]) -> AsyncGenerator[None]:
    """Answer Prometheus while the block lasts, if the settings ask for it."""
    metrics = running.telemetry.metrics
    if metrics is None:
        yield
        return
    from server.telemetry.page import serve_page  # noqa: PLC0415 - as the library of metrics

    async with serve_page(metrics, running.services, running.auth, listeners):
        yield


def print_greeting(settings: Settings, running: "Running") -> None:
    """Print the URL of the server, the set-up link and the command that connects a client."""
    url = settings.public_url
    greeting = f"\n[bold]Loci[/bold] is at [bold]{url}[/bold], with its data in {settings.data_dir.absolute()}"
    stderr.print(greeting, soft_wrap=True)
    if running.setup_link is not None:
        hint = "\nMake the admin account first (this link works once, for 24 hours, or until the next start):"
        stderr.print(hint, soft_wrap=True)
        stderr.print(f"  {running.setup_link}", soft_wrap=True, highlight=False)
    stderr.print(f"\nThen connect your agent to {settings.resource}", soft_wrap=True, highlight=False)
    for step in list_connect_steps(settings.resource):
        stderr.print(f"  {step.client + ':':<13}{step.command or step.hint}", soft_wrap=True, highlight=False)
    stderr.print()


async def _warn_of_search_store(settings: Settings, running: "Running") -> None:
    """Print a warning with the settings to check if the search store does not answer."""
    try:
        async with asyncio.timeout(PING_SECONDS):
            await running.services.projection.ping()
    except (EngineDown, TimeoutError) as error:
        reason = str(error) or f"no answer in {PING_SECONDS} seconds"
        cure = "Check LOCI_QDRANT_URL and LOCI_QDRANT_API_KEY." if settings.qdrant_url else "Check LOCI_DATA_DIR."
        warning = f"The search store does not answer: {reason}. Memories are kept; search catches up later. {cure}\n"
        print_line(warning, "yellow")
