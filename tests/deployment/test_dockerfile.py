"""The image: each command of the Dockerfile is carried out in a bare Debian, and serves from a read-only root."""

import asyncio
import os
import re
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.deployment.dockerfile import Builder, container_command, read_instructions, run_in_stage
from tests.helpers.programs.processes import find_free_port, wait_for_model, wait_for_port

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900), pytest.mark.xdist_group("debian")]

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
MOST_BYTES = 600 * 10**6


def test_the_linter_has_nothing_to_say():
    finished = subprocess.run(
        [ROOT / ".venv/bin/hadolint", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert finished.stdout == ""
    assert finished.returncode == 0


def test_only_the_files_that_the_dockerfile_copies_go_to_the_build():
    copied = {
        rest.split()[0] for name, rest in read_instructions(DOCKERFILE) if name == "COPY" and "--from" not in rest
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in lines if line.startswith("!")} == copied
    assert "*" in lines


def test_the_base_is_pinned_by_its_digest():
    assert re.search(r"^ARG BASE=debian:trixie-\d{8}-slim@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)


@pytest.fixture(scope="session")
def image(bare_debian, tmp_path_factory):
    """The last stage of the Dockerfile, in a folder."""
    folder = tmp_path_factory.mktemp("image")
    yield Builder(bare_debian, ROOT, folder).build(DOCKERFILE)
    shutil.rmtree(folder)


@pytest.fixture
def data(tmp_path):
    """The volume, as docker makes it from the image's folder."""
    folder = tmp_path / "volume"
    folder.mkdir(mode=0o700)
    os.chown(folder, 10001, 10001)
    return folder


@asynccontextmanager
async def serving(image, data, port):
    """The server in the image; the process."""
    command = image.commands["ENTRYPOINT"] + image.commands["CMD"]
    line, outer = container_command(image, data, command, LOCI_PORT=str(port), LOCI_HOST="127.0.0.1")
    process = await asyncio.create_subprocess_exec(*line, env=outer)
    try:
        await wait_for_port(port)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_the_image_serves_with_a_read_only_root_and_recalls_by_meaning(image, data):
    port = find_free_port()
    await run_in_stage(image, data, "sh", "-c", "echo correct horse battery | loci user add ann --password-stdin")
    printed = await run_in_stage(
        image, data, "loci", "key", "create", "--user", "ann", "--scopes", "memory:write", "--quiet"
    )
    key = printed.strip().splitlines()[-1]
    headers = {"authorization": f"Bearer {key}"}
    async with (
        serving(image, data, port) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as http,
    ):
        await wait_for_model(f"http://127.0.0.1:{port}")
        stored = await http.post("/v1/memories", json={"content": "The physician sees patients on Mondays"})
        assert stored.status_code == 201, stored.text
        found = (await http.post("/v1/context", json={"message": "when does the doctor work?"})).json()
        assert [each["content"] for each in found["memories"]["matches"]] == ["The physician sees patients on Mondays"]
        assert found["memories"]["ranking"] == "hybrid"
        await run_in_stage(image, data, *image.commands["HEALTHCHECK"], LOCI_PORT=str(port))
        process.terminate()
        async with asyncio.timeout(10):  # docker waits that long; a quiet machine needs one second
            assert await process.wait() in {0, -15, 130}
    # The volume keeps it for the next container.
    async with (
        serving(image, data, port),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as http,
    ):
        assert (await http.get("/v1/memories")).json()["total"] == 1


def test_nothing_in_the_image_belongs_to_the_user_who_serves(image):
    assert image.user == "10001:10001"
    listed = subprocess.run(
        ["find", image.root, "-xdev", "(", "-uid", "10001", "-o", "-perm", "-o+w", "-not", "-type", "l", ")", "-print"],
        capture_output=True,
        text=True,
        check=True,
    )
    # The volume is theirs; the others are everybody's in each Debian, and are not kept.
    own = {str(Path("/") / Path(line).relative_to(image.root)) for line in listed.stdout.splitlines()}
    assert {path for path in own if not path.startswith(("/tmp", "/var/tmp", "/run", "/dev"))} == {"/data"}  # noqa: S108


def test_the_image_is_smaller_than_600_megabytes(image):
    sizes = [entry.lstat().st_size for entry in image.root.rglob("*") if not entry.is_symlink() and entry.is_file()]
    assert sum(sizes) < MOST_BYTES


async def test_the_model_in_the_image_has_the_digest_that_is_written_there(image, data):
    sums = image.root / "opt/loci/models/SHA256SUMS"
    assert sums.read_text().count("model.onnx") == 1
    await run_in_stage(image, data, "sh", "-c", "cd /opt/loci && sha256sum --check --quiet models/SHA256SUMS")
