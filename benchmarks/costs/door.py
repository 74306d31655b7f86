"""Processor time of one `fetch` through `/mcp`, authentication included, against the bare SDK server.

Both servers run at once, each in a process of its own, and are called in turns over a connection that is kept alive
(tools/call of 2026-07-28, answered as JSON). The bare one answers the same payload from memory, so the ratio is what
Loci adds: authorization, validation, the record, the log line. Target: twice the bare server at most.
"""

from pathlib import Path

from helpers.client import Client, make_mcp_call
from helpers.common import Figure, Process, Site, make_temporary_folder, show_progress, start_bare_server

CONTENT = "Anna decided on 3 May to keep the staging database on Postgres 16 until the auditors have signed off."
TARGET = 2.0
WARM = 4


def measure(*, quick: bool) -> list[Figure]:
    rounds, calls = (40, 50) if quick else (160, 50)
    with make_temporary_folder() as folder:
        site = Site(folder / "data", model="none")
        with site.serving() as ours, site.client(awake=True) as client:
            stored = client.post("/v1/memories", {"content": CONTENT, "tags": ["infra"], "author": "Anna"})
            payload = client.call("fetch", {"id": stored["id"]})
            with _start_bare(folder, payload) as bare, Client(bare.port, awake=True) as other:
                assert other.call("fetch", {"id": stored["id"]}) == payload
                body, headers = make_mcp_call("fetch", {"id": stored["id"]})
                spent = {"ours": 0.0, "bare": 0.0}
                for round_ in show_progress(range(rounds + WARM), "fetch through /mcp"):
                    for name, process, caller in (("ours", ours, client), ("bare", bare, other)):
                        before = process.cpu_seconds()
                        for _ in range(calls):
                            assert caller.send_raw("POST", "/mcp", body, headers)[0] == 200
                        if round_ >= WARM:
                            spent[name] += process.cpu_seconds() - before
    n = rounds * calls
    mine, theirs = (spent[name] / n * 1e6 for name in ("ours", "bare"))
    return [
        Figure(
            "CPU per fetch over /mcp",
            f"{mine:.0f} µs",
            f"{n} calls",
            f"bare SDK server {theirs:.0f} µs; ratio {mine / theirs:.2f}",
            f"ratio ≤ {TARGET:.0f}",
            mine <= TARGET * theirs,
        )
    ]


def _start_bare(folder: Path, payload: object) -> Process:
    process = start_bare_server(folder, payload)
    process.wait_for("/healthz")
    return process
