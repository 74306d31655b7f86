"""`memory bury`, `unbury`, `pin` and `unpin`: the marks of one memory, by the operations of the REST API."""

import asyncio
from typing import Annotated
from urllib.parse import quote

import typer

from server.cli.agent_files.remote import ask_server
from server.cli.agent_files.server_choice import Key, Url, choose_key, choose_url
from server.cli.common import begin_command, explain_errors, print_line
from server.network.http import open_http_client

Id = Annotated[str, typer.Argument(metavar="ID", help="The memory's id, as answers and its page say it.")]
Workspace = Annotated[
    str | None, typer.Option(help="Its workspace: a name, or account/name. Default: your default one.")
]
_SECONDS = 30
#: What is said after each mark, and if it was so before.
_WORDS = {
    "bury": ("Buried: no recall returns it any more.", "It is buried already."),
    "unbury": ("Recall returns it again.", "It is not buried."),
    "pin": ("Pinned: each context and each briefing begins with it.", "It is pinned already."),
    "unpin": ("It is not pinned any more.", "It is not pinned."),
}


def bury_memory(memory: Id, *, workspace: Workspace = None, url: Url = None, key: Key = None) -> None:
    """Hide a memory from every recall, without deleting it."""
    _mark_memory("bury", memory, workspace, url, key)


def unbury_memory(memory: Id, *, workspace: Workspace = None, url: Url = None, key: Key = None) -> None:
    """Let recall return a memory again that was buried."""
    _mark_memory("unbury", memory, workspace, url, key)


def pin_memory(memory: Id, *, workspace: Workspace = None, url: Url = None, key: Key = None) -> None:
    """Have each context and each briefing begin with a memory."""
    _mark_memory("pin", memory, workspace, url, key)


def unpin_memory(memory: Id, *, workspace: Workspace = None, url: Url = None, key: Key = None) -> None:
    """Treat a pinned memory as the others are."""
    _mark_memory("unpin", memory, workspace, url, key)


COMMANDS = {"bury": bury_memory, "unbury": unbury_memory, "pin": pin_memory, "unpin": unpin_memory}


def _mark_memory(verb: str, memory: str, workspace: str | None, url: str | None, key: str | None) -> None:
    settings = begin_command()
    with explain_errors(settings):
        server, headers = choose_url(url, settings), {"authorization": f"Bearer {choose_key(key)}"}

        async def send() -> bool:
            async with open_http_client(
                server, settings.ca_file, base_url=server, headers=headers, timeout=_SECONDS
            ) as client:
                asked = {} if workspace is None else {"workspace": workspace}
                answer = await ask_server(client, "POST", f"/v1/memories/{quote(memory, safe='')}/{verb}", asked)
                return answer["changed"]

        is_changed = asyncio.run(send())
    changed, unchanged = _WORDS[verb]
    print_line(changed if is_changed else unchanged)
