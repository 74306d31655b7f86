"""Traces: spans for each part of a request, without a word of anybody's, sent where the setting says."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import structlog
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from server.config import load_settings
from server.logs import configure_logs
from server.telemetry import traces as module
from server.telemetry.traces import Traces
from tests.helpers.logins.flow import PASSWORD, Flow
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
#: The header of a caller that wants its own trace, sampled, with a state of its own.
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=heliotrope", "baggage": "plant=heliotrope"}
SCOPE = {"method": "GET", "path": "/", "headers": []}


def children_of(spans, parent):
    return [each for each in spans if each.parent_span_id == parent.span_id and each.trace_id == parent.trace_id]


async def test_a_request_has_spans_for_its_parts_and_none_holds_a_word_of_anybody(settings, clock, models, collector):
    (settings.data_dir / "models").symlink_to(models)
    chosen = {"embedding_model": "auto", "traces_endpoint": collector.url, "metrics_port": 1}
    async with open_site(settings.model_copy(update=chosen), clock) as site:
        await site.services.encoder.source.wait_ready()
        zelda = await site.add_person("zelda")
        memory = await zelda.store("The heliotrope needs water", workspace="hyrule", tags=["garden"])
        body = {"message": "which plant is thirsty, the heliotrope?", "workspace": "hyrule"}
        assert (await zelda.http.post("/v1/context", json=body, headers=CALLER)).status_code == 200
        await zelda.call("retrieve_context", {"message": "heliotrope", "workspace": "hyrule"})
        await zelda.http.get(f"/v1/memories/{memory}?workspace=hyrule")
        await zelda.http.get("/heliotrope")
        with pytest.raises(ExceptionGroup):
            await zelda.call("heliotrope_tool")
        await Flow(site.client(), site.url).log_in(username="zelda", password="heliotrope!")
    spans = {each.name: each for each in collector.spans}
    request = next(each for each in collector.spans if each.name == "POST /v1/context")
    parts = {each.name for each in children_of(collector.spans, request)}
    assert "recall whole" in parts
    whole = next(each for each in children_of(collector.spans, request) if each.name == "recall whole")
    stages = {each.name: each for each in children_of(collector.spans, whole)}
    assert {"recall embedding", "recall search", "recall ranking"} <= set(stages)
    assert {each.name for each in children_of(collector.spans, stages["recall search"])} == {"engine search_points"}
    assert {each.name for each in children_of(collector.spans, stages["recall embedding"])} == {"embedding question"}
    call = spans["tool retrieve_context"]
    assert next(each.name for each in collector.spans if each.span_id == call.parent_span_id) == "POST /mcp"
    assert {"sql SELECT", "sql INSERT", "GET /v1/memories/{id}", "GET none", "tool unknown"} <= set(spans)
    sent = b"".join(collector.bodies).decode("latin-1")
    assert "retrieve_context" in sent  # the test itself can read what is sent
    for word in ("heliotrope", "thirsty", "garden", "hyrule", "zelda", zelda.key, zelda.user_id, memory, PASSWORD):
        assert word not in sent


async def test_the_callers_trace_is_taken_over_as_the_parent_and_nothing_else_of_it(collector):
    traces = Traces(f"{collector.url}/v1/traces", 1.0)
    headers = [(name.encode(), value.encode()) for name, value in CALLER.items()]
    traces.begin_request(SCOPE | {"headers": headers}).end(503)
    traces.begin_request(SCOPE | {"headers": [(b"traceparent", b"00-zz-\xff")]}).end(200)
    traces.begin_request(dict(SCOPE)).end(200)
    await traces.close()
    first, *others = collector.spans
    assert (first.trace_id.hex(), first.parent_span_id.hex(), first.trace_state) == (TRACE, PARENT, "")
    assert (first.kind, first.status.code) == (Span.SPAN_KIND_SERVER, Status.STATUS_CODE_ERROR)
    assert [each.parent_span_id for each in others] == [b"", b""]
    assert len({each.trace_id for each in collector.spans}) == 3
    ((path, sent),) = {(path, tuple(sorted(sent))) for path, sent in collector.headers}
    assert path == "/v1/traces"
    assert "Authorization" not in sent


async def test_a_caller_cannot_have_a_request_traced_that_is_not_in_the_sample(collector):
    traces = Traces(f"{collector.url}/v1/traces", 0.0)
    headers = [(b"traceparent", CALLER["traceparent"].encode())]
    request = traces.begin_request(SCOPE | {"headers": headers})
    with traces.watch("recall", "whole"):
        traces.note_statement("SELECT", time.time_ns())
    request.end(200)
    await traces.close()
    assert collector.bodies == []


async def test_an_error_is_named_by_its_kind_and_never_by_its_words(collector):
    traces = Traces(f"{collector.url}/v1/traces", 1.0)
    request = traces.begin_request(dict(SCOPE))
    with pytest.raises(ValueError, match="heliotrope"), traces.watch("recall", "whole"):
        raise ValueError("heliotrope")
    request.end(None)
    with traces.watch("work", "flush"):  # no request: no span
        traces.note_statement("SELECT", time.time_ns())
    await traces.close()
    assert [each.name for each in collector.spans] == ["recall whole", "GET none"]
    assert [each.status.code for each in collector.spans] == [Status.STATUS_CODE_ERROR] * 2
    assert (collector.spans[0].attributes[0].key, collector.spans[0].attributes[0].value.string_value) == (
        "error.type",
        "ValueError",
    )
    assert b"heliotrope" not in b"".join(collector.bodies)


async def test_a_collector_that_does_not_answer_holds_up_neither_a_request_nor_the_end():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        traces = Traces(f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces", 1.0)
        began = time.monotonic()
        for _ in range(module.QUEUE + module.BATCH):
            traces.begin_request(dict(SCOPE)).end(200)
        await traces.close()
        assert time.monotonic() - began < 60  # a loaded machine takes its time; waiting for each batch takes minutes


async def test_spans_that_cannot_be_sent_are_logged_and_raise_nothing(collector):
    collector.status = 400
    traces = Traces(f"{collector.url}/v1/traces", 1.0)
    traces.begin_request(dict(SCOPE)).end(200)
    with structlog.testing.capture_logs() as logs:
        await traces.close()
    assert [(each["event"], each["log_level"], each["spans"]) for each in logs] == [("traces.not_sent", "warning", 1)]


@pytest.mark.usefixtures("kept_handlers")
async def test_the_lines_of_a_request_have_the_id_of_its_trace(collector, capsys):
    configure_logs("json", has_traces=True)
    log = structlog.get_logger("server.access")
    traces = Traces(f"{collector.url}/v1/traces", 1.0)
    request = traces.begin_request(SCOPE | {"headers": [(b"traceparent", CALLER["traceparent"].encode())]})
    log.info("request.answered")
    request.end(200)
    log.info("tick.done")
    await traces.close()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line.get("trace_id") for line in lines] == [TRACE, None]


def test_the_libraries_variables_of_this_machine_are_not_read_and_the_libraries_only_if_they_are_set():
    foreign = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider",
        "OTEL_PROPAGATORS": "of-another-program",
        "PROMETHEUS_MULTIPROC_DIR": "/nowhere",
    }
    program = (
        "import os, sys; import server.app;"
        "print([name for name in os.environ if name.startswith(('OTEL_', 'PROMETHEUS_'))],"
        "[name for name in ('prometheus_client', 'opentelemetry.sdk', 'requests') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ | foreign, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] []"


def test_the_endpoint_has_its_path_and_a_wrong_one_is_named():
    def read(url):
        return load_settings({"LOCI_TRACES_ENDPOINT": url}).traces_endpoint

    assert read("http://127.0.0.1:4318") == read("http://127.0.0.1:4318/") == "http://127.0.0.1:4318/v1/traces"
    assert read("https://traces.example/otlp/v1/traces") == "https://traces.example/otlp/v1/traces"
    for wrong in ("127.0.0.1:4318", "grpc://x", "http://", "http://x:y", "http://a:b@x", "http://x?key=1"):
        with pytest.raises(SystemExit, match="LOCI_TRACES_ENDPOINT"):
            read(wrong)
    for wrong in ("1.5", "-1", "many", "nan"):
        with pytest.raises(SystemExit, match="LOCI_TRACES_SAMPLE"):
            load_settings({"LOCI_TRACES_SAMPLE": wrong})
