"""The guard in front of `/mcp`, `/v1/mcp` and `/v1`: a bearer, or a challenge that says how to get one.

Pure ASGI. It answers every method, because clients look for the challenge with GET and HEAD too
(RFC 9728, section 5.1; RFC 6750, section 3).
"""

from dataclasses import dataclass, replace

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.bearer import Authenticator
from auth.principal import GRANTABLE, READ, Principal
from server.errors import Failure

MISSING = "Missing API key or access token. Send `Authorization: Bearer <key or token>`."
INVALID = "Invalid or missing API key: this bearer is unknown, expired, revoked or meant for another server."


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedResource:
    """A resource that a guard stands in front of (RFC 9728).

    Attributes:
        metadata_url: the address of the resource's metadata, for the challenge.
        audiences: the OAuth audiences that are accepted.
        is_read_only: whether every principal may only read here.
    """

    metadata_url: str
    audiences: frozenset[str]
    is_read_only: bool = False


class Guard:
    """Lets a request through with its `Principal` in `scope["state"]["principal"]`.

    A handler refuses a principal without the necessary scope by raising the `Failure`, which the guard answers with a
    403 challenge. The MCP door cannot raise through the SDK; it calls `demand_scopes` instead.

    Args:
        app: the ASGI app to guard.
        resource: the resource that the app belongs to.
        methods: the methods that `app` takes; others get 405 after they are authenticated.
    """

    def __init__(self, app: ASGIApp, resource: ProtectedResource, methods: frozenset[str] | None = None) -> None:
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
            await JSONResponse(failure.body(), int(failure.status), {"Allow": allowed})(scope, receive, send)
            return
        scope["state"]["principal"] = principal
        try:
            await self._app(scope, receive, _ChallengeSender(self._resource, scope, receive, send))
        except Failure as failure:
            if failure.code != "insufficient_scope":
                raise
            await refusal_response(failure, self._resource)(scope, receive, send)

    async def _find_principal(self, scope: Scope) -> Principal | Failure:
        scheme, _, bearer = Headers(scope=scope).get("authorization", "").partition(" ")
        bearer = bearer.strip()
        if scheme.lower() != "bearer" or not bearer:
            return Failure("unauthorized", MISSING)
        authenticator: Authenticator = scope["state"]["authenticator"]
        principal = await authenticator.authenticate(bearer)
        if principal is None or (principal.audience is not None and principal.audience not in self._resource.audiences):
            return Failure("unauthorized", INVALID)
        return replace(principal, scopes=principal.scopes & {READ}) if self._resource.is_read_only else principal


def refusal_response(failure: Failure, resource: ProtectedResource) -> Response:
    """Return a 401 or 403 with its challenge (RFC 6750, section 3.1): without a bearer it names no error."""
    is_scope_missing = failure.code == "insufficient_scope"
    error = "insufficient_scope" if is_scope_missing else None if failure.message == MISSING else "invalid_token"
    scopes = failure.scopes if is_scope_missing else GRANTABLE
    parts = [f'error="{error}"'] if error else []
    parts += [f'scope="{" ".join(scopes)}"', f'resource_metadata="{resource.metadata_url}"']
    headers = {"WWW-Authenticate": f"Bearer {', '.join(parts)}", "Cache-Control": "no-store"}
    return JSONResponse(failure.body(), int(failure.status), headers)


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
