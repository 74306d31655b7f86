"""Each speed trick of docs/fast-path.md beside the plain way to do the same, in one process and in turns.

By processor time, except for the tricks that are about waiting: for the disk, or for the loop. A trick is met if it
shows its stated gain again, or else 5 % of a recall's p50. The plain way is written here. Other benchmarks show the
tricks that have none in the same process (engine processes, writes in slices): docs/fast-path.md names them.
"""

import asyncio

from helpers.ab import Trick
from helpers.common import Figure, Site, has_model, make_temporary_folder, read_texts, screen

from fast_path.capture import measure_capture
from fast_path.engine import MEMORIES, measure_engine
from fast_path.model import embed_texts, hash_late, load_model, measure_model
from fast_path.python import measure_python, measure_record
from fast_path.qdrant import measure_qdrant
from fast_path.start import measure_starts, measure_transport


def measure(*, quick: bool) -> list[Figure]:
    texts, _ = read_texts(MEMORIES)
    tricks: list[Trick] = []
    embedder = None
    if has_model():
        embedder, last = load_model()
        tricks += [last, *measure_model(embedder, texts)]
    with make_temporary_folder() as folder:
        screen.print("fast_path: the engine")
        find = None if embedder is None else (lambda some: embed_texts(embedder, some))
        tricks += asyncio.run(measure_engine(folder / "shards", find))
        screen.print("fast_path: the record")
        site = Site(folder / "data", model="none")
        tricks += measure_python(texts)
        tricks += asyncio.run(measure_record(site))
        tricks += asyncio.run(measure_capture(folder))
        screen.print("fast_path: the server")
        tricks += [measure_transport(folder), *measure_qdrant(folder / "qdrant"), hash_late()]
        if not quick:
            tricks += measure_starts(site)
    return [each.figure for each in tricks]
