"""The command line: `python -m server`.

Each file of this folder is one command or one group of commands (`user`, `key`, `model`), but for common.py, listen.py,
runs.py and api_page.py, which the commands share or use. A command that fails says what to do.
"""

import os
from typing import Annotated

import typer
from typer.core import TyperGroup

from server import __version__
from server.cli import backfill, docs, doctor, golden, keys, migrate, model, reindex, serve, tick, users
from server.cli.common import fail
from server.variables import has_foreign_bytes


class _Commands(TyperGroup):
    """The commands. Their arguments must be text: bytes in another encoding would fail wherever they are used."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride] - typer's own context
        for argument in args:
            if has_foreign_bytes(argument):
                shown = os.fsencode(argument).decode(errors="backslashreplace")
                fail(f"An argument is not UTF-8 text: {shown}. Set your terminal, or the script's encoding, to UTF-8.")
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Commands,
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
