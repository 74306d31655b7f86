"""Fixtures of the command line's tests: commands on a data folder of their own."""

import json

import httpx
import pytest
import respx
from typer.testing import CliRunner

from server.cli import app
from server.cli.people import users
from tests.helpers.programs.commands import ENDPOINT, PASSWORD
from tests.helpers.site import QUICK


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Runs a command on a data folder of its own, without a model; the commands of `run_command` hash in earnest."""
    monkeypatch.setattr(users, "PasswordHasher", lambda: QUICK)
    monkeypatch.setenv("LOCI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "none")

    def run(*arguments, stdin=""):
        return CliRunner().invoke(app, [str(each) for each in arguments], input=stdin)

    return run


@pytest.fixture
def ann(cli):
    assert cli("user", "add", "ann", "--admin", "--password-stdin", stdin=PASSWORD).exit_code == 0


@pytest.fixture
def endpoint(cli, monkeypatch):  # noqa: ARG001 - after it has set that there is no model
    """An embedding endpoint that the commands are set to use."""
    for name, value in (ENDPOINT | {"LOCI_EMBEDDING_API_KEY": "sk-hunter2"}).items():
        monkeypatch.setenv(name, value)

    def embed_texts(request):
        texts = json.loads(request.content)["input"]
        return httpx.Response(200, json={"data": [{"index": n, "embedding": [len(t), 1]} for n, t in enumerate(texts)]})

    with respx.mock(assert_all_called=False) as web:
        web.route(host="127.0.0.1").pass_through()
        yield web.post("https://embed.test/v1/embeddings").mock(side_effect=embed_texts)
