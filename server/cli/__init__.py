"""The command line: `python -m server`.

Each file of this folder is one command or one group of commands (`user`, `key`, `model`), but for common.py, listen.py,
runs.py and api_page.py, which the commands share or use. A command that fails says what to do.
"""

from typing import Annotated

import typer

from server import __version__
from server.cli import backfill, docs, doctor, golden, keys, migrate, model, reindex, serve, tick, users

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the signature of a callback
    if wanted:
        print(f"loci {__version__}")
        raise typer.Exit


@app.callback()
def _accept_options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Loci: the memory server for AI agents."""


app.command()(serve.serve)
app.command()(migrate.migrate)
app.command()(reindex.reindex)
app.command()(backfill.backfill)
app.command("tick")(tick.do_work_now)
app.command("golden")(golden.check_golden)
app.command("doctor")(doctor.run_doctor)
app.command("docs")(docs.write_docs)
app.add_typer(users.app, name="user")
app.add_typer(keys.app, name="key")
app.add_typer(model.app, name="model")
