"""Loci behind caddy and behind nginx, over HTTPS: the login of the official client and of a browser, and the limits."""

import asyncio
import socket
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
import uvicorn
from playwright.async_api import async_playwright
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from server.store.record.people import accounts
from tests.helpers.logins.oauth_client import PASSWORD, Login, Storage, open_logged_in_client, remember
from tests.helpers.programs.processes import find_free_port
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

QUIET = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
MIB = 1 << 20


@asynccontextmanager
async def proxied_site(settings, clock, start_proxy):
    """A server whose public URL is that of a proxy before it, and the proxy."""
    port = find_free_port()
    settings = settings.model_copy(update={"trusted_proxies": ["127.0.0.1/32"]})
    async with open_site(settings, clock, f"https://localhost:{port}") as site:
        hashed = await site.running.auth.passwords.hash(PASSWORD)
        async with site.services.db.write() as connection:
            await accounts.create_user(connection, name="ann", password_hash=hashed, is_admin=False, now=clock())
        async with start_proxy(site.url.removeprefix("http://"), port) as proxy:
            yield site, proxy


def make_client(proxy, **options):
    return httpx.AsyncClient(base_url=proxy.url, verify=proxy.tls, timeout=30, **options)


async def test_the_official_client_logs_in_through_the_proxy_and_remembers(settings, clock, start_proxy):
    async with proxied_site(settings, clock, start_proxy) as (_, proxy):
        login = Login("ann", verify=proxy.tls)
        async with open_logged_in_client(proxy, Storage(), login) as client:
            assert (await remember(client))["content"] == "The heron nests at the north pond"
        assert login.asked[0].startswith(f"{proxy.url}/oauth/authorize?")


@pytest.mark.browser
async def test_a_browser_logs_in_through_the_proxy(settings, clock, start_proxy):
    async with proxied_site(settings, clock, start_proxy) as (_, proxy), async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        context = await browser.new_context(ignore_https_errors=True)  # its store knows the test's authority not
        page = await context.new_page()
        await page.goto(f"{proxy.url}/login?next=/apps")
        await page.fill('input[name="username"]', "ann")
        await page.fill('input[name="password"]', PASSWORD)
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{proxy.url}/apps")
        (cookie,) = [each for each in await context.cookies() if each.get("name") == "__Host-loci"]
        assert cookie.get("secure")
        assert f"{proxy.url}/mcp" in await page.content()
        await browser.close()


async def test_plain_http_is_sent_to_https_and_browsers_are_told_to_stay_there(settings, clock, start_proxy):
    async with proxied_site(settings, clock, start_proxy) as (_, proxy), make_client(proxy) as http:
        plain = await http.get(f"http://localhost:{proxy.http_port}/login?next=/apps")
        assert plain.status_code in {301, 308}
        assert plain.headers["location"].startswith("https://localhost")
        assert plain.headers["location"].endswith("/login?next=/apps")
        page = await http.get("/login")
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        assert len(page.headers.get_list("x-content-type-options")) == 1
        assert "default-src" in page.headers["content-security-policy"]


async def test_nothing_but_loci_is_behind_the_proxy(settings, clock, start_proxy):
    async with proxied_site(settings, clock, start_proxy) as (_, proxy), make_client(proxy) as http:
        for path in ("/collections", "/dashboard", "/metrics", "/telemetry", "/config/"):
            assert (await http.get(path)).status_code == 404, path
        strange = await http.get("/mcp", headers={"host": "elsewhere.example"})
        assert strange.status_code in {200, 421}
        assert "oauth" not in strange.text


async def send_zeros(proxy, size):
    """Post so many bytes, reading meanwhile; the status of the answer, which may come before the end."""
    url = httpx.URL(proxy.url)
    reader, writer = await asyncio.open_connection(url.host, url.port, ssl=proxy.tls)
    head = f"POST /v1/memories HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Length: {size}\r\n\r\n"
    writer.write(head.encode())

    async def send_body():
        with suppress(OSError):  # the server has closed
            for _ in range(0, size, MIB):
                writer.write(bytes(MIB))
                await writer.drain()

    sending = asyncio.create_task(send_body())
    try:
        async with asyncio.timeout(60):
            return int((await reader.readline()).split()[1])
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()


async def test_the_largest_request_passes_and_a_larger_one_does_not(settings, clock, start_proxy):
    async with proxied_site(settings, clock, start_proxy) as (site, proxy), make_client(proxy) as http:
        ann = await site.add_person("ann")
        headers = {"authorization": f"Bearer {ann.key}", "content-type": "application/json"}
        # 4 MiB are Loci's own limit here, and its own words say so: the proxy let the request through.
        passed = await http.post("/v1/memories", content=b"x" * (5 * MIB), headers=headers)
        assert passed.status_code == 413
        assert passed.json()["error"] == "too_large"
        assert await send_zeros(proxy, 81 * MIB) == 413


@asynccontextmanager
async def echo_server():
    """A server that answers with the headers that it got, or with a stream that waits for a word; its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    go_on = asyncio.Event()

    async def show_headers(request):
        return JSONResponse(dict(request.headers))

    async def stream(_request):
        async def parts():
            yield b"data: first\n\n"
            await go_on.wait()
            yield b"data: second\n\n"

        return StreamingResponse(parts(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/headers", show_headers), Route("/stream", stream)])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", go_on
    finally:
        go_on.set()
        server.should_exit = True
        await serving


async def test_the_host_is_kept_and_an_address_that_a_client_invents_is_not(start_proxy):
    async with echo_server() as (address, _), start_proxy(address, find_free_port()) as proxy:
        async with make_client(proxy) as http:
            got = (await http.get("/headers", headers={"x-forwarded-for": "203.0.113.7"})).json()
        assert got["host"] == proxy.url.removeprefix("https://")
        assert got["x-forwarded-for"] in {"127.0.0.1", "::1"}


async def test_a_stream_is_passed_on_while_it_still_goes_on(start_proxy):
    async with echo_server() as (address, go_on), start_proxy(address, find_free_port()) as proxy:
        async with make_client(proxy) as http, http.stream("GET", "/stream") as answer:
            parts = answer.aiter_text()
            assert await anext(parts) == "data: first\n\n"  # the second is not sent before this one has come
            go_on.set()
            assert await anext(parts) == "data: second\n\n"
