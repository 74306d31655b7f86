"""Run the benchmarks: every figure beside its reference from the same run. `make bench`.

Each benchmark starts the real server (`python -m server serve`) on a free port of loopback with a temporary data
folder, and ends what it started. `--quick` takes smaller sizes; `--only NAME` runs one, and may be given again.
"""

import argparse
import importlib
import os
import time

# numpy's threads spin for long after a scan, and would double what the embedding after it takes: a floor too high.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from helpers.common import Figure, print_figures, screen

BENCHMARKS = (
    "costs.door",
    "costs.observing",
    "costs.governing",
    "costs.tokens",
    "costs.bearers",
    "costs.startup",
    "costs.ingest",
    "costs.latency",
    "costs.rss",
    "costs.concurrency",
    "costs.matrix",
    "costs.servers",
    "recall",
    "quiet",
    "nights",
    "corrections",
    "entities",
    "languages",
    "costs.console",
    "capture",
    "costs.capture_load",
    "costs.lifecycle",
    "costs.backup",
    "costs.disk",
    "costs.import_export",
    "fast_path",
)
MODULES = {module.rpartition(".")[2]: module for module in BENCHMARKS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, for a first look")
    parser.add_argument("--only", action="append", choices=MODULES, help="run only this one")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    for name in arguments.only or MODULES:
        started = time.perf_counter()
        figures += importlib.import_module(MODULES[name]).measure(quick=arguments.quick)
        screen.print(f"{name}: done in {time.perf_counter() - started:.0f} s")
    print_figures(figures)


if __name__ == "__main__":
    main()
