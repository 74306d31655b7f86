"""The URL that `serve` prints works, whatever the host and the port."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from typer.testing import CliRunner

from server.cli import app
from server.cli.serving.listen import listen
from server.config import Settings, load_settings
from tests.helpers.site import NO_TLS

ROOT = Path(__file__).parents[3]
NO_FILE = {"LOCI_ENV_FILE": os.devnull}


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.2", "::1", "[::1]", "0:0:0:0:0:0:0:1"),
        *("localhost", "LocalHost", "0.0.0.0", "::", ""),  # noqa: S104 - only for a moment
    ],
)
def test_the_default_public_url_reaches_the_sockets_of_each_host_and_of_a_port_that_the_system_chose(host):
    settings = load_settings(NO_FILE | {"LOCI_HOST": host, "LOCI_PORT": "0"})
    listeners = listen(settings.host, settings.port)
    try:
        ports = {listener.getsockname()[1] for listener in listeners}
        assert len(ports) == 1
        url = urlsplit(settings.with_port(*ports).public_url)
        assert url.port in ports
        with closing(socket.create_connection((url.hostname, url.port), timeout=60)):
            pass
    finally:
        for listener in listeners:
            listener.close()


def test_another_port_changes_the_default_url_and_no_other_setting(tmp_path):
    environ = NO_FILE | {
        "LOCI_PLANS": '{"free": {"items": 3}}',
        "LOCI_SECRET_KEY": "3gX0vRkP9sTn2LqYwZ7cJd5HbMfA8uEe1iQoKxVt",
        "LOCI_DATA_DIR": str(tmp_path),
    }
    settings = load_settings(environ | {"LOCI_PORT": "0"})
    changed = settings.with_port(9000)
    assert changed == load_settings(environ | {"LOCI_PORT": "9000"})
    assert changed.public_url == "http://127.0.0.1:9000"
    url = "https://memory.example.com"
    assert Settings(port=0, public_url=url).with_port(9000).public_url == url


def test_the_zone_of_a_loopback_address_does_not_stand_in_the_url():
    assert load_settings(NO_FILE | {"LOCI_HOST": "::1%lo"}).public_url == "http://[::1]:8080"


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "loci.example.com"])
def test_a_host_that_is_not_reached_on_this_machines_loopback_needs_a_public_url(host):
    with pytest.raises(SystemExit) as stopped:
        load_settings(NO_FILE | {"LOCI_HOST": host})
    assert str(stopped.value) == f"LOCI_PUBLIC_URL: must be set, because LOCI_HOST ({host}) is no loopback address"
    assert load_settings(NO_FILE | {"LOCI_HOST": host, "LOCI_PUBLIC_URL": "https://a.example"}).host == host


@pytest.mark.parametrize("command", [("user", "invite"), ("doctor",)])
def test_a_command_that_cannot_know_the_port_says_so(tmp_path, monkeypatch, command):
    for name, value in {"DATA_DIR": str(tmp_path), "EMBEDDING_MODEL": "none", "PORT": "0", "SIGNUP": "invite"}.items():
        monkeypatch.setenv(f"LOCI_{name}", value)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "LOCI_PORT is 0, so only the running server knows its URL." in " ".join(result.stderr.split())


def test_a_server_on_ipv6_and_a_chosen_port_prints_links_that_work(tmp_path):
    environ = {"LOCI_DATA_DIR": str(tmp_path), "LOCI_EMBEDDING_MODEL": "none", "LOCI_HOST": "::1", "LOCI_PORT": "0"}
    command = [sys.executable, "-m", "server", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environ, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            lines = iter(server.stderr)
            (url,) = next(found for line in lines if (found := re.findall(r"Loci is at (http://\[::1\]:\d+),", line)))
            (setup,) = next(found for line in lines if (found := re.findall(r"(http\S+/setup\S+)", line)))
            with httpx.Client(verify=NO_TLS, timeout=60, trust_env=False) as http:
                assert http.get(setup).status_code == 200
                metadata = http.get(f"{url}/.well-known/oauth-protected-resource/mcp").json()
                assert metadata["resource"] == f"{url}/mcp"
                assert http.get(f"{url}/login").status_code == 200
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=60)
