"""The bounds of HTTP connections: bytes, time and number."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from server.web.open_connections import ConnectionLimits
from tests.helpers.doors import LEGACY, MODERN
from tests.helpers.lines import Echo, open_line

pytestmark = pytest.mark.anyio

KIB = 1024
POST = "POST /"
CHUNKED = "Transfer-Encoding: chunked"
SIZED = "Content-Length: 9"


@pytest.fixture
async def echo():
    async with Echo().run() as echo:
        yield echo


@pytest.fixture
async def line(echo):
    async with open_line(echo.url) as line:
        yield line


#: What may go on for ever, and what is sent before it. None of it reaches the application.
ENDLESS = {
    "a URL": (b"GET /", b"a"),
    "a name": (b"GET / HTTP/1.1\r\n", b"a"),
    "a value": (b"GET / HTTP/1.1\r\na: ", b"b"),
    "headers": (b"GET / HTTP/1.1\r\n", b"a:\r\n"),
    "white space": (b"", b"\r\n"),
    "the size of a chunk": (b"HEAD1;", b"a"),
    "trailers": (b"HEAD1\r\na\r\n0\r\n", b"a:\r\n"),
    "a trailer": (b"HEAD0\r\na:", b"b"),
}


@pytest.mark.parametrize(("start", "piece"), ENDLESS.values(), ids=ENDLESS)
async def test_what_does_not_end_is_refused_above_64_kib(line, start, piece):
    whole = piece * (64 * KIB // len(piece))
    await line.send(start.replace(b"HEAD", line.build_head(POST, CHUNKED)), whole, piece * 8 * KIB)
    status, body = await line.read_answer()
    assert (status, body["error"]) == (431, "head_too_large")
    assert "65536 bytes" in body["message"]
    assert await line.has_ended()


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 431)])
async def test_a_head_of_64_kib_is_read_and_one_byte_more_is_not(line, more, status):
    for _ in range(2 - more):  # the head of a second request is counted from its own first byte
        padding = 64 * KIB + more - len(line.build_head("GET /", "Padding: "))
        await line.send(line.build_head("GET /", f"Padding: {'x' * padding}"))
        assert (await line.read_answer())[0] == status


async def test_a_body_is_no_head(line):
    await line.send(line.build_head(POST, f"Content-Length: {300 * KIB}"), b"a" * 300 * KIB)
    assert (await line.read_answer())[1]["length"] == 300 * KIB
    await line.send(line.build_head(POST, CHUNKED), b"1\r\na\r\n" * 60 * KIB, b"0\r\n\r\n")
    assert (await line.read_answer())[1]["length"] == 60 * KIB


async def test_what_comes_after_a_body_is_no_part_of_the_head(line):
    await line.send(line.build_head(POST, CHUNKED) + b"1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    assert (await line.read_answer())[1] == {"length": 1, "names": ["host", "transfer-encoding"]}


async def test_requests_that_are_sent_together_are_answered_in_their_order(line):
    await line.send(
        line.build_head() + line.build_head(POST, SIZED) + b"x" * 9 + line.build_head("GET /early") + line.build_head()
    )
    assert [(await line.read_answer())[1]["length"] for _ in range(4)] == [0, 9, 0, 0]


UPGRADES = {
    "h2c": ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
    "TLS": ("Connection: keep-alive, upgrade", "Upgrade: TLS/1.0"),
    "websocket": ("Connection: Upgrade", "Upgrade: websocket"),
}


@pytest.mark.parametrize("headers", UPGRADES.values(), ids=UPGRADES)
@pytest.mark.parametrize("is_split", [False, True])
async def test_a_request_that_asks_for_another_protocol_is_served_in_this_one_with_its_body(line, headers, is_split):
    for _ in range(2):
        sent = line.build_head(POST, *headers, SIZED) + b"x" * 9
        sent += line.build_head(POST, CHUNKED, *headers) + b"1\r\na\r\n0\r\n\r\n" + line.build_head("GET /", *headers)
        await line.send(*([bytes([byte]) for byte in sent] if is_split else [sent]))
        first, second, third = [await line.read_answer() for _ in range(3)]
        assert [each[0] for each in (first, second, third)] == [200, 200, 200]
        assert [each[1]["length"] for each in (first, second, third)] == [9, 1, 0]
        assert "upgrade" not in first[1]["names"]


async def test_a_request_for_another_protocol_that_is_too_long_or_wrong_is_refused_like_every_other(line):
    await line.send(line.build_head(POST, *UPGRADES["h2c"], CHUNKED) + b"no size\r\n")
    assert (await line.read_answer())[0] == 400
    assert await line.has_ended()


async def test_a_tunnel_is_refused(line):
    await line.send(b"CONNECT loci.example:443 HTTP/1.1\r\nHost: loci.example:443\r\n\r\n")
    assert (await line.read_answer())[0] in {400, 405}


async def test_a_head_too_large_does_not_take_the_answer_before_it(echo, line):
    await line.send(line.build_head("GET /held") + b"GET /" + b"a" * 80 * KIB)
    await echo.settle()
    echo.release.set()
    assert (await line.read_answer())[0] == 200
    assert await line.has_ended()


async def test_bytes_that_are_no_http_get_a_refusal_in_json(line):
    await line.send(b"\x16\x03\x01\r\n\r\n")
    status, body = await line.read_answer()
    assert (status, body["error"]) == (400, "malformed")


async def test_a_head_must_be_whole_after_ten_seconds(echo, line):
    half, rest = line.build_head()[:-2], line.build_head()[-2:]
    await line.send(half)
    await echo.move(9.9)
    await line.send(rest + half)
    assert (await line.read_answer())[0] == 200
    await echo.move(9.9)
    await line.send(b"More: x\r\n")
    with capture_logs() as logs:
        await echo.move(0.2)
    status, body = await line.read_answer()
    assert (status, body["error"]) == (408, "timed_out")
    assert await line.has_ended()
    assert [each["log_level"] for each in logs if each["event"] == "connection.refused"] == ["info"]


async def test_a_connection_that_sends_nothing_or_white_space_is_closed_without_a_word(echo, line):
    async with open_line(echo.url) as blank:
        await blank.send(b"\r\n")
        with capture_logs() as logs:
            await echo.move(10)
        assert await line.read_answer() is None
        assert await blank.read_answer() is None
        assert {each["event"] for each in logs} == {"request.answered"}


async def test_a_body_may_take_long_but_not_stand_still_for_thirty_seconds(echo, line):
    await line.send(line.build_head(POST, SIZED))
    for _ in range(4):
        await line.send(b"ab")
        await echo.move(29.9)
    await line.send(b"c")
    assert (await line.read_answer())[1]["length"] == 9
    await line.send(line.build_head(POST, CHUNKED) + b"1\r\na\r\n1;")
    await echo.move(29.9)
    await line.send(b"more-of-an-extension-is-no-body")
    with capture_logs() as logs:
        await echo.move(0.2)
        assert (await line.read_answer())[0] == 408
        assert await line.has_ended()
    (left,) = (each for each in logs if each["event"] != "request.answered")
    assert (left["event"], left["log_level"], left["path"]) == ("request.abandoned", "info", "/")


async def test_a_client_that_waits_for_the_server_is_not_late(echo, line):
    await line.send(line.build_head("POST /held", SIZED, "Expect: 100-continue"))
    await echo.move(100)
    echo.release.set()
    async with asyncio.timeout(60):
        assert b"100" in await line.reader.readline()
        await line.reader.readline()
    await line.send(b"a" * 9)
    assert (await line.read_answer())[1]["length"] == 9


async def test_a_body_larger_than_what_is_read_ahead_does_not_make_its_client_late(echo, line):
    await line.send(line.build_head("POST /held", f"Content-Length: {400 * KIB}"))
    rest = asyncio.ensure_future(line.send(b"a" * 400 * KIB))
    await echo.move(100)
    echo.release.set()
    await rest
    assert (await line.read_answer())[1]["length"] == 400 * KIB


async def test_the_rest_of_a_body_that_was_answered_early_has_thirty_seconds(echo, line):
    await line.send(line.build_head("POST /early", "Content-Length: 900000"))
    assert (await line.read_answer())[0] == 200
    for _ in range(3):
        await line.send(b"a" * KIB)
        await echo.move(9.9)
    await line.send(b"a")
    await echo.move(0.4)
    assert await line.has_ended()


async def test_an_answer_that_nobody_reads_is_given_up_after_thirty_seconds(echo, line):
    line.writer.transport.pause_reading()
    await line.send(line.build_head("GET /large"))
    await echo.move(0)
    with capture_logs() as logs:
        await echo.move(29.9)
        await echo.move(0.2)
    assert "connection.refused" in {each["event"] for each in logs}


async def test_idle_connections_keep_nobody_out():
    async with Echo(ConnectionLimits(connections=40)).run() as echo, AsyncExitStack() as stack:
        half_sent = await stack.enter_async_context(open_line(echo.url))
        await half_sent.send(half_sent.build_head(POST, SIZED) + b"a")
        idle = [await stack.enter_async_context(open_line(echo.url)) for _ in range(100)]
        for line in idle[::2]:
            await line.send(line.build_head()[:-2])
        for _ in range(50):
            line = await stack.enter_async_context(open_line(echo.url))
            await line.send(line.build_head())
            assert (await line.read_answer())[0] == 200
        assert await half_sent.has_ended()
        assert await idle[0].has_ended()
        assert len(echo.server.server_state.connections) <= 40


async def test_a_request_that_is_being_answered_is_not_closed_for_another():
    async with Echo(ConnectionLimits(connections=2)).run() as echo, AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(open_line(echo.url)) for _ in range(2)]
        for line in busy:
            await line.send(line.build_head("GET /held"))
        async with open_line(echo.url) as late:
            await late.send(late.build_head())
            status, body = await late.read_answer()
            assert (status, body["error"], body["retry_after"]) == (503, "unavailable", 5)
        echo.release.set()
        assert [(await line.read_answer())[0] for line in busy] == [200, 200]
        await echo.settle()


async def test_one_address_has_a_bound_and_the_others_have_their_own():
    async with Echo(ConnectionLimits(per_address=3), ()).run() as echo, AsyncExitStack() as stack:
        greedy = [await stack.enter_async_context(open_line(echo.url, "127.0.0.2")) for _ in range(5)]
        other = await stack.enter_async_context(open_line(echo.url, "127.0.0.3"))
        for line in (*greedy[2:], other):
            await line.send(line.build_head())
            assert (await line.read_answer())[0] == 200
        assert await greedy[0].has_ended()
        assert await greedy[1].has_ended()


async def test_a_proxy_stands_for_many_and_has_no_bound_of_its_own():
    async with Echo(ConnectionLimits(per_address=3), ("127.0.0.2/32",)).run() as echo, AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(open_line(echo.url, "127.0.0.2")) for _ in range(20)]
        for line in lines:
            await line.send(line.build_head())
            assert (await line.read_answer())[0] == 200


async def test_a_request_that_does_not_end_when_the_server_stops_is_cancelled_without_a_traceback(echo, line, caplog):
    caplog.set_level("WARNING")  # another test may have left the loggers at INFO
    await line.send(line.build_head("GET /held"))
    await echo.settle()
    (running,) = echo.server.server_state.tasks
    with capture_logs() as logs:
        running.cancel()
        status, body = await line.read_answer()
    assert (status, body["error"]) == (503, "unavailable")
    assert [each["event"] for each in logs] == ["request.answered"]
    assert caplog.records == []


HALF_SENT = ["/v1/memories", "/mcp", "/v1/mcp", "/oauth/token", "/oauth/register", "/login", "/v1/auth/signup"]


@pytest.mark.parametrize("path", HALF_SENT)
@pytest.mark.parametrize("era", [LEGACY, MODERN])
async def test_a_client_that_goes_away_is_one_quiet_line(signup_site, caplog, path, era):
    ann = await signup_site.add_person("ann")
    media_type = "application/x-www-form-urlencoded" if path in {"/oauth/token", "/login"} else "application/json"
    headers = [f"Authorization: Bearer {ann.key}", f"Content-Type: {media_type}", f"MCP-Protocol-Version: {era}"]
    caplog.set_level("WARNING")
    with capture_logs() as logs:
        async with open_line(signup_site.url) as line:
            await line.send(line.build_head(f"POST {path}", *headers, "Accept: */*", SIZED) + b"{")
            await ann.http.get("/healthz")
        async with asyncio.timeout(60):
            while not (left := [each for each in logs if each.get("path") != "/healthz"]):
                await ann.http.get("/healthz")
    assert [(each["event"], each["log_level"], each["path"]) for each in left] == [("request.abandoned", "info", path)]
    assert caplog.records == []
