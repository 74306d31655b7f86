"""Bytes that are not UTF-8, on the command line, in a pipe or in the environment, are one line; a BOM is nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auth.accounts.passwords import Passwords
from server.cli import app
from server.errors import Failure

ROOT = Path(__file__).parents[2]
ZOE = os.fsdecode("zoë".encode("latin-1"))
PASSWORD = "correct horse bättery"


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Runs a command on a data folder of its own, with these bytes on standard input."""
    monkeypatch.setenv("LOCI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "none")

    def run(*arguments, given=b""):
        return CliRunner().invoke(app, arguments, input=given)

    return run


@pytest.mark.parametrize(
    "arguments",
    [("user", "add", ZOE, "--password-stdin"), ("key", "create", "--user", "ann", "--name", ZOE), (ZOE,)],
    ids=["argument", "option", "command"],
)
def test_an_argument_in_another_encoding_is_one_line(cli, arguments):
    done = cli(*arguments, given=PASSWORD.encode())
    assert done.exit_code == 1
    assert done.stderr == (
        "An argument is not UTF-8 text: zo\\xeb. Set your terminal, or the script's encoding, to UTF-8.\n"
    )


def test_a_setting_in_another_encoding_is_one_line(cli, monkeypatch):
    monkeypatch.setenv("LOCI_LLM_MODEL", ZOE)
    assert str(cli("user", "list").exception) == "LOCI_LLM_MODEL: must be UTF-8 text"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-32"])
def test_a_piped_password_in_another_encoding_is_one_line(cli, encoding):
    done = cli("user", "add", "ann", "--password-stdin", given=PASSWORD.encode(encoding))
    assert (done.exit_code, done.stderr) == (1, "The password is not UTF-8 text. Send it in UTF-8.\n")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["no mark", "byte order mark"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nmore\n"])
def test_a_piped_password_is_its_first_line_without_a_byte_order_mark(cli, monkeypatch, start, end):
    read = []

    async def note_password(_self, password):
        read.append(password)
        raise Failure("invalid", "enough")

    monkeypatch.setattr(Passwords, "hash", note_password)
    cli("user", "add", "ann", "--password-stdin", given=start + PASSWORD.encode() + end)
    assert read == [PASSWORD]


def test_a_name_that_the_terminal_cannot_show_is_listed_all_the_same(cli):
    assert cli("user", "add", "ann", "--password-stdin", given=PASSWORD.encode()).exit_code == 0
    assert cli("key", "create", "--user", "ann", "--name", "日本").exit_code == 0
    command = [sys.executable, "-m", "server", "key", "list", "--user", "ann"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": "latin-1"}, capture_output=True, check=True
    )
    assert rb"\u65e5\u672c" in done.stdout
