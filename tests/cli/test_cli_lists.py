"""The lists of the command line, for people as tables and for scripts as JSON, and its version."""

import json

import pytest
from typer.testing import CliRunner

from server import __version__
from server.background.works import WORKS
from server.cli import app


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Runs a command on a data folder of its own, without a model."""
    monkeypatch.setenv("LOCI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "none")

    def run(*arguments):
        result = CliRunner().invoke(app, arguments, input="correct horse battery\n")
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_users_are_listed_as_json(cli, monkeypatch):
    monkeypatch.setenv("LOCI_PLANS", '{"free": {}}')
    monkeypatch.setenv("LOCI_DEFAULT_PLAN", "free")
    assert json.loads(cli("user", "list", "--json")) == []
    cli("user", "add", "ann", "--admin", "--password-stdin")
    cli("user", "add", "bob", "--password-stdin")
    ann, bob = json.loads(cli("user", "list", "--json"))
    assert (ann["name"], ann["is_admin"], ann["plan"], ann["disabled_at"]) == ("ann", True, "free", None)
    assert (bob["name"], bob["is_admin"]) == ("bob", False)
    assert ann["created_at"].endswith("+00:00")


def test_keys_are_listed_as_json(cli):
    cli("user", "add", "ann", "--password-stdin")
    assert json.loads(cli("key", "list", "--user", "ann", "--json")) == []
    secret = cli("key", "create", "--user", "ann", "--name", "laptop", "--workspace", "notes", "--days", "3", "--quiet")
    (key,) = json.loads(cli("key", "list", "--user", "ann", "--json"))
    assert secret.startswith(key["prefix"])
    assert (key["name"], key["scopes"], key["workspace"]) == ("laptop", ["memory:read"], "notes")
    assert (key["expires_at"][:2], key["last_used_at"]) == ("20", None)
    assert key["id"] in cli("key", "list", "--user", "ann")


def test_works_are_listed_as_json(cli):
    offered = {work.name: work.help for work in WORKS.values() if work.help is not None}
    assert {row["name"]: row["help"] for row in json.loads(cli("tick", "--json"))} == offered


def test_every_command_that_lists_has_the_option(cli):
    for command in (("user", "list"), ("key", "list"), ("tick",)):
        assert "--json" in cli(*command, "--help")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("user", "list"), "There are no users yet. `loci user add NAME --admin` makes the first one."),
        (("key", "list", "--user", "ann"), "ann has no keys yet. `loci key create --user ann` makes one."),
        (("webhook", "list"), "There are no events yet. LOCI_WEBHOOK_URL is not set, so none will come"),
        (("golden",), "There are no golden cases yet. An agent or a script makes them: POST /v1/golden"),
    ],
)
def test_an_empty_list_is_a_sentence_that_says_how_the_first_row_comes(cli, command, said):
    if "ann" in command:
        cli("user", "add", "ann", "--password-stdin")
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, result.stdout) == (0, "")
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize("arguments", [("--version",), ("--version", "serve")])
def test_the_version_is_printed_and_nothing_else_is_done(cli, arguments):
    assert cli(*arguments) == f"loci {__version__}\n"
