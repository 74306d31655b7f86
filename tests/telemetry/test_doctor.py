"""`doctor` looks at the listener of the metrics and at the collector of the traces."""

import socket

import pytest

from server.cli.checks.addresses import check_metrics, check_traces
from server.config import Settings
from server.telemetry.page import serve_page
from tests.helpers.programs.processes import find_free_port
from tests.helpers.site import listen_on_loopback

pytestmark = pytest.mark.anyio


async def test_both_may_be_off():
    assert [(await check(Settings())).detail for check in (check_metrics, check_traces)] == ["off", "off"]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])  # noqa: S104
async def test_a_port_for_the_metrics_is_free_ours_or_somebody_elses(watched_site, host):
    finding = await check_metrics(Settings(metrics_host=host, metrics_port=find_free_port()))
    assert (finding.is_ok, "is free" in finding.detail) == (True, True)
    listener, _ = listen_on_loopback()
    settings = Settings(metrics_host=host, metrics_port=listener.getsockname()[1])
    async with serve_page(
        watched_site.running.telemetry.metrics, watched_site.services, watched_site.running.auth, [listener]
    ):
        finding = await check_metrics(settings)
    assert (finding.is_ok, finding.detail.endswith("/metrics answers")) == (True, True)
    settings = Settings(metrics_host=host, metrics_port=int(watched_site.url.rpartition(":")[2]))
    finding = await check_metrics(settings)
    assert (finding.is_ok, finding.is_warning, "LOCI_METRICS_PORT" in finding.cure) == (False, False, True)


async def test_a_collector_of_traces_that_is_down_is_a_warning(collector):
    finding = await check_traces(Settings(traces_endpoint=collector.url))
    assert (finding.is_ok, collector.spans) == (True, [])
    collector.status = 404
    finding = await check_traces(Settings(traces_endpoint=collector.url))
    assert (finding.is_ok, finding.is_warning, "answered 404" in finding.detail) == (False, True, True)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        finding = await check_traces(Settings(traces_endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}"))
    assert (finding.is_ok, "does not answer (ConnectError)" in finding.detail) == (False, True)
