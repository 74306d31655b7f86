"""The page for people who open the address of an MCP endpoint in a browser."""

from starlette.requests import Request
from starlette.responses import Response

from auth.pages.browser import load_browser
from auth.pages.page import render_page


async def render_address_page(request: Request, address: str, *, is_read_only: bool) -> Response:
    """Return the page that says what an endpoint's address is for."""
    browser = await load_browser(request)
    return render_page(request, browser, "address.html", address=address, is_read_only=is_read_only, has_script=True)
