"""Rounds of `kill -9` while agents report: no event is lost, and no observation is made twice.

Each round starts the real server, lets four clients report what a person says, one event at a time and in batches, and
kills it with SIGKILL at a random moment, while it makes memories of what was reported before. A client that was cut off
sends the same again in the next round, as a hook does. At the end the server works off all jobs, and it is checked that

* every acknowledged event is there with its job, and every job is completed,
* a batch that was cut off is there whole or not at all,
* each thing that was said is one memory: no less, and no more.

With `--postgres` a server and a worker share a Postgres database and a search store, and each round kills one of them,
in turns, while the other one goes on.

Chance is seeded; the number of rounds and the time are bounded. The exit code is 1 if anything is wrong.
"""

import asyncio
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from helpers.client import Client
from helpers.common import Process, Site, make_chance
from helpers.killing import make_parser, run_command, run_rounds
from helpers.postgres import make_database
from helpers.shared_site import SharedSite
from helpers.store_double import serve_store

AGENTS = 4
BATCH = 10
SETTLE_SECONDS = 180  # longer than the claim of a process that was killed


@dataclass
class ReportedEvent:
    """Something that a person said in one event. `event_id` is None until it is acknowledged."""

    word: str
    at: int  # milliseconds since 1970
    batch: str
    event_id: str | None = None

    @property
    def event(self) -> dict[str, Any]:
        """The event as it is sent, and sent again."""
        prompt = f"From now on the service {self.word} is deployed on Tuesdays only."
        return {"type": "user_prompt", "occurredAtEpoch": self.at, "payload": {"prompt": prompt}}


class Agent:
    """One client that reports, and knows what was acknowledged."""

    def __init__(self, number: int, seed: str) -> None:
        self.number = number
        self.reported: list[ReportedEvent] = []
        self._unsettled: list[ReportedEvent] = []
        self._random = make_chance(f"{seed} {number}")

    def report(self, site: Site, is_over: threading.Event) -> None:
        """Report until the server is gone or it is over. A report that was cut off before comes first."""
        with site.client() as client:
            try:
                while not is_over.is_set():
                    self._send(client, self._unsettled or self._say())
            except OSError:
                return

    def _say(self) -> list[ReportedEvent]:
        count = BATCH if self._random.random() < 0.3 else 1
        first = len(self.reported)
        batch = f"a{self.number}b{first}"
        said = [
            ReportedEvent(f"a{self.number}n{first + place}", 1_795_262_400_000 + first + place, batch)
            for place in range(count)
        ]
        self.reported += said
        self._unsettled = said
        return said

    def _send(self, client: Client, said: list[ReportedEvent]) -> None:
        if len(said) == 1:
            ids = [client.post("/v1/events", said[0].event)["event"]["id"]]
        else:
            answer = client.post("/v1/events/batch", [each.event for each in said])
            ids = [each["event"]["id"] for each in answer["events"]]
        for each, event_id in zip(said, ids, strict=True):
            each.event_id = event_id
        self._unsettled = []


class Run:
    """The rounds, on one site, with a server alone."""

    def __init__(self, site: Site, seed: str) -> None:
        self._site = site
        self._random = make_chance(seed)
        self._agents = [Agent(number, seed) for number in range(AGENTS)]
        self.problems: list[str] = []

    def run_round(self) -> None:
        """Start, report, kill; some rounds end while the server still starts."""
        process = self._site.start()
        try:
            if self._random.random() < 0.1:
                time.sleep(self._random.uniform(0.3, 1.5))
            else:
                process.wait_for("/healthz")
                self._report_and_kill(process)
        finally:
            process.kill()

    def _report_and_kill(self, process: Process) -> None:
        is_over = threading.Event()
        with ThreadPoolExecutor(AGENTS) as pool:
            working = [pool.submit(agent.report, self._site, is_over) for agent in self._agents]
            time.sleep(self._random.uniform(0.05, 2.5))  # the jobs are looked for each second
            process.kill()
            is_over.set()
        for each in working:
            each.result()

    def check_all(self) -> None:
        """Let a server do all jobs, and hold the record against what the agents know."""
        with self._site.serving(), self._site.client() as client:
            wait_for_jobs(client)
        jobs, texts, stored = asyncio.run(read_record(self._site))
        made = Counter(word for text in texts for word in text.split() if word.startswith("a"))
        kept = Counter(word for prompt in stored for word in prompt.split() if word.startswith("a"))
        for reported in self.reported_events:
            if reported.event_id is not None and jobs.get(reported.event_id) != "completed":
                self.problems.append(f"{reported.word}: acknowledged, but its job is {jobs.get(reported.event_id)}")
            if reported.event_id is not None and kept[reported.word] == 0:
                self.problems.append(f"{reported.word}: acknowledged, but the event is not there")
            if kept[reported.word] > 1 or made[reported.word] != kept[reported.word]:
                self.problems.append(f"{reported.word}: {kept[reported.word]} events, {made[reported.word]} memories")
        whole: dict[str, set[int]] = {}
        for reported in self.reported_events:
            whole.setdefault(reported.batch, set()).add(kept[reported.word])
        self.problems += [f"{batch}: there by half" for batch, counts in whole.items() if len(counts) > 1]

    @property
    def reported_events(self) -> list[ReportedEvent]:
        """The words of all agents."""
        return [reported for agent in self._agents for reported in agent.reported]

    def summarize(self) -> str:
        """Return a line about what was done."""
        acknowledged = sum(reported.event_id is not None for reported in self.reported_events)
        return f"{acknowledged} of {len(self.reported_events)} events acknowledged, {len(self.problems)} problem(s)"


