"""The outermost layer: gives each request an id, checks host, origin and size, answers errors, writes one log line.

Pure ASGI: nothing here buffers or copies a body.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Sequence
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.bearers.guard import has_bearer
from server.errors import STATUS, Failure, make_unavailable_failure
from server.network.loopback import is_loopback
from server.network.origins import find_host, normalize_authority, normalize_origin
from server.observer import NOBODY, Observer
from server.web.answers import make_error_response
from server.web.limit_headers import LIMIT_HEADERS, list_limit_headers
from server.web.request_body import BOUNDS, LARGE_BODIES, RequestBody, find_bound, make_too_large

log: structlog.stdlib.BoundLogger = structlog.get_logger("server.access")

#: Probes come from inside a cluster, by address. Their answers say nothing that is secret.
ANY_HOST = frozenset({"/healthz", "/readyz", "/health"})
#: The paths that every page may read: the answers are the same for everybody, and hold no secret.
METADATA_PATHS = ("/.well-known/", "/openapi.json", "/mcp/server-card")
#: Paths a page of an allowed origin may call. Pages for people are not among them: a browser sends cookies to them.
API_PATHS = ("/mcp", "/v1/", "/oauth/")
AUTHORIZATION_PATH = "/oauth/authorize"
EXPOSED_HEADERS = (
    "WWW-Authenticate",
    "Mcp-Session-Id",
    "MCP-Protocol-Version",
    "Retry-After",
    "X-Request-Id",
    *LIMIT_HEADERS,
)
#: The paths at which clients begin a login, and at which they look for it if they find no metadata.
LOGIN_PATHS = ("/.well-known/", "/oauth/", "/register", "/authorize", "/token")
MCP_PATHS = frozenset({"/mcp", "/mcp/", "/v1/mcp", "/v1/mcp/"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


def list_hosts(public_url: str) -> frozenset[str]:
    """Return the hosts that mean this server, in their one form: its own, and on loopback its other names."""
    authority = public_url.partition("://")[2]
    host = find_host(public_url)
    if not is_loopback(host):
        return frozenset({authority})
    port = re.search(r":\d+$", authority.rpartition("]")[2])
    names = ("127.0.0.1", "localhost", "[::1]", authority.removesuffix(port[0]) if port else authority)
    return frozenset(f"{name}{port[0]}" if port else name for name in names)


class Entrance:
    """The outermost layer."""

    def __init__(
        self, app: ASGIApp, *, public_url: str, cors_origins: Sequence[str] = (), observer: Observer = NOBODY
    ) -> None:
        self._app = app
        self._observer = observer
        self._public_url = public_url
        self._scheme, _, self._host = public_url.partition("://")
        self._hosts = list_hosts(public_url)
        self._origins = frozenset(f"{self._scheme}://{host}" for host in self._hosts)
        self._places = {path: asyncio.Semaphore(LARGE_BODIES) for _, path in BOUNDS}
        self._no_places = asyncio.Semaphore(0)
        self._cors_origins = frozenset(cors_origins)
        # No cookie is ever read for a page of another origin, so that one header does for all of them.
        self._cors = CORSMiddleware(
            self._pass_on, allow_origins=["*"], allow_methods=["*"], allow_headers=["*"], expose_headers=EXPOSED_HEADERS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request and pass it on. Every error below is answered here, and logged if it is ours."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # The parser leaves white space around a value, which is not part of it (RFC 9110, section 5.5).
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        headers = Headers(scope=scope)
        request_id = _choose_request_id(headers.get("x-request-id", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        response = _Response(send, request_id, scope["state"])
        watch = self._observer.begin_request(scope)
        started = time.perf_counter()
        is_open = self._is_open(scope["path"], headers.get("origin"))
        is_abandoned = False
        body = RequestBody(receive, find_bound(scope), self._places.get(scope["path"], self._no_places))
        try:
            await (self._cors if is_open else self._pass_on)(scope, body, response)
        except ClientDisconnect:
            is_abandoned = True
        except (Exception, asyncio.CancelledError) as error:
            # uvicorn cancels the requests that still run when the time for stopping is over. It waits for none of them.
            known = make_unavailable_failure("server") if isinstance(error, asyncio.CancelledError) else error
            answer = make_error_response(known, scope["path"])
            if is_open:
                answer.headers.update(self._cors.simple_headers)
            if answer.status_code >= STATUS["internal"] and not isinstance(known, Failure):
                log.exception("request.failed", method=scope["method"], path=scope["path"], request_id=request_id)
            if not response.status:
                await answer(scope, receive, response)
        finally:
            body.close()
        ms = round((time.perf_counter() - started) * 1000, 1)
        if is_abandoned:
            log.info("request.abandoned", method=scope["method"], path=scope["path"], ms=ms, request_id=request_id)
            watch.end(None)
            return
        log.info(
            "request.answered",
            method=scope["method"],
            path=scope["path"],
            status=response.status,
            ms=ms,
            request_id=request_id,
        )
        watch.end(response.status)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._check(scope, Headers(scope=scope))
        await self._app(scope, receive, send)

    def _is_open(self, path: str, origin: str | None) -> bool:
        """Whether the request comes from a page of another origin that may read the answer."""
        if origin is None:
            return False
        if path.startswith(METADATA_PATHS):
            return True
        is_page = path == AUTHORIZATION_PATH or not path.startswith(API_PATHS)
        return not is_page and self._read_origin(origin) in self._cors_origins

    def _check(self, scope: Scope, headers: Headers) -> None:
        given = headers.getlist("host")
        if len(given) > 1:
            raise Failure("malformed", "Send one Host header.")
        host = self._read_host(given[0]) if given else ""
        is_wrong = host not in self._hosts or (host != self._host and _is_login_start(scope["path"], headers))
        # A probe of HTTP/1.0 may send no Host header at all.
        is_probe = scope["path"] in ANY_HOST and given != [""]
        if is_wrong and not is_probe:
            raise Failure("wrong_host", f"This server is {self._public_url}. Use that URL, or set LOCI_PUBLIC_URL.")
        origin = headers.get("origin")
        is_ours = origin is None or self._read_origin(origin) in self._origins
        if not is_ours and not self._is_open(scope["path"], origin):
            raise self._make_origin_refusal(origin)
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            raise Failure("malformed", "Content-Length must be a number.")
        # Python converts at most 4300 digits, and the parser lets through any number of zeros before them.
        if int(length.lstrip("0") or "0") > (bound := find_bound(scope)):
            raise make_too_large(bound)

    def _make_origin_refusal(self, origin: str | None) -> Failure:
        if self._read_origin(origin or "") in self._cors_origins:
            return Failure("forbidden", "No page of another origin may call this, also none of LOCI_CORS_ORIGINS.")
        return Failure("forbidden", "Pages of this origin may not call this; LOCI_CORS_ORIGINS can allow it.")

    def _read_host(self, given: str) -> str:
        """Return a Host header in the form in which hosts are compared; "" if it is no host."""
        if given in self._hosts:
            return given
        try:
            return normalize_authority(_read_utf8(given), self._scheme)
        except ValueError:
            return ""

    def _read_origin(self, given: str) -> str:
        """Return an Origin header in the form in which origins are compared; "" if it is no origin."""
        if given in self._origins:
            return given
        try:
            return normalize_origin(_read_utf8(given))
        except ValueError:
            return ""


def _read_utf8(header: str) -> str:
    """Return a header as UTF-8, in which some clients send an international name; Starlette reads it as Latin-1."""
    return header.encode("latin-1").decode()


def _is_login_start(path: str, headers: Headers) -> bool:
    """Whether the request begins a login. Clients compare URLs exactly, so a login at another name fails later."""
    return path.startswith(LOGIN_PATHS) or (path in MCP_PATHS and not has_bearer(headers))


def _choose_request_id(given: str) -> str:
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


class _Response:
    """Adds the headers that every response has, and remembers the status."""

    def __init__(self, send: Send, request_id: str, state: dict[str, Any]) -> None:
        self._send = send
        self._state = state
        self._request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            given = message["headers"]
            names = {name for name, _ in given}
            ours = [header for header in _HEADERS if header[0] not in names]
            limits = list_limit_headers(self._state)
            message["headers"] = [*given, (b"x-request-id", self._request_id.encode()), *ours, *limits]
        await self._send(message)
