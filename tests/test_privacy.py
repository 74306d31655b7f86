"""Nothing leaves the machine, and nothing is written outside the data folder, unless a setting says so."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from server import SILENCED
from server.cli.checks.addresses import check_public_url
from server.clock import utc_now
from server.config import Settings
from server.network.llm import Llm, LlmFailed
from server.store.embedding.source import EmbeddingFailed
from server.store.search.qdrant.server import ServerEngine
from server.store.search.seam import EngineDown
from server.wiring.stores import build_remote_source
from tests.helpers.programs.processes import find_free_port
from tests.helpers.site import NO_TLS, open_site

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")


@pytest.fixture
def proxy():
    """A socket that every library takes for the proxy to the world. Nobody answers there."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        yield listener


@pytest.fixture
def elsewhere(tmp_path):
    """The folders that a process finds without a setting: its home, its temporary folder and its working folder."""
    folders = [tmp_path / name for name in ("home", "temporary", "working")]
    for folder in folders:
        folder.mkdir()
    return folders


def list_connections(listener):
    """The first bytes of each connection that somebody has opened to a socket."""
    found = []
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return found
        with connection:
            connection.settimeout(1)
            found.append(connection.recv(200))


def start_command(proxy, elsewhere, settings, *arguments, **environ):
    home, temporary, working = elsewhere
    inherited = {name: value for name, value in os.environ.items() if name not in {*SILENCED, "CI"}}
    inherited = {name: value for name, value in inherited.items() if not name.startswith(("LOCI_", "XDG_", "HF_"))}
    told = dict.fromkeys(PROXIES, f"http://127.0.0.1:{proxy.getsockname()[1]}")
    own = {"LOCI_ENV_FILE": os.devnull, "LOCI_DATA_DIR": str(settings.data_dir)}
    folders = {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "server", *arguments],
        cwd=working,
        env=inherited | told | folders | own | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


async def send_slowly(http, folder, elsewhere):
    """The body of an import. Before its end, what has come lies in the data folder and in no other place."""
    yield b'{"content":"the kettle is blue"}\n' * 100
    async with asyncio.timeout(60):
        while not list(folder.glob("tmp/loci-import-*")):
            await http.get("/healthz")
    assert [path for each in elsewhere for path in each.rglob("*")] == []
    yield b'{"content":"the pot is red"}\n'


@pytest.fixture
def with_model(settings, models):
    (settings.data_dir / "models").symlink_to(models)
    return settings


async def test_a_server_that_stores_recalls_and_ends_calls_nobody_and_writes_only_its_data_folder(
    with_model, clock, proxy, elsewhere
):
    async with open_site(with_model, clock) as site:
        key = (await site.add_person()).key
    port = find_free_port()
    environ = {"LOCI_PORT": str(port), "LOCI_ENGINE_PROCESSES": "1"}
    with start_command(proxy, elsewhere, with_model, "serve", **environ) as server:
        assert server.stdout is not None
        try:
            assert any("Loci is at" in line for line in server.stdout)
            url, bearer = f"http://127.0.0.1:{port}", {"authorization": f"Bearer {key}"}
            async with httpx.AsyncClient(
                base_url=url, headers=bearer, timeout=60, verify=NO_TLS, trust_env=False
            ) as http:
                async with asyncio.timeout(60):
                    while (await http.get("/readyz")).json()["embeddings"] != "ready":
                        pass
                stored = await http.post("/v1/memories", json={"content": "the heron waits"})
                imported = await http.post("/v1/import", content=send_slowly(http, with_model.data_dir, elsewhere))
                answer = (await http.post("/v1/context", json={"message": "where is the heron?"})).json()
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=60)
    assert (stored.status_code, imported.status_code) == (201, 201)
    assert list((with_model.data_dir / "tmp").iterdir()) == []
    assert [each["content"] for each in answer["memories"]["matches"]] == ["the heron waits"]
    assert list_connections(proxy) == []
    assert [path for folder in elsewhere for path in folder.rglob("*")] == []


@pytest.mark.parametrize("arguments", [("model", "pull", "--strict"), ("doctor",)])
def test_a_command_calls_nobody_and_writes_only_the_data_folder(with_model, proxy, elsewhere, arguments):
    # nothing answers at this public URL, so doctor's exit code is 1
    with start_command(proxy, elsewhere, with_model, *arguments, LOCI_PORT=str(find_free_port())) as command:
        output, _ = command.communicate(timeout=60)
    assert "Traceback" not in output
    assert list_connections(proxy) == []
    assert [path for folder in elsewhere for path in folder.rglob("*")] == []


def test_libraries_are_silenced_even_if_the_environment_says_otherwise():
    code = "import os, server, sys; print([os.environ[name] for name in server.SILENCED], 'onnxruntime' in sys.modules)"
    told = dict.fromkeys(SILENCED, "0")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | told, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{['1'] * len(SILENCED)} False"


async def ask_llm(url):
    async with Llm.open("openai", f"{url}/v1", "a-model", "") as llm:
        with pytest.raises(LlmFailed):
            await llm.ask("merge", "the heron waits")


async def ask_qdrant(url):
    engine = ServerEngine.from_url(url, timeout=1)
    with pytest.raises(EngineDown):
        await engine.ping()
    await engine.close()


async def ask_endpoint(url):
    settings = Settings(embedding_url=f"{url}/v1", embedding_model="a-model")
    embeddings = build_remote_source(settings, utc_now)
    assert embeddings is not None
    embeddings.start()
    with pytest.raises(EmbeddingFailed):
        await embeddings.wait_ready()
    await embeddings.close()


async def ask_public_url(url):
    finding = await check_public_url(Settings(public_url=url))
    assert not finding.is_ok


@pytest.mark.parametrize("ask", [ask_llm, ask_qdrant, ask_endpoint, ask_public_url])
async def test_requests_to_a_server_on_this_machine_pass_by_a_proxy(monkeypatch, proxy, ask):
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    await ask(f"http://127.0.0.1:{find_free_port()}")
    assert list_connections(proxy) == []
