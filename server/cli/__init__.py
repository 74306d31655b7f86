"""The command line: `python -m server`.

Each file of this folder is one command or one group of commands (`user`, `key`, `model`), but for common.py, listen.py,
runs.py and api_page.py, which the commands share or use. A command that fails says what to do.
"""

import typer

from server.cli import backfill, docs, doctor, golden, keys, migrate, model, reindex, serve, tick, users

app = typer.Typer(
    help="Loci: the memory server for AI agents.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
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
