"""`connect` and `disconnect`: show or do what connects a client to a server, and undo exactly that."""

import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from server.cli.common import begin_command, explain_errors, print_line
from server.cli.connect.clients import PLANS, Connection, find_own_folder, make_plan
from server.cli.connect.files import (
    Changes,
    Piece,
    find_changes,
    read_text,
    remove_empty_folders,
    take_out,
    write_changes,
    write_text,
)
from server.cli.connect.plans import Addition, Block, OwnFile, Plan
from server.errors import Failure

Client = Annotated[str, typer.Argument(help=f"One of: {', '.join(PLANS)}.", metavar="CLIENT")]
_SECONDS = 120


def connect_client(
    client: Client,
    *,
    url: Annotated[str | None, typer.Option(help="The URL of the server. Default: the one of the settings.")] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Connect with this API key instead of a login; `-` reads it from the standard input."),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Do it, instead of showing it.")] = False,
) -> None:
    """Show what connects a client to the server in every folder, or do it with --write."""
    settings = begin_command()
    with explain_errors(settings):
        connection = Connection(_read_url(url or settings.resource), _read_key(key))
        plan = make_plan(client, connection)
        if not write:
            _show_plan(plan)
            return
        notes = _Notes()
        wish = asdict(connection)
        if client in notes.clients and notes.clients[client]["plan"] == _describe(plan, wish):
            print_line(f"{client} is connected already. Nothing was changed.")
            return
        if client in notes.clients:
            _disconnect(client, notes)
        _connect(client, plan, wish, notes)
    for hint in plan.hints:
        print_line(hint)


def disconnect_client(client: Client) -> None:
    """Undo what `connect --write` did for a client."""
    with explain_errors(begin_command()):
        notes = _Notes()
        if client not in notes.clients:
            raise Failure(
                "invalid", f"`loci connect {client} --write` has done nothing here, so there is nothing to undo."
            )
        _disconnect(client, notes)
        print_line(f"{client} is disconnected.")


class _Notes:
    """The changes that were made for each client, in a file of our own that its owner alone can read."""

    def __init__(self) -> None:
        self._path = find_own_folder() / "connected.json"
        self.clients: dict[str, Any] = json.loads(read_text(self._path)) if self._path.exists() else {}

    def save(self) -> None:
        if not self.clients:
            self._path.unlink(missing_ok=True)
            remove_empty_folders([str(self._path.parent)])
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_text(self._path, json.dumps(self.clients, indent=2) + "\n", is_secret=True)


def _connect(client: str, plan: Plan, wish: dict[str, Any], notes: _Notes) -> None:
    if not plan.changes and not plan.commands:
        print_line(f"{client} is connected in its own settings:")
        return
    for command in plan.commands:
        _find_program(command)
    ours = {place: text for each in notes.clients.values() for place, text in each["files"].items()}
    find_changes(plan.changes, ours)  # refuses before a command is run
    for command in plan.commands:
        _run(command)
    # After the commands, as they write into the same files.
    changes = find_changes(plan.changes, ours)
    own = {str(each.file.resolve()): each.text for each in plan.changes if isinstance(each, OwnFile)}
    for each in notes.clients.values():
        each["files"] |= {place: text for place, text in own.items() if place in each["files"]}
    notes.clients[client] = {
        "plan": _describe(plan, wish),
        "undoing": plan.undoing,
        "files": own,
        "new_files": changes.new_files,
        "new_folders": changes.new_folders,
        "pieces": [asdict(piece) for piece in changes.pieces],
    }
    notes.save()  # first, so that every change can be undone
    write_changes(changes, are_secret=wish["key"] is not None)
    _tell(client, plan, changes)


def _describe(plan: Plan, wish: dict[str, Any]) -> list[Any]:
    """Return a plan as it is noted: by it a second `connect` knows that there is nothing to do."""
    files = [(str(each.file), each.text) for each in plan.changes if isinstance(each, OwnFile)]
    return json.loads(json.dumps([wish, plan.commands, files]))


def _tell(client: str, plan: Plan, changes: Changes) -> None:
    print_line(f"{client} is connected.")
    for command in plan.commands:
        print_line(f"  ran {shlex.join(command)}")
    for place in changes.texts:
        print_line(f"  {'made' if place in changes.new_files else 'changed'} {place}")


def _disconnect(client: str, notes: _Notes) -> None:
    done = notes.clients[client]
    others = [each for name, each in notes.clients.items() if name != client]
    # The key and the hook serve other clients, too: the last one takes them with it.
    kept = frozenset(place for each in others for place in each["files"])
    take_out([Piece(**piece) for piece in done["pieces"]], done["files"], done["new_files"], kept)
    for command in done["undoing"]:
        try:
            _run(tuple(command))
        except Failure as failure:  # somebody may have removed it already
            print_line(str(failure), "yellow")
    for each in others:  # they own from now on what is kept
        each["new_files"] += [place for place in done["new_files"] if place in each["files"]]
        each["new_folders"] += done["new_folders"]
    del notes.clients[client]
    notes.save()
    remove_empty_folders(done["new_folders"])


def _show_plan(plan: Plan) -> None:
    for command in plan.commands:
        print(shlex.join(command))
    for change in plan.changes:
        print(f"\n{_name_change(change)}")
        if isinstance(change, Addition):
            value = change.value
            for name in reversed(change.path):
                value = {name: value}
            print(json.dumps(value, indent=2, ensure_ascii=False))
        elif isinstance(change, Block) or change.file.suffix not in {".sh", ".awk", ".js"}:
            print(change.text.rstrip())
    for hint in plan.hints:
        print(f"\n{hint}")


def _name_change(change: Addition | Block | OwnFile) -> str:
    return f"{'Make' if isinstance(change, OwnFile) else 'Add to'} {change.file}:"


def _find_program(command: tuple[str, ...]) -> None:
    if shutil.which(command[0]) is None:
        raise Failure("invalid", f"There is no {command[0]} on the PATH. Install it, and run this again.")


def _run(command: tuple[str, ...]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the commands are ours
            command, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure("invalid", f"{shlex.join(command)} failed: {error}") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise Failure("invalid", f"{shlex.join(command)} failed: {said}")


def _read_url(given: str) -> str:
    """Return the URL of the MCP endpoint; `/mcp` is added to the URL of a server."""
    parts = urlsplit(given)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not given.isprintable() or " " in given:
        raise Failure("invalid", "--url must be a URL like http://127.0.0.1:8080/mcp.", field="url")
    return given if parts.path.rstrip("/") else f"{given.rstrip('/')}/mcp"


def _read_key(given: str | None) -> str | None:
    key = sys.stdin.readline().strip() if given == "-" else given
    if key is not None and not (key.isascii() and key.isprintable() and key and " " not in key):
        raise Failure("invalid", "--key must be an API key. `loci key create` makes one.", field="key")
    return key
