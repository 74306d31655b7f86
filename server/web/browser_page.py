"""The pages that a browser gets at addresses of no page: that of an MCP endpoint, and one that leads to nothing."""

from http import HTTPStatus
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.bearers.guard import has_bearer
from auth.page_refusals import TitledFailure
from auth.pages.address import render_address_page
from auth.pages.page import render_refusal_page
from auth.texts import say


class BrowserPage:
    """Answers a browser that opens an endpoint with a page about the endpoint.

    Attributes:
        app: the endpoint, which gets every other request.
    """

    def __init__(self, app: ASGIApp, address: str, *, is_read_only: bool = False) -> None:
        self.app = app
        self._address = address
        self._is_read_only = is_read_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the page if the request is a browser's, which accepts HTML and sends no bearer."""
        request = Request(scope, receive)
        if request.method in {"GET", "HEAD"} and _is_browser(request):
            response = await render_address_page(request, self._address, is_read_only=self._is_read_only)
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)


async def answer_missing_page(request: Request, error: Exception) -> Response:
    """Answer a browser at an address that leads to nothing: with the page without a slash, or one that says so.

    Raises:
        Exception: the error, which has another answer.
    """
    is_missing = isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND
    if not is_missing or request.method not in {"GET", "HEAD"} or not _is_browser(request):
        raise error
    path = request.url.path.rstrip("/")
    if path != request.url.path and _is_route(request, path):
        return RedirectResponse(quote(path) + (f"?{request.url.query}" if request.url.query else ""))
    message = say("There is no %(path)s on this server. Your apps are at /apps.", path=request.url.path)
    return await render_refusal_page(request, TitledFailure("not_found", say("There is no such page"), message))


def _is_route(request: Request, path: str) -> bool:
    scope = {**request.scope, "path": path}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not has_bearer(request.headers)
