"""A server that is watched, and a collector that keeps the spans it is sent."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from server.telemetry import traces
from tests.helpers.site import open_site


class Collector:
    """A collector on loopback: the bodies of its requests, their headers, and the spans in them."""

    def __init__(self, url):
        self.url = url
        self.status = 200
        self.bodies = []
        self.headers = []

    @property
    def spans(self):
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        scopes = [scope for request in requests for group in request.resource_spans for scope in group.scope_spans]
        return [span for scope in scopes for span in scope.spans]


@contextmanager
def collecting():
    """A collector that runs for as long as the block lasts."""
    collector = Collector("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            collector.headers.append((self.path, dict(self.headers)))
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_what):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def collector(monkeypatch):
    monkeypatch.setattr(traces, "CLOSE_SECONDS", 30)  # on a busy machine even a collector nearby may be slow
    with collecting() as collector:
        yield collector


@pytest.fixture
async def watched_site(settings, clock):
    """A server with metrics."""
    async with open_site(settings.model_copy(update={"metrics_port": 1}), clock) as site:
        yield site
