"""The server that a command calls over the REST API, and the key for it: from options, or as `loci connect` noted."""

import sys
from typing import Annotated

import typer

from server.cli.connect.clients import find_own_folder
from server.config import Settings
from server.errors import Failure
from server.small_files import UnusableFile, read_small_file

Url = Annotated[
    str | None,
    typer.Option(help="The server's URL. Default: the one that `loci connect` noted, or the settings'."),
]
Key = Annotated[
    str | None,
    typer.Option(
        envvar="LOCI_API_KEY",
        help="An API key. Default: the one that `loci connect` noted; `-` reads it from the standard input.",
    ),
]


def choose_url(given: str | None, settings: Settings) -> str:
    """Return the URL of the server. Raises Failure: what was given is none."""
    noted = given or _read_note("url") or settings.resource
    url = noted.rstrip("/").removesuffix("/mcp")
    if not url.startswith(("http://", "https://")) or not url.isprintable() or " " in url:
        raise Failure("invalid", "--url must be a URL like http://127.0.0.1:8080.", field="url")
    return url


def choose_key(given: str | None) -> str:
    """Return the key for the server. Raises Failure: there is none."""
    key = sys.stdin.readline().strip() if given == "-" else given or _read_note("key")
    if not key or not (key.isascii() and key.isprintable() and " " not in key):
        raise Failure("invalid", "A key is needed: --key, LOCI_API_KEY, or `loci connect … --key`.", field="key")
    return key


def _read_note(name: str) -> str | None:
    """Return the first line of a file that `loci connect` wrote; None if there is none."""
    try:
        lines = read_small_file(find_own_folder() / name).decode(errors="replace").splitlines()
    except UnusableFile:
        return None
    return lines[0].strip() if lines else None
