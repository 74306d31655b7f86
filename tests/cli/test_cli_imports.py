"""The commands are imported only if they are called."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.cli import _PLACES, load_command

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_help_and_the_version_import_no_store(option):
    command = [sys.executable, "-X", "importtime", "-m", "server", option]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "server.cli" in imported
    assert not imported & {"sqlalchemy", "numpy", "server.store", "server.cli.common"}


@pytest.mark.parametrize("name", _PLACES)
def test_the_list_of_commands_says_what_the_command_says_itself(name):
    command = load_command(name)
    assert " ".join(command.help.split("\n\n")[0].split()) == _PLACES[name].help
