"""Processor time that metrics and traces add to a call through `/mcp`: servers with them and without, called in turns.

Half of the calls are recalls and half are fetches. The traces go to a port at which nobody listens, and every request
is sampled, which is the dearest there is. Of the rounds the quieter half counts. Target: metrics add at most 2 %.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from helpers.client import make_mcp_call
from helpers.common import Figure, Site, find_free_port, make_temporary_folder, show_progress

CONTENT = "Anna decided on 3 May to keep the staging database on Postgres 16 until the auditors have signed off."
MOST_PERCENT = 2.0
WARM = 4


@dataclass
class WatchedSite(Site):
    """A site with more settings."""

    more: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a site, and more."""
        return super().environment | self.more


def measure(*, quick: bool) -> list[Figure]:
    rounds, calls = (60, 50) if quick else (240, 50)
    settings = {
        "off": {},
        "metrics": {"LOCI_METRICS_PORT": str(find_free_port())},
        "traces": {"LOCI_TRACES_ENDPOINT": f"http://127.0.0.1:{find_free_port()}"},
    }
    micros, added = measure_added(settings, rounds, calls, "calls with metrics and traces")
    return [
        Figure(
            f"{name} add to a call",
            f"{percent:+.1f} %",
            f"{rounds * calls} calls",
            f"without {micros:.0f} µs",
            f"≤ {MOST_PERCENT:.0f} %" if name == "metrics" else "—",
            name != "metrics" or percent <= MOST_PERCENT,
        )
        for name, percent in added.items()
    ]


def measure_added(
    settings: Mapping[str, dict[str, str]], rounds: int, calls: int, title: str
) -> tuple[float, dict[str, float]]:
    """Return the processor time of a call without anything, in microseconds, and the percents that the others add.

    The first of the settings is without anything. Each round sends so many calls to each server.
    """
    spent: dict[str, list[float]] = {name: [] for name in settings}
    with make_temporary_folder() as folder, ExitStack() as stack:
        servers = []
        for name, more in settings.items():
            site = WatchedSite(folder / name, model="none", more=more)
            process, client = stack.enter_context(site.serving()), stack.enter_context(site.client(awake=True))
            stored = client.post("/v1/memories", {"content": CONTENT, "tags": ["infra"], "author": "Anna"})
            recall = make_mcp_call("retrieve_context", {"message": "Where is the staging database?"})
            servers.append((name, process, client, [recall, make_mcp_call("fetch", {"id": stored["id"]})]))
        for round_ in show_progress(range(rounds + WARM), title):
            for name, process, client, asked in servers:
                before = process.cpu_seconds()
                for body, headers in asked * (calls // 2):
                    assert client.send_raw("POST", "/mcp", body, headers)[0] == 200
                if round_ >= WARM:
                    spent[name].append(process.cpu_seconds() - before)
            servers.append(servers.pop(0))  # none is always the first of a round
    quiet = {name: sum(sorted(each)[: rounds // 2]) for name, each in spent.items()}
    plain = quiet.pop(next(iter(settings)))
    micros = plain / (rounds // 2 * calls) * 1e6
    return micros, {name: (each / plain - 1) * 100 for name, each in quiet.items()}
