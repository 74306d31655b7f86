"""The guard in front of `/mcp`, `/v1/mcp` and `/v1`: a bearer, or a challenge that says how to get one.

Pure ASGI. It answers every method, because clients look for the challenge with GET and HEAD too
(RFC 9728, section 5.1; RFC 6750, section 3).
"""

from dataclasses import replace

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.bearer import Authenticator
from auth.principal import GRANTABLE, READ, Principal
from server.errors import Failure

MISSING = "Missing API key or access token. Send `Authorization: Bearer <key or token>`."
INVALID = "Invalid or missing API key: this bearer is unknown, expired, revoked or meant for another server."


def challenge(metadata_url: str, *, error: str | None = None, scopes: tuple[str, ...] = GRANTABLE) -> str:
    """The WWW-Authenticate header; `error` is left out where no bearer was sent (RFC 6750, section 3.1)."""
    parts = [f'error="{error}"'] if error else []
    return "Bearer " + ", ".join([*parts, f'scope="{" ".join(scopes)}"', f'resource_metadata="{metadata_url}"'])


def refusal(failure: Failure, metadata_url: str) -> Response:
    """A 401 or 403 with its challenge."""
    if failure.code == "insufficient_scope":
        header = challenge(metadata_url, error="insufficient_scope", scopes=failure.scopes)
    else:
        header = challenge(metadata_url, error=None if failure.message == MISSING else "invalid_token")
    return JSONResponse(failure.body(), int(failure.status), {"WWW-Authenticate": header, "Cache-Control": "no-store"})


class Guard:
    """Lets a request through with its `Principal` in `scope["state"]["principal"]`.

    Args:
        app: what it guards.
        metadata_url: the protected-resource document that a challenge points to.
        audiences: the OAuth audiences that are accepted here.
        read_only: whether whatever comes through may only read.
        methods: the methods that `app` takes; others get 405 once they are authenticated.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metadata_url: str,
        audiences: frozenset[str],
        read_only: bool = False,
        methods: frozenset[str] | None = None,
    ) -> None:
        self._app = app
        self._metadata_url = metadata_url
        self._audiences = audiences
        self._read_only = read_only
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate, then call the application.

        A handler that misses a scope raises `insufficient_scope`; inside the MCP SDK, it calls `need_scopes`.
        """
        principal = await self._principal(scope)
        if isinstance(principal, Failure):
            await refusal(principal, self._metadata_url)(scope, receive, send)
            return
        if self._methods is not None and scope["method"] not in self._methods:
            allowed = ", ".join(sorted(self._methods))
            failure = Failure("method_not_allowed", f"{scope['method']} is not allowed here; use {allowed}.")
            await JSONResponse(failure.body(), int(failure.status), {"Allow": allowed})(scope, receive, send)
            return
        scope["state"]["principal"] = principal
        try:
            await self._app(scope, receive, _Step(self._metadata_url, scope, receive, send))
        except Failure as failure:
            if failure.code != "insufficient_scope":
                raise
            await refusal(failure, self._metadata_url)(scope, receive, send)

    async def _principal(self, scope: Scope) -> Principal | Failure:
        scheme, _, bearer = Headers(scope=scope).get("authorization", "").partition(" ")
        bearer = bearer.strip()
        if scheme.lower() != "bearer" or not bearer:
            return Failure("unauthorized", MISSING)
        authenticator: Authenticator = scope["state"]["authenticator"]
        principal = await authenticator.authenticate(bearer)
        if principal is None or (principal.audience is not None and principal.audience not in self._audiences):
            return Failure("unauthorized", INVALID)
        return replace(principal, scopes=principal.scopes & {READ}) if self._read_only else principal


def need_scopes(scope: Scope, failure: Failure) -> None:
    """Have the guard answer this request with a 403 challenge, whatever the handler sends."""
    scope["state"]["insufficient_scope"] = failure


class _Step:
    """Passes a response on, or puts the 403 challenge in its place.

    It can, because in JSON mode nothing is sent before the handler has ended; so a tool's missing scope reaches
    the client as OAuth wants it, in both protocol eras, without the request being parsed twice.
    """

    def __init__(self, metadata_url: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._metadata_url = metadata_url
        self._scope = scope
        self._receive = receive
        self._send = send

    async def __call__(self, message: Message) -> None:
        failure: Failure | None = self._scope["state"].get("insufficient_scope")
        if failure is None:
            await self._send(message)
        elif message["type"] == "http.response.start":
            await refusal(failure, self._metadata_url)(self._scope, self._receive, self._send)
