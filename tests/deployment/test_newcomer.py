"""The way of a new user on a bare machine: make serve, set up, connect, store, back up, restore elsewhere, recall."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.deployment.dockerfile import PASSED, Stage, container_command, copy_base, run_in, run_in_stage
from tests.helpers.logins.headless import fill_form, find_target
from tests.helpers.logins.oauth_client import PASSWORD, Login, Storage, open_logged_in_client
from tests.helpers.programs.processes import find_free_port, wait_for_model, wait_for_port

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600), pytest.mark.xdist_group("debian")]

ROOT = Path(__file__).parent.parent.parent
HOME = "/home/ann"
CLONE = f"{HOME}/loci"
#: As a shell of Debian has it. The registries are reached as from this machine.
REGISTRIES = {name: os.environ[name] for name in PASSED if name in os.environ} | {"PIP_CERT": "/etc/certificates.crt"}


@dataclass(frozen=True)
class Server:
    """A server that runs, by the URL that people paste."""

    url: str


@pytest.fixture(scope="module")
def machine(bare_debian, tmp_path_factory):
    """A machine with Python and make, and a clone in the home of a user."""
    root = copy_base(bare_debian, tmp_path_factory.mktemp("machine") / "root")
    install = (
        "apt-get -qq update && apt-get -qq install -y --no-install-recommends make python3 python3-venv >/dev/null"
    )
    run_in(root, ["sh", "-c", install], DEBIAN_FRONTEND="noninteractive")
    run_in(root, ["useradd", "--create-home", "--uid", "1000", "ann"])
    shutil.copy(root / "run/certificates.crt", root / "etc/certificates.crt")
    clone = root / CLONE.lstrip("/")
    clone.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in files.rstrip("\0").split("\0"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    run_in(root, ["chown", "--recursive", "ann:ann", CLONE])
    yield Stage(root, {"PATH": "/usr/bin:/bin", "HOME": HOME} | REGISTRIES, CLONE, "1000:1000")
    shutil.rmtree(root)


async def run(machine, command, **environ):
    """Run a shell command as the user; its output."""
    return await run_in_stage(machine, None, "sh", "-c", command, **environ)


@asynccontextmanager
async def serving(machine, output, port, **environ):
    """`make serve`, until the block ends; its URL."""
    line, outer = container_command(machine, None, ["make", "serve"], LOCI_PORT=str(port), **environ)
    with output.open("w") as file:
        process = await asyncio.create_subprocess_exec(
            *line, env=outer, stdout=file, stderr=file, start_new_session=True
        )
    try:
        await wait_for_port(port, 300)
        async with httpx.AsyncClient(timeout=60) as http:  # it listens before it can answer
            assert (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
        yield Server(f"http://127.0.0.1:{port}")
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # as Ctrl-C in a terminal: make and the server
        async with asyncio.timeout(30):
            await process.wait()


async def set_up(printed):
    """Open the link that the server printed, and make the admin account."""
    (link,) = re.findall(r"http://\S+/setup\?link=\S+", printed)
    async with httpx.AsyncClient() as browser:
        page = await browser.get(link)
        form = fill_form(page.text, {"username": "ann", "password": PASSWORD, "repeated": PASSWORD}, "")
        answer = await browser.post(find_target(page), data=form)
        assert answer.status_code in {200, 302, 303}, answer.text


async def recall(client):
    """Return the contents that come for a question which shares no word with the memory."""
    answer = await client.call_tool("retrieve_context", {"query": "when does the doctor work?"})
    assert not answer.is_error, answer.content[0].text
    return [each["content"] for each in answer.structured_content["memories"]["matches"]]


async def test_a_new_user_serves_connects_stores_backs_up_and_recalls_on_another_machine(machine, tmp_path):
    port, storage, login = find_free_port(), Storage(), Login("ann")
    fact = "The physician sees patients on Mondays"
    async with serving(machine, tmp_path / "first.txt", port) as server:
        await set_up((tmp_path / "first.txt").read_text())
        await wait_for_model(server.url)
        async with open_logged_in_client(server, storage, login) as client:
            stored = await client.call_tool("store_memory", {"content": fact})
            assert not stored.is_error
            assert await recall(client) == [fact]
        await run(machine, "echo correct-horse > ~/password && chmod 600 ~/password")
        backed_up = "cd ~/loci && .venv/bin/python -m server backup ~/loci.backup --password-file ~/password"
        await run(machine, backed_up, LOCI_PORT=str(port))
    # Another machine: the clone and the backup, and nothing of the data folder but the model, to save its download.
    elsewhere = {"LOCI_DATA_DIR": f"{HOME}/elsewhere", "LOCI_MODELS_DIR": f"{HOME}/models"}
    await run(machine, f"mv {CLONE}/data/models ~/models && rm -rf {CLONE}/data")
    restored = "cd ~/loci && .venv/bin/python -m server restore ~/loci.backup --password-file ~/password"
    await run(machine, restored, **elsewhere)
    async with serving(machine, tmp_path / "second.txt", port, **elsewhere) as server:
        assert "/setup?link=" not in (tmp_path / "second.txt").read_text()
        await wait_for_model(server.url)
        async with open_logged_in_client(server, storage, login) as client:
            assert await recall(client) == [fact]
    assert len(login.asked) == 1  # the app is still connected
