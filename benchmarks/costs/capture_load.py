"""Capture under load, over HTTP, in a workspace of 10,000 memories: what a hook waits for, and how much comes in.

Three parts, one after the other, on one server. First a hook's prompt (`POST /v1/hooks`), a recall of the same question
(`POST /v1/context`) and a tool event, in turns, by one client over a connection that is kept alive; each question is
asked once. Then events in batches of 500 from one client, and single events from eight, while another client recalls.
At last a backlog of jobs is worked off by the server alone.

Targets: a prompt's p95 ≤ a recall's p95 + 5 ms; a tool event's p95 ≤ 10 ms; 5,000 events a second in batches and 400
single ones; a recall's p95 meanwhile ≤ 2 x idle; 500 jobs a second, in memory that does not grow.
"""

import http
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from helpers.client import Client
from helpers.common import (
    Figure,
    Process,
    Site,
    Words,
    find_median,
    find_percentile,
    has_model,
    make_chance,
    make_temporary_folder,
    screen,
    show_progress,
)
from helpers.filling import fill_workspaces

BATCH, SENDERS = 500, 8
ALLOWED_MS, TOOL_MS, SPREAD = 5.0, 10.0, 2.0
BATCHED, SINGLE, DRAINED = 5_000, 400, 500
GROWN = 1.2
PREPARED = 40  # batches for a second: more than any server takes
DRAIN_SECONDS = 900


def measure(*, quick: bool) -> list[Figure]:
    size, asked, seconds, backlog = (2_000, 150, 4.0, 5_000) if quick else (10_000, 400, 15.0, 100_000)
    with make_temporary_folder() as folder:
        return _measure_site(folder / "data", size, asked, seconds, backlog)


def _measure_site(folder: Path, size: int, asked: int, seconds: float, backlog: int) -> list[Figure]:
    site = Site(folder, model="auto" if has_model() else "none")
    (filled,) = fill_workspaces(site, ["default"], size)
    words, chance = Words(seed=41), make_chance(43)
    questions = iter(dict.fromkeys(words.make_query(chance.choice(filled.texts)) for _ in range(asked * 30)))
    send_batches = partial(_send_batches, _write_batches(BATCHED * 1_000_000, round(PREPARED * seconds)))
    with site.serving(with_model=has_model()) as process, site.client() as client:
        hooks, idle = _measure_hooks(client, questions, asked)
        return [
            *hooks,
            *_measure_rate(site, questions, seconds, idle, "in batches of 500", BATCHED, 1, send_batches),
            *_measure_rate(site, questions, seconds, idle, "one by one", SINGLE, SENDERS, _send_singles),
            *_measure_backlog(process, client, backlog),
        ]


def _measure_hooks(client: Client, questions: Iterator[str], asked: int) -> tuple[list[Figure], float]:
    """Return the figures of hooks, and the p95 of a recall."""
    recalls, prompts, tools = list[float](), list[float](), list[float]()
    for number in show_progress(range(asked + 20), "hooks and recalls"):
        if number == 20:  # the first ones warm up
            recalls, prompts, tools = [], [], []
        client.post("/v1/context", {"message": next(questions)})
        recalls.append(client.took)
        session = {"session_id": f"s-{number // 20}", "cwd": "/home/ann/shop"}
        prompt = {"hook_event_name": "UserPromptSubmit", "prompt": next(questions)}
        client.post("/v1/hooks", session | prompt)
        if number % 20:  # the first prompt of a session brings the briefing, too
            prompts.append(client.took)
        client.post("/v1/hooks", session | {"hook_event_name": "PostToolUse"} | _make_tool_call(number))
        tools.append(client.took)
    idle, prompt_p95, tool_p95 = (find_percentile(each, 0.95) for each in (recalls, prompts, tools))
    medians = f"p50 {find_median(prompts):.1f}, a recall's {find_median(recalls):.1f} ms"
    figures = [
        Figure(
            "a hook's prompt, p95",
            f"{prompt_p95:.1f} ms",
            f"{len(prompts)} prompts; {medians}",
            f"recall {idle:.1f} ms",
            f"recall + {ALLOWED_MS:.0f} ms",
            prompt_p95 <= idle + ALLOWED_MS,
        ),
        Figure(
            "a hook's tool event, p95",
            f"{tool_p95:.1f} ms",
            f"{len(tools)} events; p50 {find_median(tools):.1f} ms",
            target=f"≤ {TOOL_MS:.0f} ms",
            is_met=tool_p95 <= TOOL_MS,
        ),
    ]
    return figures, idle


