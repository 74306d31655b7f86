"""The answers of our OAuth endpoints if issuers issue the tokens: they name the issuers."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.answers import NO_STORE
from auth.page_refusals import TitledFailure
from auth.server import AuthorizationServer, get_authorization_server
from auth.texts import say


def make_refusal(error: str) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that refuses every request with this error of OAuth, and names the issuers."""

    async def refuse_request(request: Request) -> Response:
        auth = get_authorization_server(request)
        body = {"error": error, "error_description": _describe(auth), "authorization_servers": list(auth.issuers)}
        return JSONResponse(body, 400, NO_STORE)

    return refuse_request


async def refuse_login(request: Request) -> Response:
    """Answer the authorization endpoint with a page.

    Raises:
        TitledFailure: always.
    """
    raise TitledFailure("not_found", say("Apps log in elsewhere"), _describe(get_authorization_server(request)))


def _describe(auth: AuthorizationServer) -> str:
    issuers = " or ".join(auth.issuers)
    return say(
        "This server issues no tokens; it accepts those of %(issuers)s. Disconnect the app and connect it again.",
        issuers=issuers,
    )
