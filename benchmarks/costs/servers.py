"""Keyword recall by one and by two servers on one record and one search store: how much the second one adds.

Held constant: each server may use the same share of one processor, a fifth, by a control group of Linux. So one
server and two leave at least four fifths of two processors to the search store, the database and the clients, and
neither of these takes anything from a server. Two servers run all the time, and are asked in turns: the first alone,
both, the second alone, both. Sixteen clients in this process ask without a pause, each of one server, the same 500
questions to one workspace of 500 memories; each recall counts as a use of what it finds, as it does by default.

The record is the empty Postgres database that `LOCI_BENCH_POSTGRES_URL` names, else a SQLite file that both servers
open. The search store is the REST double of the tests, in a process of its own. It answers in its own order and one
at a time, so its part of a recall is in the figures as waiting, and they say nothing of how fast a Qdrant server is.

Target: two servers answer at least 1.6 times as many recalls as one. It is judged if all servers have used their
share. If they have not, something else was the limit: other work on the machine, or the store. Where no control group
can be made, servers take processors from each other, and only the processor time of a recall is shown.
"""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass

from helpers.client import Client
from helpers.common import Figure, Process, Words, find_free_port, make_temporary_folder, show_progress
from helpers.quota import bound_process, can_bound
from helpers.shared_site import SharedSite
from helpers.store_double import serve_store

CLIENTS = 16
MEMORIES = 500
TARGET = 1.6
SHARE = 0.2
"""Of one processor, for each server."""
USED = 0.9
"""The part of their share that servers have used if nothing else was the limit."""


@dataclass
class Turns:
    """The measurement of a number of servers: the answers, the seconds, and the servers' processor seconds."""

    servers: int
    answers: int = 0
    seconds: float = 0.0
    spent: float = 0.0

    @property
    def rate(self) -> float:
        """The answers a second."""
        return self.answers / self.seconds

    @property
    def cost(self) -> float:
        """The processor time of an answer, in milliseconds."""
        return self.spent / self.answers * 1000

    @property
    def used(self) -> float:
        """The part of the servers' share that they used."""
        return self.spent / (self.seconds * self.servers * SHARE)


def measure(*, quick: bool) -> list[Figure]:
    rounds, seconds = (2, 2.0) if quick else (6, 4.0)
    is_bounded = can_bound()
    with make_temporary_folder() as folder, ExitStack() as stack:
        site = SharedSite(folder / "site", model="none", qdrant_url=stack.enter_context(serve_store(folder)))
        servers = [stack.enter_context(site.start_at(find_free_port())) for _ in range(2)]
        words = Words()
        texts = [words.text() for _ in range(MEMORIES)]
        questions = [words.make_query(text) for text in texts]
        for server in servers:
            server.wait_for("/healthz")
        _store_texts(servers[0], site.key, texts)
        _ask_questions(
            servers, site.key, questions, 2.0
        )  # opens connections, and loads what is loaded at the first recall
        if is_bounded:
            for server in servers:
                stack.enter_context(bound_process(server.pid, SHARE))
        one, two = Turns(1), Turns(2)
        for round_ in show_progress(range(rounds), "recalls by one and by two servers"):
            _take_turn(one, [servers[round_ % 2]], site.key, questions, seconds)
            _take_turn(two, servers, site.key, questions, seconds)
    figures = [
        Figure(
            "processor time of a keyword recall through a Qdrant server, two servers",
            f"{two.cost:.2f} ms",
            f"{two.answers}",
            f"{one.cost:.2f} ms: one server ({two.cost / one.cost:.2f}x)",
        )
    ]
    return [_judge_gain(one, two), *figures] if is_bounded else figures


def _judge_gain(one: Turns, two: Turns) -> Figure:
    ratio = two.rate / one.rate
    is_even = min(one.used, two.used) >= USED
    return Figure(
        f"keyword recalls a second, two servers of {SHARE:.0%} of a processor ({two.used:.0%} of it used)",
        f"{two.rate:.1f}",
        f"{two.answers}",
        f"{one.rate:.1f}: one server ({ratio:.2f}x; {one.used:.0%} used)",
        f">= {TARGET}x if {USED:.0%} is used",
        ratio >= TARGET if is_even else None,
    )


def _take_turn(turns: Turns, servers: list[Process], key: str, questions: list[str], seconds: float) -> None:
    before, started = sum(server.cpu_seconds() for server in servers), time.perf_counter()
    turns.answers += _ask_questions(servers, key, questions, seconds)
    turns.seconds += time.perf_counter() - started
    turns.spent += sum(server.cpu_seconds() for server in servers) - before


def _store_texts(server: Process, key: str, texts: list[str]) -> None:
    with Client(server.port, key) as client:
        for text in texts:
            client.post("/v1/memories", {"content": text})


def _ask_questions(servers: list[Process], key: str, questions: list[str], seconds: float) -> int:
    """Ask for so many seconds; the number of answers, those that came just after the end too."""
    answered, end = [0] * CLIENTS, time.perf_counter() + seconds

    def ask(number: int) -> None:
        with Client(servers[number % len(servers)].port, key) as client:
            while time.perf_counter() < end:
                question = questions[(number * 31 + answered[number]) % len(questions)]
                client.post("/v1/context", {"message": question})
                answered[number] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(answered)
