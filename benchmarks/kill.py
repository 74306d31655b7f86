"""Rounds of `kill -9`: nothing that was acknowledged may be lost, nothing half done, nothing out of step.

Each round starts the real server, lets four clients store, ingest, update and delete over HTTP at once, and kills it
with SIGKILL at a random moment (some rounds while it still starts). The search shard has the points that it flushed,
and no log of the others. In a third of the rounds it is deleted whole, as a damaged disk may do. After the next start
it is checked that

* every acknowledged write is there (REST), and every acknowledged deletion holds,
* a write that was cut off is there whole or not at all: all of an ingest or none, an update's text and tags together,
* record and search agree: each memory is found by a word that only it has, with the text it has now, and no other is.

At the end the server is stopped and the record's rows are compared with the engine's points, one by one. Chance is
seeded; the number of rounds and the time are bounded. The exit code is 1 if anything is wrong.
"""

import asyncio
import shutil
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.client import Client
from helpers.common import Process, Site, make_chance, screen
from helpers.killing import make_parser, run_command, run_rounds

WRITERS = 4
INGEST = 10
OLD_ONES = 40
LONG = 0.1


@dataclass
class Kept:
    """A memory as its writer knows it. `versions` are the texts it may have now; None stands for its absence."""

    word: str
    id: str | None = None
    versions: set[str | None] = field(default_factory=set)
    with_whom: str = ""  # the ingest it came with, while that is unsettled

    @property
    def is_settled(self) -> bool:
        """Whether the writer knows how it ended."""
        return len(self.versions) == 1

    @property
    def text(self) -> str | None:
        """The answer, once it is settled."""
        (only,) = self.versions
        return only


class Writer:
    """One client that changes its own memories only, so that it always knows what must be there."""

    def __init__(self, number: int, seed: str) -> None:
        self.number = number
        self.kept: list[Kept] = []
        self.touched: list[Kept] = []
        self.acknowledged: Counter[str] = Counter()
        self.cut_off: Counter[str] = Counter()
        self._random = make_chance(f"{seed} {number}")
        self._count = 0

    def write(self, site: Site) -> None:
        """Work until the server is gone."""
        verbs = {"store": self._store, "ingest": self._ingest, "update": self._update, "delete": self._delete}
        with site.client() as client:
            while True:
                (name,) = self._random.choices(list(verbs), weights=(5, 1, 4, 2))
                try:
                    verbs[name](client)
                except OSError:
                    self.cut_off[name] += 1
                    return
                self.acknowledged[name] += 1

    def _begin_memory(self, with_whom: str = "") -> Kept:
        self._count += 1
        memory = Kept(f"w{self.number}n{self._count}", with_whom=with_whom)
        memory.versions = {None, f"{memory.word} version 1"}
        self.kept.append(memory)
        self.touched.append(memory)
        return memory

    def _store(self, client: Client) -> None:
        memory = self._begin_memory()
        text = f"{memory.word} version 1"
        memory.id = client.post("/v1/memories", {"content": text, "tags": make_tags(text)})["id"]
        memory.versions = {text}

    def _ingest(self, client: Client) -> None:
        source = f"batch{self.number}x{self._count}"
        some = [self._begin_memory(with_whom=source) for _ in range(INGEST)]
        texts = [f"{memory.word} version 1" for memory in some]
        given = [{"content": text, "tags": make_tags(text)} for text in texts]
        answer = client.post("/v1/memories/ingest", {"memories": given, "source": source})
        for memory, memory_id, text in zip(some, answer["ids"], texts, strict=True):
            memory.id, memory.versions, memory.with_whom = memory_id, {text}, ""

    def _update(self, client: Client) -> None:
        memory = self._pick_memory()
        if memory is None:
            return
        assert memory.text is not None
        text = f"{memory.word} version {int(memory.text.rpartition(' ')[2]) + 1}"
        memory.versions.add(text)
        status, answer = client.send("PUT", f"/v1/memories/{memory.id}", {"content": text, "tags": make_tags(text)})
        assert status == 200, answer
        memory.versions = {text}

    def _delete(self, client: Client) -> None:
        memory = self._pick_memory()
        if memory is None:
            return
        memory.versions.add(None)
        status, answer = client.send("DELETE", f"/v1/memories/{memory.id}")
        assert status == 200, answer
        memory.versions = {None}

    def _pick_memory(self) -> Kept | None:
        """Return one of the newest hundred that are there, or None."""
        there = [memory for memory in self.kept[-100:] if memory.is_settled and memory.text is not None]
        if not there:
            return None
        memory = self._random.choice(there)
        self.touched.append(memory)
        return memory


