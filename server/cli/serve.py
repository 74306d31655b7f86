"""`serve`: the server itself."""

import asyncio
import sys
from typing import TYPE_CHECKING

import typer

from server.cli.common import stderr
from server.config import Settings, load
from server.store.migrate import SchemaTooNew
from server.store.search.owner import AlreadyOwned
from server.web.logs import configure

if TYPE_CHECKING:
    from server.app import Running

GRACE_SECONDS = 10


def serve() -> None:
    """Run the server. Stops cleanly on Ctrl-C or SIGTERM."""
    settings = load()
    configure(settings.log_format)
    try:
        with asyncio.Runner(loop_factory=_loop) as runner:
            runner.run(_serve(settings))
    except AlreadyOwned as error:
        owner = f"Process {error.pid}" if error.pid else "Another process"
        _fail(
            f"{owner} already serves {settings.data_dir.absolute()}. Stop it, or set LOCI_DATA_DIR to another folder."
        )
    except SchemaTooNew as error:
        _fail(str(error))
    except KeyboardInterrupt:
        pass  # uvicorn has shut down cleanly, and raises the signal again for the shell's sake


def _fail(message: str) -> None:
    stderr.print(f"[red]{message}[/red]")
    raise typer.Exit(1)


def _loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.new_event_loop()


async def _serve(settings: Settings) -> None:
    import uvicorn  # noqa: PLC0415 - with what it serves, a second of imports that no other command needs

    from server.app import create_app, opened  # noqa: PLC0415 - as above

    async with opened(settings) as running:
        config = uvicorn.Config(
            create_app(running),
            host=settings.host,
            port=settings.port,
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
        await server.serve()


def _greet(settings: Settings, running: "Running") -> None:
    """What a person needs to go on: where the server is, how to get in, what to paste."""
    url = settings.public_url
    stderr.print(f"\n[bold]Loci[/bold] is at [bold]{url}[/bold], with its data in {settings.data_dir.absolute()}")
    if running.setup_link is not None:
        stderr.print("\nMake the admin account first (this link works once, for 24 hours):")
        stderr.print(f"  {running.setup_link}", soft_wrap=True, highlight=False)
    stderr.print("\nThen connect Claude Code:")
    stderr.print(f"  claude mcp add --transport http loci {settings.resource}", soft_wrap=True, highlight=False)
    embeddings = running.services.encoder.embeddings
    if embeddings.state in {"absent", "failed"}:
        stderr.print(f"\n[yellow]Recall ranks by keyword only: {embeddings.reason}[/yellow]")
    stderr.print()
