"""Rounds of `kill -9` while agents report: no event is lost, and no observation is made twice.

Each round starts the real server, lets four clients report what a person says, one event at a time and in batches, and
kills it with SIGKILL at a random moment, while it makes memories of what was reported before. A client that was cut off
sends the same again in the next round, as a hook does. At the end the server works off all jobs, and it is checked that

* every acknowledged event is there with its job, and every job is completed,
* a batch that was cut off is there whole or not at all,
* each thing that was said is one memory: no less, and no more.

Chance is seeded; the number of rounds and the time are bounded. The exit code is 1 if anything is wrong.
"""

import sqlite3
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.client import Client
from helpers.common import Process, Site, make_chance
from helpers.killing import run_command, run_rounds

AGENTS = 4
BATCH = 10
SETTLE_SECONDS = 120


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

    def report(self, site: Site) -> None:
        """Report until the server is gone. What was cut off before comes first."""
        with site.client() as client:
            try:
                while True:
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
    """The rounds, on one data folder."""

    def __init__(self, folder: Path, seed: str) -> None:
        self._site = Site(folder, model="none")
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
        with ThreadPoolExecutor(AGENTS) as pool:
            working = [pool.submit(agent.report, self._site) for agent in self._agents]
            time.sleep(self._random.uniform(0.05, 2.5))  # the jobs are looked for each second
            process.kill()
        for each in working:
            each.result()

    def check_all(self) -> None:
        """Let a server do all jobs, and hold the record against what the agents know."""
        with self._site.serving(), self._site.client() as client:
            wait_for_jobs(client)
        with closing(sqlite3.connect(self._site.folder / "loci.db")) as record:
            jobs = dict(record.execute("SELECT source_id, state FROM jobs"))
            texts = [content for (content,) in record.execute("SELECT content FROM memories WHERE deleted_at IS NULL")]
            stored = [payload for (payload,) in record.execute("SELECT payload FROM events")]
        made = Counter(word for text in texts for word in text.split() if word.startswith("a"))
        kept = Counter(word for payload in stored for word in payload.split() if word.startswith("a"))
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
        """What all agents have said."""
        return [reported for agent in self._agents for reported in agent.reported]

    def summarize(self) -> str:
        """Return a line about what was done."""
        acknowledged = sum(reported.event_id is not None for reported in self.reported_events)
        return f"{acknowledged} of {len(self.reported_events)} events acknowledged, {len(self.problems)} problem(s)"


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
    return run_rounds(Run(folder, seed), rounds, seconds)


if __name__ == "__main__":
    sys.exit(run_command(__doc__, Run, rounds=100, seconds=1500))
