"""`serve`: the server itself."""

import asyncio
import gc
import signal
import socket
import sys
from typing import TYPE_CHECKING

from server.cli.common import sentences, stderr
from server.cli.listen import listen
from server.config import Settings, load
from server.logs import configure_logs
from server.store.search.seam import EngineDown

if TYPE_CHECKING:
    from server.app import Running

GRACE_SECONDS = 10
PING_SECONDS = 3


def serve() -> None:
    """Run the server. Stops cleanly on Ctrl-C or SIGTERM."""
    settings = load()
    configure_logs(settings.log_format)
    # Before anything is opened or promised: a port that is taken is found out first.
    listeners = listen(settings.host, settings.port)
    # uvicorn sends itself again what has stopped it, and a second SIGTERM would end the process with its stores open.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with sentences(settings), asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(_serve(settings, listeners))
    except KeyboardInterrupt:
        pass  # uvicorn has shut down cleanly, and raises the signal again for the shell's sake
    finally:
        for listener in listeners:
            listener.close()


def _interrupt(_signal: int, _frame: object) -> None:
    signal.raise_signal(signal.SIGINT)


def _loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.new_event_loop()


async def _serve(settings: Settings, listeners: list[socket.socket]) -> None:
    # Starting makes hundreds of thousands of objects that stay for good, and hardly any garbage: to look through them
    # takes the collector a fifth of a second now, and 0.1 seconds at any moment later.
    gc.disable()
    import uvicorn  # noqa: PLC0415 - with what it serves, a second of imports that no other command needs

    from server.app import create_app, open_server  # noqa: PLC0415 - the same imports
    from server.background.loop import run_background  # noqa: PLC0415 - the same imports

    async with open_server(settings) as running:
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
        await _warn(settings, running)
        gc.freeze()
        gc.enable()
        # Last, as loading a model takes the interpreter from whatever is to be done before the first answer.
        await running.services.start_models()
        async with run_background(running.services):
            await server.serve(sockets=listeners)


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


async def _warn(settings: Settings, running: "Running") -> None:
    """Say so where the search store is not there, and what to look at."""
    try:
        async with asyncio.timeout(PING_SECONDS):
            await running.services.projection.ping()
    except (EngineDown, TimeoutError) as error:
        reason = str(error) or f"no answer in {PING_SECONDS} seconds"
        cure = "Check LOCI_QDRANT_URL and LOCI_QDRANT_API_KEY." if settings.qdrant_url else "Check LOCI_DATA_DIR."
        told = f"The search store is not there: {reason}. Memories are kept, and search catches up once it is. {cure}\n"
        stderr.print(told, style="yellow", markup=False, highlight=False, soft_wrap=True)
