"""A log that cannot be written costs its lines and nothing else."""

import errno
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import httpx
import pytest
import structlog

from server.logs import configure_logs
from tests.helpers.programs.processes import find_free_port, wait_for_port
from tests.helpers.site import NO_TLS, open_site

ROOT = Path(__file__).parents[2]


class Broken:
    """A standard error that fails at every write and every flush."""

    encoding = "utf-8"

    def __init__(self, error):
        self.error = error

    def write(self, _text):
        raise self.error

    def flush(self):
        raise self.error

    def isatty(self):
        return False


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __repr__


def log_everything():
    log = structlog.get_logger("ours")
    log.info("request.answered", path="/\ud800", value=Unprintable())
    log.warning("peek.refused", reason="text")
    try:
        int("a text")
    except ValueError:
        log.exception("request.failed")
    logging.getLogger("theirs").warning("a %s of a library", "line")
    logging.getLogger("theirs").warning("a wrong %d line", "text")
    logging.getLogger("theirs").warning("unprintable %s", Unprintable())


@pytest.mark.usefixtures("kept_handlers")
@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    "error",
    [
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error"),
        ValueError("I/O operation on closed file."),
    ],
    ids=["closed pipe", "full disk", "broken disk", "closed file"],
)
def test_to_log_never_raises_if_standard_error_cannot_be_written(monkeypatch, log_format, error):
    configure_logs(log_format)
    monkeypatch.setattr(sys, "stderr", Broken(error))
    log_everything()


@pytest.mark.usefixtures("kept_handlers")
def test_a_log_that_nobody_reads_stops_nobody_and_goes_on_when_it_is_read_again(monkeypatch):
    configure_logs("text")
    reader, writer = os.pipe()
    log = structlog.get_logger("ours")
    with os.fdopen(reader, "rb") as lines, os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stderr", pipe)
        loud = Thread(target=lambda: [log.info("request.answered", text="é" * 3000) for _ in range(200)], daemon=True)
        loud.start()
        loud.join(30)
        assert not loud.is_alive()
        os.set_blocking(reader, False)
        assert b"request.answered" in lines.read()
        log.info("request.answered", text="the reader is back")
        (line,) = lines.read().splitlines(keepends=True)[-1:]
        assert line.count(b"request.answered") == 1  # it is not the rest of a line that was cut
        assert line.endswith(b"the reader is back'\n")


@pytest.mark.usefixtures("kept_handlers")
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_line_with_a_value_that_cannot_be_shown_is_written_without_it(capsys, log_format):
    configure_logs(log_format)
    structlog.get_logger("ours").info("request.answered", value=Unprintable(), path="/")
    line = capsys.readouterr().err
    assert "request.answered" in line
    assert "cannot be shown: RuntimeError" in line


@pytest.mark.anyio
async def test_a_server_whose_log_cannot_be_written_serves_and_ends_as_ever(settings, clock):
    async with open_site(settings, clock) as site:
        key = (await site.add_person()).key
    port = find_free_port()
    environ = {"LOCI_DATA_DIR": str(settings.data_dir), "LOCI_EMBEDDING_MODEL": "none", "LOCI_PORT": str(port)}
    stderr = os.open("/dev/full", os.O_WRONLY)
    command = [sys.executable, "-m", "server", "serve"]
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs here
        command, cwd=ROOT, env=os.environ | environ, stderr=stderr
    ) as server:
        os.close(stderr)
        try:
            url, bearer = f"http://127.0.0.1:{port}", {"authorization": f"Bearer {key}"}
            await wait_for_port(port)
            async with httpx.AsyncClient(base_url=url, headers=bearer, timeout=60, verify=NO_TLS) as http:
                stored = await http.post("/v1/memories", json={"content": "the heron waits"})
                login = await http.post("/login", data={"name": "ann", "password": "wrong"}, headers={"origin": url})
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)
    assert stored.status_code == 201
    assert login.status_code < 500
    assert server.returncode == 0
