"""The processes that a test has started, and the ports that they get."""

import os
import socket
from pathlib import Path


def find_free_port() -> int:
    """A port of the loopback that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def engine_processes(parent=None) -> set[int]:
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