def _make_tool_call(number: int) -> dict[str, Any]:
    answer = {"stdout": f"{number} passed in 3 s", "exit_code": 0}
    return {"tool_name": "Bash", "tool_input": {"command": f"make test {number}"}, "tool_response": answer}


def _make_event(number: int) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "occurredAtEpoch": 1_795_262_400_000 + number,
        "payload": _make_tool_call(number) | {"cwd": "/home/ann/shop"},
    }


Send = Callable[[Client, "itertools.count[int]", threading.Event], int]


def _measure_rate(
    site: Site,
    questions: Iterator[str],
    seconds: float,
    idle: float,
    how: str,
    target: int,
    senders: int,
    send: Send,
) -> list[Figure]:
    """Send events for some seconds, and recall meanwhile."""
    numbers = itertools.count(target * 1_000_000)
    sent = [0] * senders
    is_over = threading.Event()

    def send_until_over(place: int) -> None:
        with site.client() as client:
            sent[place] = send(client, numbers, is_over)

    recalls: list[float] = []
    with screen.status(f"events {how}"), site.client() as client, _running(send_until_over, senders, is_over):
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            client.post("/v1/context", {"message": next(questions)})
            recalls.append(client.took)
            time.sleep(0.05)
    rate, p95 = sum(sent) / (time.perf_counter() - started), find_percentile(recalls, 0.95)
    return [
        Figure(
            f"events {how}",
            f"{rate:,.0f} a second",
            f"{sum(sent):,} events",
            target=f"≥ {target:,}",
            is_met=rate >= target,
        ),
        Figure(
            "recall p95 meanwhile",
            f"{p95:.1f} ms",
            f"{len(recalls)} recalls",
            f"idle {idle:.1f} ms",
            f"≤ {SPREAD:.0f} x idle",
            p95 <= SPREAD * idle,
        ),
    ]


@contextmanager
def _running(work: Callable[[int], None], count: int, is_over: threading.Event) -> Iterator[None]:
    """Run the work in so many threads until the block ends."""
    threads = [threading.Thread(target=work, args=(place,)) for place in range(count)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        is_over.set()
        for each in threads:
            each.join()


def _write_batches(first: int, count: int) -> Iterator[bytes]:
    """Return an iterator over the bodies of so many batches, all of them written now.

    The client that recalls shares this interpreter: while batches are sent, nobody writes or reads their JSON.
    """
    numbers = itertools.count(first)
    return iter([json.dumps([_make_event(next(numbers)) for _ in range(BATCH)]).encode() for _ in range(count)])


def _send_batches(bodies: Iterator[bytes], client: Client, _: object, is_over: threading.Event) -> int:
    sent = 0
    while not is_over.is_set():
        status, _answer = client.send_raw("POST", "/v1/events/batch?generate=false", next(bodies), {})
        assert status == http.HTTPStatus.CREATED, status
        sent += BATCH
    return sent


def _send_singles(client: Client, numbers: "itertools.count[int]", is_over: threading.Event) -> int:
    sent = 0
    while not is_over.is_set():
        client.post("/v1/events?generate=false", _make_event(next(numbers)))
        sent += 1
    return sent


def _measure_backlog(process: Process, client: Client, backlog: int) -> list[Figure]:
    """Report events, and wait until the server has read them all.

    The steps of the hooks before them wait for the end of their turns, and do not count.
    """
    others = _count_waiting(client)
    for first in show_progress(range(0, backlog, BATCH), "a backlog of jobs"):
        events = [_make_event(-first - place - 1) for place in range(BATCH)]
        client.post("/v1/events/batch", events)
    before, _ = process.megabytes()
    started = time.perf_counter()
    left = waiting = _count_waiting(client) - others
    most = before
    while left > 0 and time.perf_counter() - started < DRAIN_SECONDS:
        time.sleep(0.5)
        left = _count_waiting(client) - others
        most = max(most, process.megabytes()[0])
    took = time.perf_counter() - started
    rate = (waiting - left) / took
    return [
        Figure(
            "jobs worked off",
            f"{rate:,.0f} a second",
            f"{waiting - left:,} of {backlog:,}, the others while they came in",
            target=f"≥ {DRAINED}",
            is_met=rate >= DRAINED if waiting > 0 else None,
        ),
        Figure(
            "RSS meanwhile, at most",
            f"{most} MB",
            "every half second",
            f"before {before} MB",
            f"≤ {GROWN} x",
            most <= GROWN * before,
        ),
    ]


def _count_waiting(client: Client) -> int:
    return sum(client.get(f"/v1/jobs?status={state}&limit=1")[1]["total"] for state in ("queued", "processing"))
