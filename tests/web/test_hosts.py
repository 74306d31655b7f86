"""The names under which the server answers, and what it says under any other."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from auth.resources import find_resource
from server.network.origins import normalize_origin
from server.web.entrance import Entrance
from tests.helpers.lines import open_line

pytestmark = pytest.mark.anyio

PATHS = ["/mcp", "/.well-known/oauth-protected-resource/mcp", "/login", "/oauth/token", "/v1/memories"]


async def ask(public_url, host, path, **headers):
    """The answer of an empty application at a public URL, behind the Entrance."""

    async def say_ok(_request):
        return PlainTextResponse("ok")

    app = Entrance(Starlette(routes=[Route("/{path:path}", say_ok)]), public_url=normalize_origin(public_url))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://proxy") as http:
        return await http.get(path, headers={"host": host} | headers)


SAME = [
    ("https://loci.example:443", "loci.example"),
    ("https://loci.example", "loci.example:443"),
    ("https://loci.example", "LOCI.example."),
    ("HTTPS://Loci.Example", "loci.example"),
    ("https://mémoire.example", "xn--mmoire-bva.example"),
    ("https://mémoire.example", "mémoire.example".encode()),
    ("https://xn--mmoire-bva.example", "MÉMOIRE.example:443".encode()),
    ("http://localhost:80", "localhost"),
    ("http://[::1]:8080", "[0:0:0:0:0:0:0:1]:8080"),
]


@pytest.mark.parametrize(("public_url", "host"), SAME)
async def test_a_host_is_known_however_it_is_written(public_url, host):
    for path in PATHS:
        assert (await ask(public_url, host, path)).status_code == 200


@pytest.mark.parametrize(("public_url", "host"), SAME)
async def test_so_is_an_origin_and_a_resource(public_url, host):
    host = host if isinstance(host, str) else host.decode()
    origin = f"{public_url.partition(':')[0]}://{host}"
    assert (await ask(public_url, host.encode(), "/v1/memories", origin=origin.encode())).status_code == 200
    known = normalize_origin(public_url)
    assert find_resource([f"{origin}/mcp"], known) == f"{known}/mcp"


@pytest.mark.parametrize(
    "host",
    ["loci.example:80", "loci.example:8443", "xloci.example", "loci.example.evil", "a@loci.example", "loci..example"],
)
async def test_another_host_is_refused_with_the_right_url(host):
    for path in PATHS:
        answer = await ask("https://loci.example", host, path)
        assert (answer.status_code, answer.json()["error"]) == (421, "wrong_host")
        assert "https://loci.example" in answer.json()["message"]


@pytest.mark.parametrize(
    "headers", [["Host:"], ["Host: "], [], ["Host: OURS", "Host: evil"], ["Host: evil", "Host: OURS"]]
)
@pytest.mark.parametrize("path", ["/", "/mcp", "/healthz", "/login", "/openapi.json"])
async def test_a_request_without_one_host_is_refused(shared, path, headers):
    if path == "/healthz" and not headers:
        return  # a probe may have none
    async with open_line(shared.url) as line:
        lines = "\r\n".join([f"GET {path} HTTP/1.1", *headers, "", ""]).replace("OURS", line.authority)
        await line.send(lines.encode())
        status, body = await line.read_answer()
        expected = (400, "malformed") if len(headers) > 1 else (421, "wrong_host")
        assert (status, body["error"]) == expected


async def test_the_host_of_a_whole_url_counts_and_not_the_header(shared):
    for target, host, is_refused in (
        ("http://evil.example/login", "OURS", True),
        ("http://ann@OURS/login", "OURS", True),
        ("http://OURS/login", "evil.example", False),
        ("HTTP://OURS/login", "OURS", False),
        ("http://OURS", "OURS", False),
        ("http://OURS?x=1", "OURS", False),
    ):
        async with open_line(shared.url) as line:
            lines = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            await line.send(lines.replace("OURS", line.authority).encode())
            async with asyncio.timeout(10):
                status = int((await line.reader.readline()).split()[1])
        assert status == 421 if is_refused else status < 400, (target, status)


async def test_a_probe_may_come_without_a_host(shared):
    async with open_line(shared.url) as line:
        await line.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await line.read_answer())[0] == 200


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
LOGIN = ["/mcp", "/mcp/", "/v1/mcp", "/register", "/authorize", "/token", "/oauth/register", "/oauth/token"]
DOCUMENTS = [
    "oauth-protected-resource",
    "oauth-protected-resource/mcp",
    "oauth-authorization-server",
    "openid-configuration",
]


@pytest.mark.parametrize("path", [*LOGIN, *(f"/.well-known/{name}" for name in DOCUMENTS)])
async def test_a_login_that_begins_under_another_name_of_this_machine_is_told_the_right_one(shared, path):
    host = shared.url.removeprefix("http://").replace("127.0.0.1", "localhost")
    for method in ("GET", "POST"):
        answer = await shared.client().request(method, path, headers={"host": host})
        assert (answer.status_code, answer.json()["error"]) == (421, "wrong_host")
        assert shared.url in answer.json()["message"]


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/v1/mcp", "/v1/mcp/"])
async def test_a_browser_at_an_endpoint_is_told_what_the_address_is_for(shared, path):
    http = shared.client()
    page = await http.get(path, headers={"accept": BROWSER})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"<code>{shared.url}{path.rstrip('/')}</code>" in page.text
    assert "This address is for apps" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_browser_where_there_is_nothing_gets_a_page_and_a_client_json(shared):
    for path in ("/nothing", "/nothing/", "/%22%3E%3Cscript%3E", "/login/x"):
        page = await shared.client().get(path, headers={"accept": BROWSER})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8"), path
        assert "<h1>There is no such page</h1>" in page.text
        assert "<script>" not in page.text
        assert (await shared.client().get(path)).json()["error"] == "not_found"
    for path in ("/login/?next=/apps", "/apps//"):
        moved = await shared.client().get(path, headers={"accept": BROWSER}, follow_redirects=False)
        assert moved.status_code == 307
        assert moved.headers["location"] == path.replace("/?", "?").rstrip("/")
    posted = await shared.client().post("/login/", headers={"accept": BROWSER, "origin": shared.url})
    assert posted.json()["error"] == "not_found"


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/v1/mcp", "/v1/mcp/"])
async def test_a_client_at_an_endpoint_is_challenged_whatever_it_accepts(shared, cat, path):
    http = shared.client()
    for accept in ("text/event-stream", "application/json, text/event-stream", "*/*", BROWSER):
        answers = [await http.post(path, headers={"accept": accept})]
        answers += [] if accept == BROWSER else [await http.get(path, headers={"accept": accept})]
        for answer in answers:
            assert answer.status_code == 401
            assert "resource_metadata=" in answer.headers["www-authenticate"]
        assert (await cat.http.get(path, headers={"accept": accept})).status_code == 405


async def test_an_endpoint_with_a_slash_at_its_end_is_the_same_endpoint(cat):
    stored = await cat.call("store_memory", {"content": "with a slash"}, path="/mcp/")
    assert (await cat.call("fetch", {"id": stored["id"]}, path="/mcp"))["content"] == "with a slash"
