"""Whatever the umask, only the owner of the data folder may read what the server and its commands write there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from server.cli import app
from server.store.data_folder import find_exposed_paths
from tests.helpers.programs.processes import find_free_port, list_engine_processes
from tests.helpers.site import NO_TLS, open_site

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent


@pytest.fixture
def open_umask():
    """A umask that takes no permission from anybody."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Runs a command on a data folder of its own, which it has to make."""
    monkeypatch.setenv("LOCI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOCI_EMBEDDING_MODEL", "none")

    def run(*arguments):
        return CliRunner().invoke(app, arguments, input="correct horse battery\n")

    return run


@pytest.mark.usefixtures("open_umask")
async def test_a_server_closes_what_others_could_read_and_its_processes_write_nothing_that_they_can(settings, clock):
    async with open_site(settings, clock) as site:
        key = (await site.add_person()).key
    assert settings.data_dir in find_exposed_paths(settings.data_dir)
    port = find_free_port()
    environ = {"LOCI_DATA_DIR": str(settings.data_dir), "LOCI_EMBEDDING_MODEL": "none", "LOCI_PORT": str(port)}
    command = [sys.executable, "-m", "server", "serve"]
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here
        command, cwd=ROOT, env=os.environ | environ | {"LOCI_ENGINE_PROCESSES": "1"}, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            assert any("Loci is at" in line for line in server.stderr)
            bearer = {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(headers=bearer, timeout=60, verify=NO_TLS) as http:
                stored = await http.post(f"http://127.0.0.1:{port}/v1/memories", json={"content": "the heron waits"})
            assert stored.json()["indexed"]
            assert list_engine_processes(server.pid)
            assert list(find_exposed_paths(settings.data_dir)) == []
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=60)
    assert list(find_exposed_paths(settings.data_dir)) == []


@pytest.mark.usefixtures("open_umask")
@pytest.mark.parametrize(
    "command",
    [
        ("user", "add", "ann", "--password-stdin"),
        ("user", "list"),
        ("key", "list", "--user", "nobody"),
        ("migrate",),
        ("reindex",),
        ("tick", "decay"),
        ("golden",),
        ("doctor",),
    ],
)
def test_a_command_makes_a_data_folder_that_only_its_owner_may_use(cli, tmp_path, command):
    cli(*command)
    assert (tmp_path / "data" / "loci.db").exists()
    assert list(find_exposed_paths(tmp_path / "data")) == []


@pytest.mark.usefixtures("open_umask")
def test_doctor_names_what_others_may_use_and_the_way_to_close_it(cli, tmp_path):
    cli("migrate")
    (tmp_path / "data" / "loci.db").chmod(0o644)
    told = " ".join(cli("doctor").stderr.split())
    assert "other users of this machine may use 1 of its folders and files" in told
    assert f"chmod -R go= {tmp_path / 'data'}" in told
    (tmp_path / "data" / "loci.db").chmod(0o600)
    assert "closed to other users" in " ".join(cli("doctor").stderr.split())


@pytest.mark.usefixtures("open_umask")
def test_a_record_outside_the_data_folder_is_looked_at_too(cli, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCI_DATABASE_URL", f"sqlite:///{tmp_path}/record/mine.db")
    cli("migrate")
    assert list(find_exposed_paths(tmp_path / "record")) == []
    (tmp_path / "record" / "mine.db").chmod(0o644)
    assert f"like {tmp_path}/record/mine.db" in " ".join(cli("doctor").stderr.split())
