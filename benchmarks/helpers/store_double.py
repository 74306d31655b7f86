"""The REST double of a Qdrant server that the tests use, in a process of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.common import ROOT, Process, find_free_port

_STORE = """
import sys, uvicorn
from pathlib import Path
from tests.doubles.qdrant_rest import QdrantDouble
uvicorn.run(QdrantDouble(Path(sys.argv[1])).app(), port=int(sys.argv[2]), lifespan="off", log_level="error", ws="none")
"""


@contextmanager
def serve_store(folder: Path) -> Iterator[str]:
    """Serve a store with its files in a new folder, until the block ends; its URL."""
    port, points = find_free_port(), folder / "points"
    points.mkdir(parents=True)
    command = [sys.executable, "-c", _STORE, str(points), str(port)]
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    with Process(command, port, environment, folder / "store.log") as store:
        store.wait_for("/")
        yield f"http://127.0.0.1:{port}"
