"""The guard in front of `/mcp`, `/v1/mcp` and `/v1`: each request has a bearer, or gets a challenge.

Pure ASGI. It answers every method, because clients look for the challenge with GET and HEAD too
(RFC 9728, section 5.1; RFC 6750, section 3).
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.bearers.api_keys import looks_like_api_key
from auth.bearers.bearer import Authenticator
from auth.bearers.refusals import INVALID_BEARER, MISSING_BEARER, refusal_response
from auth.principal import READ, Principal
from auth.resources import ProtectedResource
from server.errors import Failure

#: The other header in which clients send an API key, as those of Context Memory do.
KEY_HEADER = "x-api-key"


#: Takes note of a bearer that was refused.
OnRefused = Callable[[HTTPConnection, str, Principal | None], Awaitable[None]]


async def _let_go(_request: HTTPConnection, _bearer: str, _principal: Principal | None) -> None:
    """Take note of nothing."""


class Guard:
    """Lets a request through with its `Principal` in `scope["state"]["principal"]`.

    A handler refuses a principal without the necessary scope by raising the `Failure`, which the guard answers with a
    403 challenge. The MCP door cannot raise through the SDK; it calls `demand_scopes` instead.

    Args:
        app: the ASGI app to guard.
        resource: the resource that the app belongs to.
        methods: the methods that `app` takes; others get 405 after they are authenticated.
        on_refused: called for each bearer that is refused, with its principal if it is meant for another resource.
    """

    def __init__(
        self,
        app: ASGIApp,
        resource: ProtectedResource,
        methods: frozenset[str] | None = None,
        on_refused: OnRefused = _let_go,
    ) -> None:
        self._on_refused = on_refused
        self._app = app
        self._resource = resource
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate the request, then call the app."""
        principal = await self._find_principal(scope)
        if isinstance(principal, Failure):
            await refusal_response(principal, self._resource)(scope, receive, send)
            return
        if self._methods is not None and scope["method"] not in self._methods:
            allowed = ", ".join(sorted(self._methods))
            failure = Failure("method_not_allowed", f"{scope['method']} is not allowed here; use {allowed}.")
            await JSONResponse(failure.to_body(), int(failure.status), {"Allow": allowed})(scope, receive, send)
            return
        scope["state"]["principal"] = principal
        try:
            await self._app(scope, receive, _ChallengeSender(self._resource, scope, receive, send))
        except Failure as failure:
            if failure.code != "insufficient_scope":
                raise
            await refusal_response(failure, self._resource)(scope, receive, send)

    async def _find_principal(self, scope: Scope) -> Principal | Failure:
        bearer = read_bearer(Headers(scope=scope))
        if isinstance(bearer, Failure):
            return bearer
        authenticator: Authenticator = scope["state"]["authenticator"]
        try:
            principal = await authenticator.authenticate(bearer)
        except Failure as failure:
            if failure.code != "unauthorized":
                raise
            return failure
        if principal is None or (principal.audience is not None and principal.audience not in self._resource.audiences):
            await self._on_refused(HTTPConnection(scope), bearer, principal)
            return Failure("unauthorized", INVALID_BEARER)
        return replace(principal, scopes=principal.scopes & {READ}) if self._resource.is_read_only else principal


def has_bearer(headers: Headers) -> bool:
    """Whether a request has a header in which a bearer may stand."""
    return "authorization" in headers or KEY_HEADER in headers


def read_bearer(headers: Headers) -> str | Failure:
    """Return the bearer of a request, or its refusal. An Authorization header with a bearer counts first.

    The other header is for API keys alone: access tokens must be in the Authorization header.
    """
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and (bearer := bearer.strip()):
        return bearer
    key = headers.get(KEY_HEADER, "").strip()
    if not key:
        return Failure("unauthorized", MISSING_BEARER)
    return key if looks_like_api_key(key) else Failure("unauthorized", INVALID_BEARER)


def demand_scopes(scope: Scope, failure: Failure) -> None:
    """Make the guard answer this request with a 403 challenge, in place of the app's own answer.

    For the MCP door only: the SDK catches every error and answers 200 itself.
    """
    scope["state"]["insufficient_scope"] = failure


class _ChallengeSender:
    """Passes a response on, or sends the 403 challenge in its place.

    That is possible because in JSON mode nothing is sent before the handler has ended. So a tool's missing scope
    reaches the client in OAuth's form, in both protocol eras, and the request is parsed only once.
    """

    def __init__(self, resource: ProtectedResource, scope: Scope, receive: Receive, send: Send) -> None:
        self._resource = resource
        self._scope = scope
        self._receive = receive
        self._send = send

    async def __call__(self, message: Message) -> None:
        failure: Failure | None = self._scope["state"].get("insufficient_scope")
        if failure is None:
            await self._send(message)
        elif message["type"] == "http.response.start":
            await refusal_response(failure, self._resource)(self._scope, self._receive, self._send)
