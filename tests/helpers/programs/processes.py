"""The processes that a test has started, and the ports that they get."""

import asyncio
import os
import socket
from contextlib import suppress
from pathlib import Path

import httpx


def find_free_port() -> int:
    """A port of the loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def list_engine_processes(parent=None) -> set[int]:
    """The engine processes that live and belong to a process, this one or another."""
    found = set()
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if b"server.store.search.edge.engine_process" not in (each / "cmdline").read_bytes().split(b"\0"):
                continue
            # state and parent follow the name, which stands in brackets; one that is dead has no command line any more
            if int((each / "stat").read_text().rpartition(")")[2].split()[1]) == (parent or os.getpid()):
                found.add(int(each.name))
        except OSError:
            continue  # it has ended meanwhile
    return found


async def wait_for_port(port: int, seconds=60) -> None:
    """Wait until a process listens on a port of the loopback."""
    async with asyncio.timeout(seconds):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


async def wait_for_model(url: str, seconds=60) -> None:
    """Wait until the embedding model of a server is loaded."""
    async with httpx.AsyncClient(timeout=seconds) as http, asyncio.timeout(seconds):
        while (await http.get(f"{url}/readyz")).json()["embeddings"] != "ready":  # noqa: ASYNC110 - another process knows
            await asyncio.sleep(0.1)