def make_tags(text: str) -> list[str]:
    """Return tags that say the same as the text, so that a half update shows."""
    word, _, version = text.split(" ")
    return [word, f"{word}v{version}"]


class Checker:
    """Holds a server's answers against what its writers know."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.problems: list[str] = []

    def check(self, memory: Kept) -> None:
        """Look at one memory through the record and through search. An unsettled memory is settled by it."""
        said = "acknowledged" if memory.is_settled else "cut off"
        found = self._find_by_search(memory.word)
        listed = self._find_listed(memory.word)
        if listed != found:
            self.problems.append(f"{memory.word}: the record has {listed}, search has {found}")
        if len(listed) > 1 or any(tags != make_tags(text) for text, tags in listed.values()):
            self.problems.append(f"{memory.word}: half or double: {listed}")
        text = next((text for text, _ in listed.values()), None)
        if text not in memory.versions:
            self.problems.append(f"{memory.word}: {said} as {memory.versions}, but it is {text!r}")
        if memory.id is not None:
            self._check_fetched(memory, text)
        memory.id = next(iter(listed), memory.id)
        memory.versions = {text}

    def _check_fetched(self, memory: Kept, text: str | None) -> None:
        status, answer = self._client.get(f"/v1/memories/{memory.id}")
        fetched = answer["content"] if status == 200 else None
        if fetched != text or status not in {200, 404}:
            self.problems.append(f"{memory.word}: GET says {status} {fetched!r}, the list {text!r}")

    def check_ingests(self, memories: list[Kept]) -> None:
        """An ingest that was cut off is there with all that it had, or with nothing."""
        there: dict[str, list[bool]] = {}
        for memory in memories:
            if memory.with_whom:
                there.setdefault(memory.with_whom, []).append(memory.text is not None)
                memory.with_whom = ""
        self.problems += [
            f"{source}: {sum(each)} of {len(each)}" for source, each in there.items() if len(set(each)) > 1
        ]

    def _find_listed(self, word: str) -> dict[str, tuple[str, list[str]]]:
        page = self._client.get(f"/v1/memories?tags={word}v")[1]
        return _list_texts(memory for memory in page["memories"] if word in memory["tags"])

    def _find_by_search(self, word: str) -> dict[str, tuple[str, list[str]]]:
        found = self._client.post("/v1/search", {"query": word, "limit": 20, "track_access": False})
        return _list_texts(memory for memory in found["memories"] if memory["content"].split(" ")[0] == word)


def _list_texts(memories: Iterator[dict[str, Any]]) -> dict[str, tuple[str, list[str]]]:
    return {
        memory["id"]: (memory["content"], [tag for tag in memory["tags"] if not tag.startswith("source:")])
        for memory in memories
    }


class Run:
    """The rounds, on one data folder."""

    def __init__(self, folder: Path, seed: str) -> None:
        self._site = Site(folder, model="none")
        self._random = make_chance(seed)
        self._writers = [Writer(number, seed) for number in range(WRITERS)]
        self.problems: list[str] = []
        self.lost = 0
        self.checked = 0

    def run_round(self) -> None:
        """Start, check the memories that the round before has left, write, kill."""
        process = self._site.start()
        try:
            if self._random.random() < 0.1:
                time.sleep(self._random.uniform(0.3, 1.5))
                return
            process.wait_for("/healthz")
            self._check(self._take_touched())
            self._write_and_kill(process)
        finally:
            process.kill()
            if self._random.random() < 1 / 3:
                self._lose_collections()

    def check_all(self) -> None:
        """Check everything over HTTP, then the record against the engine with no server between."""
        with self._site.serving():
            self._check([memory for writer in self._writers for memory in writer.kept])
        self.problems += compare_stores(self._site.folder)

    def summarize(self) -> str:
        """Return a line about the operations that were done."""
        acknowledged = sum((writer.acknowledged for writer in self._writers), Counter())
        cut_off = sum((writer.cut_off for writer in self._writers), Counter())
        return (
            f"acknowledged {dict(acknowledged)}, cut off {dict(cut_off)}, {self.lost} collections deleted, "
            f"{self.checked} checks, {len(self.problems)} problem(s)"
        )

    def _take_touched(self) -> list[Kept]:
        recent = [memory for writer in self._writers for memory in writer.touched]
        older = [memory for writer in self._writers for memory in writer.kept]
        for writer in self._writers:
            writer.touched = []
        return list({id(m): m for m in [*recent, *self._random.sample(older, min(OLD_ONES, len(older)))]}.values())

    def _check(self, memories: list[Kept]) -> None:
        with self._site.client() as client:
            checker = Checker(client)
            for memory in memories:
                checker.check(memory)
            checker.check_ingests(memories)
        self.problems += checker.problems
        self.checked += len(memories)

    def _write_and_kill(self, process: Process) -> None:
        with ThreadPoolExecutor(WRITERS) as pool:
            working = [pool.submit(writer.write, self._site) for writer in self._writers]
            # The server flushes every five seconds: some rounds go on until it has.
            time.sleep(self._random.uniform(*((4.9, 6.5) if self._random.random() < LONG else (0.01, 0.6))))
            process.kill()
        for each in working:
            each.result()

    def _lose_collections(self) -> None:
        for shard in (self._site.folder / "shards").glob("[!.]*"):
            shutil.rmtree(shard)
            self.lost += 1


def compare_stores(folder: Path) -> list[str]:
    """Hold the record's rows against the engine's points: the same ids, revisions and words, and no others."""
    from server.memory.text import hash_term, split_words, stem_words  # noqa: PLC0415 - only after ROOT is importable
    from server.store.projection.placement import name_collection  # noqa: PLC0415 - only after ROOT is importable
    from server.store.search.edge.engine import EdgeEngine  # noqa: PLC0415 - as above
    from server.store.search.seam import Point  # noqa: PLC0415 - as above

    async def read_points(workspace: str, generation: int) -> dict[str, Point]:
        engine = EdgeEngine(folder / "shards", max_open=1)
        collection = name_collection(workspace, generation, 0)
        try:
            return {point.id: point for point in await engine.read_points(collection)}
        finally:
            await engine.close()

    problems: list[str] = []
    with closing(sqlite3.connect(folder / "loci.db")) as record:
        for workspace, generation in record.execute("SELECT id, generation FROM workspaces").fetchall():
            query = "SELECT id, revision, content FROM memories WHERE workspace_id = ? AND deleted_at IS NULL"
            rows = {row[0]: row[1:] for row in record.execute(query, [workspace])}
            there = asyncio.run(read_points(workspace, generation))
            if rows.keys() != there.keys():
                problems.append(f"{len(rows.keys() - there.keys())} rows without a point, "
                                f"{len(there.keys() - rows.keys())} points without a row")  # fmt: skip
            for memory_id in rows.keys() & there.keys():
                point = there[memory_id]
                revision, content = rows[memory_id]
                missing = set(map(hash_term, stem_words(split_words(content)))) - set(point.text.indices)
                if point.revision != revision or missing:
                    problems.append(
                        f"{memory_id}: the row is {rows[memory_id]}, the point of revision {point.revision} "
                        f"lacks {len(missing)} of its words"
                    )
            screen.print(f"{len(rows)} rows and {len(there)} points compared")
    return problems


def kill_rounds(folder: Path, seed: str, rounds: int, seconds: float) -> tuple[Run, int]:
    """Kill a server on the folder this many times, or until the time is over; return the run and the rounds done."""
    return run_rounds(Run(folder, seed), rounds, seconds)


if __name__ == "__main__":
    sys.exit(run_command(make_parser(__doc__, rounds=200, seconds=3000).parse_args(), Run))
