"""The metrics: an observer that counts, and the text that Prometheus reads.

An event is counted in a fraction of a microsecond. Everything that can be read when Prometheus asks is read then.
"""

import asyncio
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from time import perf_counter, time_ns
from types import TracebackType
from typing import Any, Literal, Self

from mcp.shared.exceptions import MCPError
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from auth.server import AuthorizationServer
from server.observer import Observer, Part, RequestWatch
from server.telemetry.figures import read_families
from server.telemetry.metric_table import METRICS
from server.telemetry.request_labels import read_method, read_route
from server.telemetry.tallies import Spread, Tallies, Tally
from server.web.answers import as_failure
from tools.core.services import Services

Note = Callable[[str, float, BaseException | None], None]


class Metrics(Observer):
    """Counts what happens in this process.

    Attributes:
        registry: has every metric. It is our own, so that no library adds to it.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._figures = _Figures()
        self.registry.register(self._figures)
        self._reading = asyncio.Lock()
        self._requests = _make_tally("loci_http_requests_total")
        self._request_seconds = _make_spread("loci_http_request_seconds")
        self._calls = _make_tally("loci_mcp_calls_total")
        self._stages = _make_spread("loci_recall_stage_seconds")
        self._texts = _make_tally("loci_embedding_texts_total")
        self._windows = _make_tally("loci_embedding_windows_total")
        self._embedding_seconds = _make_spread("loci_embedding_seconds")
        self._embedding_failures = _make_tally("loci_embedding_failures_total")
        self._engine_seconds = _make_spread("loci_engine_call_seconds")
        self._engine_failures = _make_tally("loci_engine_failures_total")
        self._steps = _make_tally("loci_work_steps_total")
        self._successes = _make_tally("loci_work_last_success_timestamp_seconds")
        self._lag = _make_spread("loci_event_loop_lag_seconds")
        counted = [each for each in vars(self).values() if isinstance(each, Tally | Spread)]
        self.registry.register(Tallies(counted))
        self._notes: dict[Part, Note] = {
            "recall": self._note_stage,
            "embedding": self._note_embedding,
            "engine": self._note_engine_call,
            "tool": self._note_call,
            "work": self._note_step,
        }

    def begin_request(self, scope: MutableMapping[str, Any]) -> RequestWatch:  # noqa: D102 - as `Observer`
        return _RequestTiming(self, scope)

    def watch(self, part: Part, name: str) -> AbstractContextManager[Any]:  # noqa: D102 - as `Observer`
        return _Timing(self._notes[part], name)

    def note_documents(self, texts: int, windows: int) -> None:  # noqa: D102 - as `Observer`
        self._texts.add("documents", amount=texts)
        self._windows.add(amount=windows)

    def note_request(self, scope: MutableMapping[str, Any], status: int | None, seconds: float) -> None:
        """Count a request that has ended."""
        route = read_route(scope)
        self._requests.add(read_method(scope), route, "abandoned" if status is None else str(status))
        self._request_seconds.add(seconds, route)

    def note_loop_lag(self, seconds: float) -> None:
        """Count how much too late the event loop woke a task."""
        self._lag.add(seconds)

    async def render(self, services: Services, auth: AuthorizationServer, accept: str = "") -> tuple[bytes, str]:
        """Return the text for Prometheus and its media type, in the newest form that it accepts."""
        encode, media_type = choose_encoder(accept)
        async with self._reading:
            self._figures.families = await read_families(services, auth)
            return encode(self.registry), media_type

    def _note_stage(self, name: str, seconds: float, _error: BaseException | None) -> None:
        self._stages.add(seconds, name)

    def _note_embedding(self, name: str, seconds: float, error: BaseException | None) -> None:
        self._embedding_seconds.add(seconds, name)
        if isinstance(error, Exception):
            self._embedding_failures.add(name)
        elif error is None and name == "question":
            self._texts.add(name)

    def _note_engine_call(self, name: str, seconds: float, error: BaseException | None) -> None:
        self._engine_seconds.add(seconds, name)
        if isinstance(error, Exception):
            self._engine_failures.add(name)

    def _note_call(self, name: str, _seconds: float, error: BaseException | None) -> None:
        self._calls.add(name, _name_outcome(error))

    def _note_step(self, name: str, _seconds: float, error: BaseException | None) -> None:
        if error is None:
            self._steps.add(name, "ok")
            self._successes.put(time_ns() / 1e9, name)
        else:
            self._steps.add(name, "failed" if isinstance(error, Exception) else "cancelled")


def _name_outcome(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    if isinstance(error, MCPError):
        return "invalid"
    return as_failure(error).code if isinstance(error, Exception) else "cancelled"


class _Figures(Collector):
    """The metrics that were read for the present answer."""

    def __init__(self) -> None:
        self.families: list[Family] = []

    def collect(self) -> Iterator[Family]:
        yield from self.families


class _Timing:
    """Measures a block, and notes its name, its seconds and its error."""

    __slots__ = ("_name", "_note", "_started")

    def __init__(self, note: Note, name: str) -> None:
        self._note = note
        self._name = name

    def __enter__(self) -> Self:
        self._started = perf_counter()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> Literal[False]:
        self._note(self._name, perf_counter() - self._started, error)
        return False


class _RequestTiming(RequestWatch):
    __slots__ = ("_metrics", "_scope", "_started")

    def __init__(self, metrics: Metrics, scope: MutableMapping[str, Any]) -> None:
        self._metrics = metrics
        self._scope = scope
        self._started = perf_counter()

    def end(self, status: int | None) -> None:
        self._metrics.note_request(self._scope, status, perf_counter() - self._started)


def _make_tally(name: str) -> Tally:
    return Tally(METRICS[name])


def _make_spread(name: str) -> Spread:
    return Spread(METRICS[name])
