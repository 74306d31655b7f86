"""The page that a browser gets at the address of an MCP endpoint."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.bearers.guard import has_bearer
from auth.pages.address import render_address_page


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


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not has_bearer(request.headers)