class SharedRun(Run):
    """The rounds with a server and a worker: one of them is killed, in turns, and the other one lives on."""

    def __init__(self, site: SharedSite, seed: str) -> None:
        super().__init__(site, seed)
        self._shared_site = site
        self._server: Process | None = None
        self._worker: Process | None = None
        self._rounds = 0

    def run_round(self) -> None:
        """Start the one that was killed, report, and kill the other one."""
        if self._server is None:
            self._server = self._site.start()
            self._server.wait_for("/healthz")
        if self._worker is None:
            self._worker = self._shared_site.start_worker()
            time.sleep(self._random.uniform(0, 3))  # it works after two seconds
        self._rounds += 1
        if self._rounds % 2:
            self._report_and_kill(self._worker)
            self._worker = None
        else:
            self._report_and_kill(self._server)
            self._server = None

    def check_all(self) -> None:
        """Have all jobs done, those of a killed process when its claim has ended, and check as for a server alone."""
        self.end()
        super().check_all()

    def end(self) -> None:
        """End both."""
        for process in (self._server, self._worker):
            if process is not None:
                process.stop()
        self._server = self._worker = None


async def read_record(site: Site) -> tuple[dict[str, str], list[str], list[str]]:
    """Return the states of all jobs by their sources, the texts of all memories, and all prompts that are stored."""
    from server.store.db import Database  # noqa: PLC0415 - only after ROOT is importable
    from server.store.tables.capture import events, jobs  # noqa: PLC0415 - as above
    from server.store.tables.memories import memories  # noqa: PLC0415 - as above

    db = Database(site.record_url)
    async with db.read() as connection:
        states = {
            row.source_id: row.state for row in await connection.execute(sa.select(jobs.c.source_id, jobs.c.state))
        }
        living = sa.select(memories.c.content).where(memories.c.deleted_at.is_(None))
        texts = list((await connection.execute(living)).scalars())
        payloads = list((await connection.execute(sa.select(events.c.payload))).scalars())
    await db.close()
    return states, texts, [payload["prompt"] for payload in payloads]


def wait_for_jobs(client: Client) -> None:
    """Return when no job waits or is being done.

    Raises:
        RuntimeError: some are left after `SETTLE_SECONDS` in which none was done.
    """
    left, moved = -1, time.monotonic()
    while time.monotonic() - moved < SETTLE_SECONDS:
        pages = [client.get(f"/v1/jobs?status={state}&limit=1")[1] for state in ("queued", "processing")]
        now = sum(page["total"] for page in pages)
        if not now:
            return
        if now != left:
            left, moved = now, time.monotonic()
        time.sleep(0.1)
    raise RuntimeError(f"{left} jobs are left and none is being done")


def kill_rounds(folder: Path, seed: str, rounds: int, seconds: float) -> tuple[Run, int]:
    """Kill a server on the folder this many times, or until the time is over; return the run and the rounds done."""
    return run_rounds(make_run(folder, seed), rounds, seconds)


def make_run(folder: Path, seed: str) -> Run:
    """Return the rounds of a server alone, on SQLite."""
    return Run(Site(folder, model="none"), seed)


def main() -> int:
    """Run the rounds that the command line asks for; return the exit code."""
    parser = make_parser(__doc__, rounds=100, seconds=1500)
    parser.add_argument(
        "--postgres", metavar="URL", help="a database on a server of Postgres; a new one is made beside it, and dropped"
    )
    arguments = parser.parse_args()
    if arguments.postgres is None:
        return run_command(arguments, make_run)
    with ExitStack() as stack:

        def make_shared_run(folder: Path, seed: str) -> Run:
            database = stack.enter_context(make_database(arguments.postgres))
            store = stack.enter_context(serve_store(folder))
            run = SharedRun(SharedSite(folder, model="none", qdrant_url=store, database_url=database), seed)
            stack.callback(run.end)
            return run

        return run_command(arguments, make_shared_run)


if __name__ == "__main__":
    sys.exit(main())
