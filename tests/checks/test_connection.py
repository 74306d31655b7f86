"""The connection doctor: each hop that a proxy breaks is named, with what to do about it."""

import asyncio
import json

import pytest
from starlette.responses import RedirectResponse, Response
from typer.testing import CliRunner

from server.checks.connection.discovery import RESOURCE_METADATA, SERVER_METADATA
from server.checks.connection.replay import BEFORE_CONSENT, is_consent_next, open_visitor, replay_discovery
from server.cli import app
from tests.helpers.clock import Clock
from tests.helpers.programs.proxy import Fault, open_proxy
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio


class Answering(Fault):
    """Answers some paths itself."""

    def __init__(self, paths, response):
        self._paths, self._response = paths, response

    def change_request(self, request, headers):  # noqa: ARG002 - the signature of a fault
        return self._response() if request.url.path.startswith(self._paths) else None


class Dropping(Fault):
    """Drops a header of requests, or one of answers."""

    def __init__(self, of_requests="", of_answers=""):
        self._of_requests, self._of_answers = of_requests, of_answers

    def change_request(self, request, headers):  # noqa: ARG002
        headers.pop(self._of_requests, None)

    def change_answer(self, path, headers, body):  # noqa: ARG002
        headers[:] = [each for each in headers if each[0] != self._of_answers]
        return body


class NamingAnotherHost(Fault):
    def change_request(self, request, headers):  # noqa: ARG002
        headers["host"] = "127.0.0.1:1"


class Rewriting(Fault):
    """Changes a header and the body of the answers of some paths."""

    def __init__(self, path, before, after):
        self._path, self._before, self._after = path, before, after

    def change_answer(self, path, headers, body):
        if not path.startswith(self._path):
            return body
        headers[:] = [(name, value.replace(self._before, self._after)) for name, value in headers]
        return body.replace(self._before.encode(), self._after.encode())


class AllowingTwice(Fault):
    def change_answer(self, path, headers, body):  # noqa: ARG002
        headers.append(("access-control-allow-origin", "*"))
        return body


class LimitingBodies(Fault):
    def change_request(self, request, headers):  # noqa: ARG002
        return Response("Too large", 413) if int(request.headers.get("content-length", 0)) > 1_000_000 else None


