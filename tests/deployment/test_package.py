"""The package for pipx and uv: built, installed with the pinned libraries, and used from an empty home."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from server import __version__
from tests.helpers.programs.processes import find_free_port

# One worker makes the environment, for all tests.
pytestmark = pytest.mark.xdist_group("package")

ROOT = Path(__file__).parent.parent.parent
UV = str(ROOT / ".venv/bin/uv")
#: On the disk of uv's cache, so that the libraries are links into it.
FOLDER = ROOT / ".venv/package"
PINS = "requirements/run.txt"


def run(*command, cwd=ROOT, env=None, input=None):  # noqa: A002 - as subprocess has it
    """The output of a command that succeeds."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=env, input=input, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel():
    shutil.rmtree(FOLDER, ignore_errors=True)
    run(UV, "build", "--offline", "--quiet", "--out-dir", FOLDER / "dist")
    (wheel,) = (FOLDER / "dist").glob("*.whl")
    yield wheel
    shutil.rmtree(FOLDER)


@pytest.fixture(scope="module")
def programs(wheel):
    """The folder of the programs of an environment that has the package."""
    run(UV, "venv", "--quiet", FOLDER / "venv")
    python = FOLDER / "venv/bin/python"
    install = (UV, "pip", "install", "--quiet", "--python", python)
    run(*install, "--require-hashes", "--only-binary", ":all:", "--requirement", PINS)
    run(*install, "--no-deps", "--offline", wheel)
    return python.parent


@pytest.fixture
def home(tmp_path, models):
    """The environment of a person whose home has nothing in it but the embedding model."""
    data = tmp_path / "home/.local/share/loci"
    data.mkdir(parents=True)
    (data / "models").symlink_to(models)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOCI_", "XDG_", "PYTHON"))}
    return kept | {"HOME": str(tmp_path / "home")}


@contextmanager
def serving(programs, environ, folder, key):
    """`loci serve` as a service manager starts it; a client of it. It has told the manager that it is ready."""
    port = find_free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(60)
        told = {"LOCI_PORT": str(port), "NOTIFY_SOCKET": str(folder / "notify")}
        with (folder / "output.txt").open("w") as output:
            process = subprocess.Popen(
                [programs / "loci", "serve", "--pull"], cwd=folder, env=environ | told, stdout=output, stderr=output
            )
            try:
                assert manager.recv(100) == b"READY=1"
                bearer = {"authorization": f"Bearer {key}"}
                with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=bearer, timeout=60) as http:
                    yield http
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(20)
        assert manager.recv(100) == b"STOPPING=1"


@pytest.mark.timeout(300)  # an environment is made, and nothing in it is compiled yet
def test_the_package_serves_from_an_empty_folder_and_finds_its_data_again(programs, home, tmp_path):
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    # A package of another program with the same name is not taken for ours.
    (elsewhere / "server").mkdir(parents=True)
    (elsewhere / "server/__init__.py").write_text("raise SystemExit('another program')")
    loci, there = programs / "loci", {"cwd": elsewhere, "env": home}
    run(loci, "user", "add", "ann", "--admin", "--password-stdin", input="a long password\n", **there)
    key = run(loci, "key", "create", "--user", "ann", "--scopes", "memory:write", "--quiet", **there).strip()
    engine_elsewhere = home | {"LOCI_ENGINE_PROCESSES": "1"}
    with serving(programs, engine_elsewhere, elsewhere, key) as http:
        assert http.post("/v1/memories", json={"content": "The heron nests at the north pond"}).json()["indexed"]
        assert http.get("/login").status_code == 200  # its templates are in the package
    with serving(programs, home, folder, key) as http:
        found = http.post("/v1/context", json={"message": "where does the heron nest?"}).json()
        assert [each["content"] for each in found["memories"]["matches"]] == ["The heron nests at the north pond"]
    data = Path(home["HOME"]) / ".local/share/loci"
    assert f"with its data in {data}\n" in (folder / "output.txt").read_text()
    assert {each.name for each in folder.iterdir()} == {"notify", "output.txt"}
    assert {each.name for each in Path(home["HOME"]).iterdir()} == {".local"}


def test_the_package_has_the_plugins_and_hooks_of_all_clients(programs, home):
    for client in ("claude-code", "codex", "gemini", "cursor", "vscode", "opencode"):
        assert "is not there" not in run(programs / "loci", "connect", client, "--key", "mp_live_0", env=home)
    shown = run(programs / "loci", "connect", "claude-code", env=home)
    place = Path(shown.split("marketplace add ")[1].splitlines()[0])
    assert (place / ".claude-plugin/marketplace.json").is_file()
    assert (place / "claude-code/hooks/hooks.json").is_file()


def test_uvx_runs_the_package_by_its_name(programs, wheel):
    # The libraries are in the cache of uv, since the package was installed.
    command = (UV, "tool", "run", "--quiet", "--offline", "--constraints", PINS, "--from", wheel)
    assert run(*command, "loci-memory-server", "--version") == f"loci {__version__}\n"
    assert programs.is_dir()


def test_the_command_of_a_checkout_works_from_every_folder_and_through_a_link(tmp_path):
    checkout, elsewhere = tmp_path / "a checkout", tmp_path / "elsewhere"
    (checkout / ".venv/bin").mkdir(parents=True)
    for name in ("Makefile", "auth", "server", "tools"):
        (checkout / name).symlink_to(ROOT / name)
    python = checkout / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    run("make", ".venv/bin/loci", cwd=checkout)
    (elsewhere / "server").mkdir(parents=True)
    (elsewhere / "server/__init__.py").write_text("raise SystemExit('another program')")
    (elsewhere / "loci").symlink_to(checkout / ".venv/bin/loci")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LOCI_")}
    (checkout / "loci.env").write_text("LOCI_PROT=1\n")
    command, how = [elsewhere / "loci", "user", "list"], {"cwd": elsewhere, "env": environ}
    told = subprocess.run(command, capture_output=True, text=True, check=False, **how)
    assert f"LOCI_PROT in {checkout / 'loci.env'}: there is no such setting" in told.stderr
    (checkout / "loci.env").unlink()
    run(*command, **how)
    assert (checkout / "data/loci.db").exists()
