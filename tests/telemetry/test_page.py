"""The listener for Prometheus: one path, on a port of its own, beside the server."""

import asyncio
import time

import httpx
import pytest

from server.telemetry.page import PATH, make_page, serve_page, watch_loop
from tests.helpers.site import NO_TLS, PATIENCE, listen_on_loopback

pytestmark = pytest.mark.anyio


async def test_the_page_is_at_one_path_in_the_form_that_is_asked_for(watched_site):
    page = make_page(watched_site.running.telemetry.metrics, watched_site.services, watched_site.running.auth)
    transport = httpx.ASGITransport(page)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        plain = await http.get(PATH)
        newer = await http.get(PATH, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        others = [(await http.get(path)).status_code for path in ("/", "/metrics/", "/v1/health", "/healthz")]
    assert plain.headers["content-type"].startswith("text/plain; version=")
    assert newer.headers["content-type"].startswith("application/openmetrics-text")
    assert newer.text.endswith("# EOF\n")
    assert others == [404] * 4


async def test_the_server_itself_has_no_such_page(watched_site):
    assert (await watched_site.client().get(PATH)).status_code == 404


async def test_the_listener_answers_while_the_server_runs_and_ends_with_it(watched_site):
    listener, url = listen_on_loopback()
    metrics = watched_site.running.telemetry.metrics
    async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as http:
        async with serve_page(metrics, watched_site.services, watched_site.running.auth, [listener]):
            answer = await http.get(f"{url}{PATH}")
        assert "loci_build_info{" in answer.text
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{url}{PATH}")


async def test_a_loop_that_was_held_up_is_noted_with_the_time_that_it_was_late():
    noted = asyncio.Queue()
    watcher = asyncio.create_task(watch_loop(noted.put_nowait, 0.001))
    await noted.get()
    time.sleep(0.05)  # noqa: ASYNC251 - this is what is to be found
    assert await noted.get() > 0.04
    watcher.cancel()