def answer(paths, status, **headers):
    """A fault that answers some paths with a status and headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answering(paths, lambda: Response("hello", status, named))


#: Each fault, the hop that must be named, its state, and a word of the fix.
FAULTS = (
    (answer("/.well-known", 200), "resource metadata", "fail", "/.well-known/"),
    (answer("/", 502), "resource metadata", "fail", "LOCI_PORT"),
    (NamingAnotherHost(), "resource metadata", "fail", "proxy_set_header Host"),
    (answer("/", 301, location="https://127.0.0.1/"), "resource metadata", "fail", "Paste the https address"),
    (Rewriting(RESOURCE_METADATA, "http://", "https://"), "resource metadata", "fail", "LOCI_PUBLIC_URL="),
    (answer("/mcp", 302, location="https://sso.test/"), "challenge", "fail", "login wall"),
    (answer("/mcp", 307, location="/mcp/"), "challenge", "fail", "drop the header Authorization"),
    (answer("/mcp", 401, www_authenticate='Basic realm="home"'), "challenge", "fail", "two kinds of Authorization"),
    (answer("/mcp", 200), "challenge", "fail", "login wall"),
    (Dropping(of_answers="www-authenticate"), "challenge", "fail", "WWW-Authenticate"),
    (Dropping(of_requests="authorization"), "Authorization header", "fail", "CGIPassAuth"),
    (AllowingTwice(), "clients in a browser", "warn", "LOCI_CORS_ORIGINS"),
    (Dropping(of_answers="access-control-allow-origin"), "clients in a browser", "warn", "no CORS headers"),
    (LimitingBodies(), "large bodies", "warn", "client_max_body_size"),
    (Rewriting(SERVER_METADATA, "http://", "https://"), "login metadata", "fail", "LOCI_PUBLIC_URL="),
    (answer("/oauth/register", 404), "registration", "fail", "/oauth/register"),
    (answer("/oauth/authorize", 302, location="/login?next=/"), "PKCE", "fail", "Location"),
    (Rewriting("/oauth/authorize", "/login?", "http://10.0.0.1/login?"), "login page", "fail", "proxy_redirect"),
    (Dropping(of_answers="set-cookie"), "login page", "fail", "Set-Cookie"),
)


async def test_each_hop_that_a_proxy_breaks_is_named_with_its_fix(settings, clock):
    async with open_proxy() as (proxy, url), open_site(settings, clock, public_url=url) as site:
        proxy.upstream = site.url
        async with open_visitor(f"{url}/mcp", None) as visitor:
            whole = await replay_discovery(visitor)
            assert {each.state for each in whole} == {"ok"}, whole
            assert is_consent_next(whole)
            for number, (fault, hop, state, word) in enumerate(FAULTS):
                proxy.fault = fault
                findings = await replay_discovery(visitor)
                found = next(each for each in findings if each.subject == hop)
                assert (found.state, word in found.cure) == (state, True), (number, findings)
                assert all(each.is_ok for each in findings if each is not found), number
                assert is_consent_next(findings) == (state == "warn"), number


async def test_no_other_server_is_asked_whatever_an_answer_names(settings, clock):
    async with (
        open_proxy() as (other, elsewhere),
        open_proxy() as (proxy, url),
        open_site(settings, clock, url) as site,
    ):
        proxy.upstream = other.upstream = site.url
        async with open_visitor(url, None) as visitor:
            for path in (RESOURCE_METADATA, SERVER_METADATA):
                proxy.fault = Rewriting(path, url, elsewhere)
                assert not is_consent_next(await replay_discovery(visitor)), path
            proxy.fault = Answering("/", lambda: RedirectResponse(f"{elsewhere}/mcp", 307))
            assert not is_consent_next(await replay_discovery(visitor))
        assert other.seen == []


async def test_the_check_ends_without_a_complaint_if_others_issue_the_tokens(settings, clock):
    async with open_proxy() as (proxy, url), open_site(settings, clock, public_url=url) as site:
        proxy.upstream = site.url
        proxy.fault = Rewriting(
            RESOURCE_METADATA, f'"authorization_servers":["{url}"]', '"authorization_servers":["https://id.test"]'
        )
        async with open_visitor(url, None) as visitor:
            *_, last = await replay_discovery(visitor)
        assert (last.state, "https://id.test" in last.detail, "docs/issuers.md" in last.cure) == ("warn", True, True)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://memory.example.com", "https://", "http://127.0.0.1:1"])
async def test_an_address_that_no_client_can_use_is_told(url):
    async with open_visitor(url, None) as visitor:
        *_, last = await replay_discovery(visitor)
    assert (last.state, bool(last.cure)) == ("fail", True)


def test_the_command_stops_at_the_consent_page_and_says_who_goes_on(settings, kept_handlers, monkeypatch):  # noqa: ARG001
    monkeypatch.setenv("LOCI_DATA_DIR", str(settings.data_dir))

    def run(url):
        return CliRunner().invoke(app, ["doctor", "--connection", url, "--json"])

    async def meanwhile():
        async with open_site(settings, Clock()) as site:
            return site.url, await asyncio.to_thread(run, f"{site.url}/mcp")

    url, result = asyncio.run(meanwhile())
    findings = json.loads(result.stdout)
    assert (result.exit_code, len(findings)) == (0, len(BEFORE_CONSENT) + 1)
    assert f"{url}/connection-check" in findings[-1]["detail"]
    gone = run(url)
    assert (gone.exit_code, json.loads(gone.stdout)[-1]["state"]) == (1, "fail")
