"""The command line: `python -m server`. Every command is one file; each says what to do when it fails."""

import typer

from server.cli import docs, doctor, golden, keys, model, serve, store, tick, users

app = typer.Typer(
    help="Loci: the memory server for AI agents.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(serve.serve)
app.command()(store.migrate)
app.command()(store.reindex)
app.command()(store.backfill)
app.command()(tick.tick)
app.command()(golden.golden)
app.command()(doctor.doctor)
app.command()(docs.docs)
app.add_typer(users.app, name="user")
app.add_typer(keys.app, name="key")
app.add_typer(model.app, name="model")
