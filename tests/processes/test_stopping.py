"""A server that stops while clients are in the middle of a request, and the descriptors that it may use."""

import asyncio
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import httpx

from server.clock import utc_now
from tests.helpers.programs.processes import find_free_port
from tests.helpers.site import open_site

ROOT = Path(__file__).parents[2]
FORM = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\nhalf=a"
#: The path of each half-sent request, and what of it was sent.
HALF_SENT = {
    "/oauth/token": f"POST /oauth/token HTTP/1.1\r\nHost: HOST\r\n{FORM}",
    "/login": f"POST /login HTTP/1.1\r\nHost: HOST\r\n{FORM}",
    "": "GET /healthz HTTP/1.1\r\nHost: HOST\r\n",
}


def _lower_descriptor_limit():
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


async def _make_key(settings):
    async with open_site(settings, utc_now) as site:
        return (await site.add_person()).key


def _ask_in_vain(port, key, told):
    """Ask for something that takes a language model, and add the answer's status to `told`."""
    with httpx.Client(trust_env=False, timeout=60, headers={"authorization": f"Bearer {key}"}) as http:
        asked = http.post(f"http://127.0.0.1:{port}/v1/distill", json={"transcript": "Ann likes tea. " * 50})
        told.append(asked.status_code)


def _watch(port, key, has_begun, ended):
    """Watch the live stream to its end, which `ended` has then. A stream that is cut raises an error instead."""
    with httpx.Client(trust_env=False, timeout=60, headers={"authorization": f"Bearer {key}"}) as http:
        with http.stream("GET", f"http://127.0.0.1:{port}/v1/live") as stream:
            for _ in stream.iter_raw():
                has_begun.set()
            ended.append(time.monotonic())


def _start(target, *args):
    thread = Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread


def test_half_sent_requests_and_a_slow_model_do_not_hold_up_the_end_and_are_a_line_each_and_streams_end(settings):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    key = asyncio.run(_make_key(settings))
    # a collector of traces and a language model that never answer
    silent, model = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    told: list[int] = []
    has_begun, ended = Event(), list[float]()
    metrics_port = find_free_port()
    environ = {
        "LOCI_DATA_DIR": str(settings.data_dir),
        "LOCI_LLM_URL": f"http://127.0.0.1:{model.getsockname()[1]}/v1",
        "LOCI_LLM_MODEL": "slow",
        "LOCI_EMBEDDING_MODEL": "none",
        "LOCI_PORT": str(port),
        "LOCI_METRICS_PORT": str(metrics_port),
        "LOCI_TRACES_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
    }
    with (
        silent,
        model,
        subprocess.Popen(
            [sys.executable, "-m", "server", "serve"],
            cwd=ROOT,
            env=os.environ | environ,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_lower_descriptor_limit,  # noqa: PLW1509 - as a service manager does it
        ) as server,
    ):
        assert server.stderr is not None
        try:
            assert any("Loci is at" in line for line in server.stderr)
            lines = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in HALF_SENT]
            for line, sent in zip(lines, HALF_SENT.values(), strict=True):
                line.sendall(sent.replace("HOST", f"127.0.0.1:{port}").encode())
            with socket.create_connection(("127.0.0.1", port), timeout=60) as asked:
                asked.sendall(f"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
                assert b"200" in asked.recv(100)  # what was sent before has been read
            with socket.create_connection(("127.0.0.1", metrics_port), timeout=60) as asked:
                asked.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                page = asked.makefile("rb").read()
            watching = _start(_watch, port, key, has_begun, ended)
            assert has_begun.wait(60)
            asking = _start(_ask_in_vain, port, key, told)
            model.settimeout(30)
            question, _ = model.accept()
            assert question.recv(100)
            limits = Path(f"/proc/{server.pid}/limits").read_text().splitlines()
            server.terminate()
            began = time.monotonic()
            _, rest = server.communicate(timeout=60)
            took = time.monotonic() - began
        finally:
            server.kill()
    assert took < 10  # 4.5 on a machine that is not busy; Docker kills it after 10
    watching.join(30)
    assert len(ended) == 1  # it was not cut when the time of running requests was over
    asking.join(30)
    assert told == [503]
    question.close()
    assert b'loci_http_requests_total{method="GET",route="/healthz",status="200"} 1.0' in page
    ((soft, hard),) = (row.split()[3:5] for row in limits if row.startswith("Max open files"))
    assert soft == hard
    assert "Traceback" not in rest
    ours = [row for row in rest.splitlines() if "request.abandoned" in row]
    assert [any(f"path={path} " in row for row in ours) for path in HALF_SENT if path] == [True, True]
    assert len(ours) == 2
    for line in lines:
        line.close()


#: A command whose work cannot be cancelled, and which does not let go of its store.
STUCK = """
import asyncio, threading
from server.cli.serving import event_loop

async def work():
    threading.Thread(target=threading.Event().wait).start()
    print("works", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.to_thread(threading.Event().wait)

event_loop.END_SECONDS = 0.5
event_loop.catch_signals()
event_loop.run_until_signal(work())
"""


def test_a_command_whose_store_does_not_close_ends_all_the_same_with_a_line_about_it():
    with subprocess.Popen(
        [sys.executable, "-c", STUCK], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as command:
        assert command.stdout is not None
        try:
            assert command.stdout.readline() == "works\n"
            command.terminate()
            lines, _ = command.communicate(timeout=60)
        finally:
            command.kill()
    assert command.returncode == 0
    assert "process.ended_late" in lines
