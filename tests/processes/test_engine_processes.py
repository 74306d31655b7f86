"""The real server with engine processes: it answers through them, and leaves neither them nor unflushed work behind."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from server.config import Settings
from server.store.search.edge.processes import ProcessEngine
from server.wiring.stores import build_engine
from tests.helpers.programs.processes import find_free_port, list_engine_processes
from tests.helpers.site import NO_TLS, open_site

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


def living():
    """The ids of all processes."""
    return {int(each.name) for each in Path("/proc").glob("[0-9]*")}


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("processes", [0, 2])
async def test_a_server_that_is_told_to_end_has_flushed_everything_and_leaves_no_process(
    settings, clock, told, processes
):
    async with open_site(settings, clock) as site:
        key = (await site.add_person()).key
    port = find_free_port()
    environment = {
        "LOCI_DATA_DIR": str(settings.data_dir),
        "LOCI_EMBEDDING_MODEL": "none",
        "LOCI_ENGINE_PROCESSES": str(processes),
        "LOCI_PORT": str(port),
    }
    command = [sys.executable, "-m", "server", "serve"]
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here
        command, cwd=ROOT, env=os.environ | environment, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        try:
            assert any("Loci is at" in line for line in server.stderr)
            url, bearer = f"http://127.0.0.1:{port}", {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(base_url=url, headers=bearer, timeout=60, verify=NO_TLS) as http:
                stored = (await http.post("/v1/memories", json={"content": "the heron waits"})).json()
                found = (await http.post("/v1/search", json={"query": "heron"})).json()
            working = list_engine_processes(server.pid)
        finally:
            server.send_signal(told)
            server.communicate(timeout=60)
    assert stored["indexed"]
    assert [each["content"] for each in found["memories"]] == ["the heron waits"]
    assert len(working) == processes
    assert server.returncode == 0
    assert not working & living()
    with closing(sqlite3.connect(settings.data_dir / "loci.db")) as record:
        assert record.execute("SELECT revision, flushed_revision FROM workspaces").fetchall() == [(1, 1)]


async def test_the_setting_decides_where_the_engine_works(tmp_path):
    engine = build_engine(Settings(data_dir=tmp_path, engine_processes=3))
    assert isinstance(engine, ProcessEngine)
    await engine.close()
    engine = build_engine(Settings(data_dir=tmp_path))
    assert not isinstance(engine, ProcessEngine)
    await engine.close()
