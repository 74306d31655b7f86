"""From starting the process to the first answered request, with the model on the disk.

Two requests are timed in each run: `GET /healthz`, and an authenticated `POST /v1/search`, which is answered by keyword
while the model still loads. The reference is the bare SDK server, started the same way in the same run: what importing
the SDK costs by itself. Target: less than two seconds.
"""

import time

from helpers.common import (
    Figure,
    Process,
    Site,
    find_median,
    has_model,
    make_temporary_folder,
    show_progress,
    start_bare_server,
)

TARGET = 2.0


def measure(*, quick: bool) -> list[Figure]:
    runs = 3 if quick else 7
    health: list[float] = []
    search: list[float] = []
    bare: list[float] = []
    early = 0
    with make_temporary_folder() as folder:
        site = Site(folder / "data")
        with site.serving(with_model=has_model()), site.client() as client:
            client.post("/v1/memories", {"content": "The kettle is blue."})
        for _ in show_progress(range(runs), "starting"):
            started = time.perf_counter()
            with site.start() as process, site.client() as client:
                health.append(_time_until_answer(process, started))
                assert client.post("/v1/search", {"query": "kettle"})["memories"]
                search.append(time.perf_counter() - started)
                early += client.read_model_state() == "loading"
            started = time.perf_counter()
            with start_bare_server(folder, {}) as process:
                bare.append(_time_until_answer(process, started))
    n, reference = f"{runs} starts, median", f"bare SDK server {find_median(bare):.2f} s"
    seconds = {"start to /healthz": find_median(health), "start to an authenticated search": find_median(search)}
    figures = [
        Figure(name, f"{each:.2f} s", n, reference, f"< {TARGET:.0f} s", each < TARGET)
        for name, each in seconds.items()
    ]
    if has_model():
        name = "answered while the model was loading"
        figures.append(Figure(name, f"{early} of {runs}", f"{runs} starts", "", "at least once", early > 0))
    return figures


def _time_until_answer(process: Process, started: float) -> float:
    process.wait_for("/healthz", every=0.002)
    return time.perf_counter() - started
