"""The command line: `loci`, which is `python -m server` too.

Each file of this folder and its folders is one command or one group of commands, but for those that commands share:
common.py, notes.py, runs.py, api_page.py, memories/places.py, serving/event_loop.py and serving/listen.py. A command
that fails says what to do.
"""

import os
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from server import __version__
from server.variables import has_foreign_bytes

#: The object of a command's context in a process that was started for that command alone, and ends with it. Tests call
#: commands in their own process.
OWN_PROCESS = "own process"


class _Place(NamedTuple):
    """The place of a command: its file in this folder, its function there or `app` of a group, and its line of help."""

    file: str
    name: str
    help: str


#: Only the command that is called is imported: the stores take a second, which neither the help nor the version needs.
_PLACES = {
    "serve": _Place("serving.serve", "serve", "Run the server. Stops cleanly on Ctrl-C or SIGTERM."),
    "worker": _Place(
        "serving.worker",
        "worker",
        "Do the background work, and answer no requests. Stops cleanly on Ctrl-C or SIGTERM.",
    ),
    "migrate": _Place(
        "record.migrate", "migrate", "Bring the record's schema up to this version. `serve` does it too."
    ),
    "backup": _Place(
        "record.backup", "write_backup_file", "Back up the whole record into one file, while the server runs."
    ),
    "restore": _Place(
        "record.restore", "restore_backup", "Restore a backup. No server may run on the data folder or the database."
    ),
    "upgrade-check": _Place(
        "record.upgrade_check",
        "check_upgrade",
        "Say what the next start of this version would do with the record. Nothing is changed.",
    ),
    "migrate-store": _Place(
        "search_store.migrate_store",
        "migrate_store",
        "Move the search store to LOCI_QDRANT_URL and LOCI_LAYOUT, from the record, and compare it with that.",
    ),
    "import": _Place(
        "memories.import_files",
        "import_files",
        "Import memories from files of other programs, or undo an import. Works while the server runs.",
    ),
    "export": _Place(
        "memories.export_memories",
        "export_memories",
        "Write everything of a workspace or an account, for `loci import`. Works while the server runs.",
    ),
    "verify-export": _Place(
        "memories.export_memories",
        "verify_export",
        "Check a document of Portable AI Memory: its digests and its signature. Needs no server and no network.",
    ),
    "reindex": _Place(
        "search_store.reindex",
        "reindex",
        "Build the search store anew from the record, without embedding anything again.",
    ),
    "backfill": _Place(
        "search_store.backfill",
        "backfill",
        "Embed the memories that have no vectors of the current model yet, and show the progress.",
    ),
    "tick": _Place(
        "tick", "do_work_now", "Do background work in every workspace now, instead of waiting for the schedule."
    ),
    "golden": _Place(
        "memories.golden",
        "check_golden",
        "Check all golden cases, and print those that fail. The exit code is 1 if one fails.",
    ),
    "doctor": _Place(
        "doctor",
        "run_doctor",
        "Check settings, stores, models and public URL. The exit code is 1 if something is wrong.",
    ),
    "connect": _Place(
        "connect.command",
        "connect_client",
        "Show what connects a client to the server in every folder, or do it with --write.",
    ),
    "disconnect": _Place("connect.command", "disconnect_client", "Undo what `connect --write` did for a client."),
    "memory": _Place(
        "agent_files.command",
        "app",
        "The notes that Claude Code keeps about a project, on every machine; and burying and pinning of one memory.",
    ),
    "install-service": _Place(
        "serving.install_service",
        "install_service",
        "Write a systemd unit that runs this installation on this data folder, and print the commands to start it.",
    ),
    "docs": _Place(
        "docs",
        "write_docs",
        "Write docs/api.md, the page of the API, from the operations and docs/api. For developers of Loci.",
    ),
    "user": _Place("people.users", "app", "The people who can log in."),
    "account": _Place("people.accounts", "app", "The accounts of teams, and their members."),
    "workspace": _Place("people.workspaces", "app", "Workspaces, and the people whom they are shared with."),
    "key": _Place("people.keys", "app", "API keys, for scripts and for recall links."),
    "model": _Place("model", "app", "The models, which recall by meaning needs."),
    "consolidation": _Place("memories.consolidation", "app", "The merges of a workspace, and the way back."),
    "audit": _Place("people.audit", "app", "The audit of calls."),
    "usage": _Place(
        "people.usage",
        "print_usage",
        "Print what each account has used, by month and kind, and the limits of its plan.",
    ),
    "purge": _Place(
        "memories.purge",
        "purge",
        "Erase all memories of a workspace, or of one of its projects, in one step. It cannot be undone.",
    ),
    "erasure": _Place("memories.erasure", "app", "The erasures, and the proof that the texts are gone."),
    "webhook": _Place("webhooks", "app", "The events for LOCI_WEBHOOK_URL."),
}


class _Commands(TyperGroup):
    """The commands. Their arguments must be text: bytes in another encoding would fail wherever they are used."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = {name: TyperCommand(name, help=place.help) for name, place in _PLACES.items()}

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # pyright: ignore[reportIncompatibleMethodOverride] - typer's own context
        for argument in args:
            if has_foreign_bytes(argument):
                from server.cli.common import fail  # noqa: PLC0415 - with the stores

                shown = os.fsencode(argument).decode(errors="backslashreplace")
                fail(f"An argument is not UTF-8 text: {shown}. Set your terminal, or the script's encoding, to UTF-8.")
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> tuple[str | None, Any, list[str]]:  # pyright: ignore[reportIncompatibleMethodOverride] - typer's own context
        """Return the name of the command that is called, the command itself, and its arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load_command(name), rest


def load_command(name: str) -> Any:
    """Import the command of this name, or the group."""
    place = _PLACES[name]
    loaded = getattr(import_module(f"server.cli.{place.file}"), place.name)
    if isinstance(loaded, typer.Typer):
        return get_group(loaded)  # also of a group that has one command
    single = typer.Typer(add_completion=False)
    single.command(name)(loaded)
    return get_command(single)


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
