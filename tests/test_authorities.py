"""LOCI_CA_FILE holds for every HTTPS connection that the server makes, and not only for some."""

import ast
import asyncio
import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from pydantic import SecretStr

from server.cli.checks.addresses import check_public_url, check_traces
from server.clock import utc_now
from server.config import Settings
from server.ids import new_id
from server.network.llm import LlmFailed
from server.store.embedding.source import EmbeddingFailed
from server.store.record.works.outbox import Event
from server.telemetry.traces import Traces
from server.wiring.stores import build_remote_source, open_llm
from server.wiring.webhooks import open_webhook
from tests.helpers.logins.local_ca import serve_https

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent
ANSWER = {
    "data": [{"index": 0, "embedding": [1.0, 0.0]}],
    "choices": [{"message": {"content": "one note"}}],
}


class _Taker(BaseHTTPRequestHandler):
    """Answers every request as each of the services would."""

    def _answer(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        resource = f"https://{self.headers['host']}/mcp"
        body = json.dumps(ANSWER | {"resource": resource}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - names of the base class

    def log_message(self, *_):
        pass


@pytest.fixture
def taker(tmp_path):
    with serve_https(tmp_path, _Taker) as served:
        yield served


async def embed(settings):
    source = build_remote_source(settings, utc_now)
    assert source is not None
    try:
        source.start()
        async with asyncio.timeout(60):
            await source.wait_ready()
    except EmbeddingFailed:
        return False
    else:
        return True
    finally:
        await source.close()


async def ask_llm(settings):
    async with open_llm(settings) as llm:
        assert llm is not None
        try:
            return (await llm.ask("merge", "notes")).text == "one note"
        except LlmFailed:
            return False


async def send_event(settings):
    now = utc_now()
    async with open_webhook(settings, utc_now) as sender:
        assert sender is not None
        return not (
            await sender.send(Event(new_id(now), "webhook.test", "{}", "waiting", 0, now, now, None, None))
        ).problem


async def send_spans(settings):
    traces = Traces(settings.traces_endpoint, 1.0, settings.ca_file)
    try:
        return await asyncio.to_thread(traces._exporter.export, []) is SpanExportResult.SUCCESS  # noqa: SLF001
    finally:
        await traces.close()


async def ask_doctor(settings):
    return (await check_traces(settings)).is_ok and (await check_public_url(settings)).is_ok


@pytest.mark.parametrize("connect", [embed, ask_llm, send_event, send_spans, ask_doctor])
async def test_an_authority_of_the_setting_is_trusted_and_without_it_none_but_the_usual_ones(taker, tmp_path, connect):
    url, ca_file = taker
    for trusted in (None, ca_file):
        settings = Settings(
            data_dir=tmp_path,
            public_url=url,
            embedding_url=f"{url}/v1",
            embedding_model="m",
            llm_url=url,
            llm_model="m",
            webhook_url=url,
            webhook_secret=SecretStr("whsec_" + "A" * 43 + "="),
            traces_endpoint=url,
            ca_file=trusted,
        )
        assert await connect(settings) is (trusted is not None)


def test_every_http_client_is_opened_in_the_one_way():
    exempt = {
        "server/network/http.py",  # it is the way
        "auth/clients/documents.py",  # it connects to an address that was checked, and never through a proxy
    }
    for folder in ("server", "auth", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            if str(path.relative_to(ROOT)) not in exempt:
                called = {
                    ast.unparse(node.func)
                    for node in ast.walk(ast.parse(path.read_text("utf-8")))
                    if isinstance(node, ast.Call)
                }
                assert not called & {"httpx.AsyncClient", "httpx.Client"}, path
