"""`serve`: the server itself."""

import asyncio
import errno
import socket
import sys
from typing import TYPE_CHECKING

from server.cli.common import fail, sentences, stderr
from server.config import Settings, load
from server.store.search import EngineDown
from server.web.logs import configure

if TYPE_CHECKING:
    from server.app import Running

GRACE_SECONDS = 10


def serve() -> None:
    """Run the server. Stops cleanly on Ctrl-C or SIGTERM."""
    settings = load()
    configure(settings.log_format)
    # Before anything is opened or promised: a port that is taken is found out first.
    listener = _listen(settings.host, settings.port)
    try:
        with sentences(settings), asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(_serve(settings, listener))
    except KeyboardInterrupt:
        pass  # uvicorn has shut down cleanly, and raises the signal again for the shell's sake
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    """The socket to serve on; with its protocol named, or asyncio would leave Nagle's algorithm on."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fail(f"Port {port} on {host} is taken. Stop what uses it, or set LOCI_PORT.")
        fail(f"Cannot listen on {host}, port {port}: {error.strerror}. Set LOCI_HOST or LOCI_PORT.")
    return listener


def _loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.new_event_loop()


async def _serve(settings: Settings, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415 - with what it serves, a second of imports that no other command needs

    from server.app import create_app, opened  # noqa: PLC0415 - as above

    async with opened(settings) as running:
        config = uvicorn.Config(
            create_app(running),
            http="httptools",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        _greet(settings, running)
        await _warn(running)
        await server.serve(sockets=[listener])


def _greet(settings: Settings, running: "Running") -> None:
    """What a person needs to go on: where the server is, how to get in, what to paste."""
    url = settings.public_url
    stderr.print(f"\n[bold]Loci[/bold] is at [bold]{url}[/bold], with its data in {settings.data_dir.absolute()}")
    if running.setup_link is not None:
        stderr.print("\nMake the admin account first (this link works once, for 24 hours, or until the next start):")
        stderr.print(f"  {running.setup_link}", soft_wrap=True, highlight=False)
    stderr.print("\nThen connect Claude Code:")
    stderr.print(f"  claude mcp add --transport http loci {settings.resource}", soft_wrap=True, highlight=False)
    stderr.print()


async def _warn(running: "Running") -> None:
    """What works less well than it could, and what to look at."""
    embeddings = running.services.encoder.embeddings
    if embeddings.state in {"absent", "failed"}:
        stderr.print(f"Recall ranks by keyword only: {embeddings.reason}\n", style="yellow", markup=False)
    try:
        await running.services.projection.ping()
    except EngineDown as error:
        stderr.print(f"The search store does not answer: {error}. Memories are kept, and not found until it does.")
        stderr.print("Check LOCI_QDRANT_URL.\n", style="yellow")
