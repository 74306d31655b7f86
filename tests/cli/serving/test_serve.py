"""The start and the end of `loci serve`, and the addresses on which it listens."""

import os
import signal
import socket
import subprocess
import sys

import pytest
import typer

from server.cli.serving.listen import listen
from server.store.search.folder_ownership import FolderOwnership
from tests.helpers.programs.commands import ROOT, run_command


def test_a_second_server_on_a_folder_is_refused_with_the_owners_process(tmp_path):
    with FolderOwnership.acquire(tmp_path):
        second = run_command("serve", data_dir=tmp_path)
    assert second.returncode == 1
    assert str(os.getpid()) in second.stderr
    assert "Traceback" not in second.stderr


def test_a_worker_beside_a_server_on_the_embedded_engine_is_told_what_it_needs(cli, tmp_path):
    (tmp_path / "data").mkdir()
    with FolderOwnership.acquire(tmp_path / "data"):
        refused = cli("worker")
    assert refused.exit_code == 1
    assert f"Process {os.getpid()} already serves" in refused.output
    assert "set LOCI_QDRANT_URL" in refused.output


def test_a_port_that_is_taken_is_found_out_before_anything_is_promised(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = run_command("serve", data_dir=tmp_path / "data", LOCI_PORT=str(port))
    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in " ".join(refused.stderr.split())
    assert "setup" not in refused.stderr
    assert not (tmp_path / "data").exists()


def test_each_address_of_a_host_is_listened_on_without_delay():
    for listener in listen("localhost", 0):
        with listener, socket.create_connection(listener.getsockname()[:2]) as client:
            assert (listener.proto, client.fileno() > 0) == (socket.IPPROTO_TCP, True)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("203.0.113.1", "203.0.113.1 is not an address of this machine"),
        ("no.such.invalid", "neither an address nor a known name"),
    ],
)
def test_a_host_that_cannot_be_listened_on_is_told_in_a_sentence_of_its_own(host, told, capsys):
    with pytest.raises(typer.Exit):
        listen(host, 0)
    refused = " ".join(capsys.readouterr().err.split())
    assert told in refused
    assert "LOCI_HOST" in refused


def test_a_search_store_that_does_not_answer_is_told_at_the_start(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "server", "serve"],
        cwd=ROOT,
        env=os.environ
        | {
            "LOCI_DATA_DIR": str(tmp_path),
            "LOCI_EMBEDDING_MODEL": "none",
            "LOCI_PORT": "0",
            "LOCI_QDRANT_URL": "http://127.0.0.1:1",
        },
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        try:
            told = next(line for line in server.stderr if "search store" in line)
        finally:
            server.terminate()
    assert "LOCI_QDRANT_URL" in told
    assert "Memories are kept" in told


def test_a_server_that_was_started_with_sigint_ignored_ends_at_sigterm(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "server", "serve"],
        cwd=ROOT,
        env=os.environ | {"LOCI_DATA_DIR": str(tmp_path), "LOCI_EMBEDDING_MODEL": "none", "LOCI_PORT": "0"},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 - as a shell does in a script
    ) as server:
        assert server.stderr is not None
        try:
            assert any("Loci is at" in line for line in server.stderr)
            server.terminate()
            server.communicate(timeout=60)
        finally:
            server.kill()
    assert server.returncode == 0


def test_a_secret_key_that_is_no_secret_stops_the_start_and_doctor_names_it(cli, tmp_path):
    assert "secret key: the first start makes it" in " ".join(cli("doctor").stderr.split())
    path = tmp_path / "data" / "secret.key"
    path.write_bytes(b"")
    told = f"{path} holds 0 bytes, and a secret key needs 32."
    assert f"secret key: {told}" in " ".join(cli("doctor").stderr.split())
    ended = run_command("serve", data_dir=tmp_path / "data", LOCI_PORT="0")
    assert ended.returncode == 1
    assert ended.stderr.strip().startswith(told)
