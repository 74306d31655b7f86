"""Traces: an observer that makes spans, and a thread that sends them to a collector.

A span holds the pattern of a route, a method, a status, the name of a tool, a stage, a verb, or the kind of a SQL
statement. It never holds a path, an argument, a value, or the message of an error, which could quote a memory.

No request waits for the collector: the spans wait in a queue of a limited size, and those beyond it are dropped.
"""

import asyncio
import logging
import ssl
import threading
from collections.abc import MutableMapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar, Token
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal

import requests
import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, format_trace_id, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from requests.adapters import HTTPAdapter

from server import __version__
from server.errors import STATUS
from server.network.loopback import is_proxy_allowed
from server.network.tls import make_tls_context
from server.observer import Observer, Part, RequestWatch
from server.telemetry.request_labels import read_method, read_route

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The spans that wait at most, how many are sent at once, and the milliseconds between two of these.
QUEUE, BATCH, EVERY_MS = 8192, 512, 2000
#: The seconds that one attempt to send may take, and those for the last spans when the server stops: it may have
#: waited four seconds for slow clients before, and is to end within five.
SEND_SECONDS, CLOSE_SECONDS = 3.0, 0.5

_NOTHING: AbstractContextManager[Any] = nullcontext()
_ERROR: Final = Status(StatusCode.ERROR)
_PARENT = TraceContextTextMapPropagator()
#: The span that the next one belongs to. The MCP library has a current span of its own, which a client can choose.
_current: ContextVar[Span | None] = ContextVar("current_span", default=None)


class Traces(Observer):
    """Makes the spans of each request that is sampled, and sends them.

    Args:
        endpoint: the URL that takes the spans.
        share: the share of the requests that is traced, from 0 to 1. A caller's own choice does not count.
        ca_file: certificates of authorities that are trusted beside the usual ones.
    """

    watches_statements = True

    def __init__(self, endpoint: str, share: float, ca_file: Path | None = None) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # we log that spans cannot be sent
        session = requests.Session()
        session.trust_env = is_proxy_allowed(endpoint)
        if endpoint.startswith("https:"):
            session.mount("https://", _TrustingAdapter(make_tls_context(ca_file)))
        exporter = OTLPSpanExporter(endpoint=endpoint, headers={}, timeout=SEND_SECONDS, session=session)
        self._exporter = _LoggedExporter(exporter)
        sampler = TraceIdRatioBased(share)
        self._provider = TracerProvider(
            sampler=ParentBased(sampler, remote_parent_sampled=sampler, remote_parent_not_sampled=sampler),
            resource=Resource({"service.name": "loci", "service.version": __version__}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                self._exporter,
                max_queue_size=QUEUE,
                max_export_batch_size=BATCH,
                schedule_delay_millis=EVERY_MS,
            )
        )
        self._tracer = self._provider.get_tracer("loci", __version__)

    def begin_request(self, scope: MutableMapping[str, Any]) -> RequestWatch:
        """Begin the span of a request. The header `traceparent` names its parent, and nothing else."""
        parent = next((value for name, value in scope["headers"] if name == b"traceparent"), b"").decode("latin-1")
        # In a context of its own: the current one may have a span of another library.
        context = _PARENT.extract({"traceparent": parent}, Context())
        return _RequestSpan(self._tracer.start_span("request", context, SpanKind.SERVER), scope)

    def watch(self, part: Part, name: str) -> AbstractContextManager[Any]:
        """Make a span for as long as the block lasts, if there is a request that is traced."""
        parent = _current.get()
        if parent is None:
            return _NOTHING
        return _WatchSpan(self._tracer.start_span(f"{part} {name}", set_span_in_context(parent, Context())))

    def note_statement(self, kind: str, started: int) -> None:
        """Make the span of a SQL statement that has ended, if it belongs to a request that is traced."""
        parent = _current.get()
        if parent is not None:
            context = set_span_in_context(parent, Context())
            self._tracer.start_span(f"sql {kind}", context, start_time=started).end()

    async def close(self) -> None:
        """Send the spans that wait. Give up after half a second, and at once if the collector does not answer."""
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # nobody waits any more, and the loop is closed
                loop.call_soon_threadsafe(done.set)

        patience = CLOSE_SECONDS if self._exporter.is_answered else 0  # before the last spans are on their way
        # A thread that the end of the process does not wait for, unlike those of a pool.
        threading.Thread(target=shut_down, name="end of the traces", daemon=True).start()
        try:
            await asyncio.wait_for(done.wait(), patience)
        except TimeoutError:
            self._exporter.shutdown()  # it tries no more


class _TrustingAdapter(HTTPAdapter):
    """Connects to the collector with the TLS context of all our connections, through a proxy as well."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)


class _RequestSpan(RequestWatch):
    """The span of a request, the parent of all other spans that are made while it lasts."""

    def __init__(self, span: Span, scope: MutableMapping[str, Any]) -> None:
        self._span = span
        self._scope = scope
        self._token: Token[Span | None] = _current.set(span if span.is_recording() else None)
        trace_id = format_trace_id(span.get_span_context().trace_id)
        self._log_tokens = structlog.contextvars.bind_contextvars(trace_id=trace_id)

    def end(self, status: int | None) -> None:
        _current.reset(self._token)
        structlog.contextvars.reset_contextvars(**self._log_tokens)
        method, route = read_method(self._scope), read_route(self._scope)
        self._span.update_name(f"{method} {route}")
        self._span.set_attributes({"http.request.method": method, "http.route": route})
        if status is not None:
            self._span.set_attribute("http.response.status_code", status)
        if status is None or status >= STATUS["internal"]:
            self._span.set_status(_ERROR)
        self._span.end()


class _WatchSpan:
    """The span of a part of a request. An error gives it a status, and nothing of the error's text."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> None:
        self._token = _current.set(self._span)

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> Literal[False]:
        _current.reset(self._token)
        if kind is not None:
            self._span.set_status(_ERROR)
            self._span.set_attribute("error.type", kind.__name__)
        self._span.end()
        return False


class _LoggedExporter(SpanExporter):
    """Sends spans, and logs if they cannot be sent, until it is shut down.

    Attributes:
        is_answered: whether the last message was taken; False as well while the collector's answer is awaited.
    """

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self._exporter = exporter
        self._is_shut_down = False
        self.is_answered = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.is_answered = False
        result = self._exporter.export(spans)
        self.is_answered = result is SpanExportResult.SUCCESS
        if not self.is_answered and not self._is_shut_down:
            log.warning("traces.not_sent", spans=len(spans))
        return result

    def shutdown(self) -> None:
        self._is_shut_down = True
        self._exporter.shutdown()
