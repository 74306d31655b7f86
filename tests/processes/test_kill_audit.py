"""`kill -9` of a server in the middle of its calls, with commands beside it: the audit is one whole chain."""

import asyncio
import json
import os
import subprocess
import sys

import httpx
import pytest

from server.clock import utc_now
from tests.helpers.programs.commands import ROOT, run_command
from tests.helpers.programs.processes import find_free_port, wait_for_port
from tests.helpers.site import open_site

KEYS, COMMANDS = 20, 3


async def _make_admin_key(settings):
    async with open_site(settings, utc_now) as site:
        return (await site.add_person("ann", ("memory:write", "admin"), is_admin=True)).key


def _run(settings, *arguments):
    done = run_command(*arguments, data_dir=settings.data_dir, LOCI_EMBEDDING_MODEL="none")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(240)
def test_changes_of_the_account_that_were_answered_are_in_a_whole_chain_after_a_kill(settings):
    key, port = asyncio.run(_make_admin_key(settings)), find_free_port()
    environ = {"LOCI_DATA_DIR": str(settings.data_dir), "LOCI_EMBEDDING_MODEL": "none", "LOCI_PORT": str(port)}
    server = subprocess.Popen(
        [sys.executable, "-m", "server", "serve"], cwd=ROOT, env=os.environ | environ, stderr=subprocess.DEVNULL
    )
    try:
        asyncio.run(wait_for_port(port))
        bearer = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=bearer, trust_env=False, timeout=60) as http:
            for n in range(KEYS):
                assert http.post("/v1/keys", json={"name": f"key {n}"}).status_code == 201
                if n < COMMANDS:
                    _run(settings, "key", "create", "--user", "ann", "--quiet")
                http.get("/v1/memories/recent")
    finally:
        server.kill()
        server.wait(60)
    (chain,) = json.loads(_run(settings, "audit", "verify", "--json"))
    assert chain["faults"] == []
    # The reads of the last second may be missing; each change of the account was on the disk before its answer.
    assert chain["entries"] >= KEYS + COMMANDS
    assert chain["number"] == chain["entries"]
