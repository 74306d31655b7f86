"""The commands that connect a client are the same in every place that shows them, and hold for every folder."""

import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from server.cli.serving import serve
from server.config import Settings
from server.connect_commands import list_connect_steps, make_key_command

ROOT = Path(__file__).parents[3]
URL = "http://127.0.0.1:8080/mcp"
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: A command that adds a server, up to the end of its line or of its quotation.
COMMAND = re.compile(r"\b(?:claude|codex|gemini) mcp add [^`\n|]*")


def list_commands(text):
    return [command.strip() for command in COMMAND.findall(text)]


@pytest.fixture
def banner(monkeypatch):
    """Return the lines that `serve` prints at its start."""
    text = io.StringIO()
    monkeypatch.setattr(serve, "stderr", Console(file=text, width=400))
    serve.print_greeting(Settings(public_url="http://127.0.0.1:8080"), SimpleNamespace(setup_link=None))  # pyright: ignore[reportArgumentType]
    return text.getvalue()


def test_the_banner_and_the_readme_show_the_way_for_every_client(banner):
    readme = (ROOT / "README.md").read_text()
    for step in list_connect_steps(URL):
        for place in (banner, readme):
            assert f"{step.client}:" in place
            assert (step.command or step.hint) in place


def test_the_readme_shows_the_banner_as_it_is(banner):
    shown = banner[banner.index("Then connect") :].strip()
    assert shown in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_a_command_in_the_docs_is_one_of_ours_with_at_most_a_key_behind_it(path):
    known = [step.command for step in list_connect_steps(URL) if step.command]
    known += [make_key_command(f"{URL.removesuffix('/mcp')}/v1/mcp", "").split(" --header")[0]]
    for command in list_commands(path.read_text()):
        assert any(command == each or command.startswith(f"{each} --") for each in known), command


def test_every_command_for_a_client_with_scopes_holds_for_every_folder():
    commands = [step.command for step in list_connect_steps(URL) if step.command] + [make_key_command(URL, "key")]
    for command in commands:
        assert "--scope user" in command or command.startswith("codex ")


def test_no_other_place_writes_a_command_of_its_own():
    sources = [path for folder in ("auth", "server", "tools") for path in (ROOT / folder).rglob("*")]
    writers = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        if path.suffix in {".py", ".html"} and list_commands(path.read_text())
    }
    assert writers == {"server/connect_commands.py"}
