"""Pages: rendered on the server, usable without scripts, never stored, never framed."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from auth.pages.browser import Browser, browser_of, set_cookie
from auth.server import server_of
from server.errors import Failure

_HERE = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_STYLE = (_HERE / "static" / "loci.css").read_bytes()

HEADERS = {
    "cache-control": "no-store",
    # Without form-action: browsers apply it to the redirect after a form too, which here goes to the client.
    "content-security-policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    # Not no-referrer: that makes browsers send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def page(
    request: Request,
    browser: Browser,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **values: object,
) -> Response:
    """A page for a browser, with the browser's cookie."""
    html = _TEMPLATES.get_template(template).render(browser=browser, csrf=browser.csrf_token, **values)
    response = HTMLResponse(html, status, HEADERS | (headers or {}))
    set_cookie(response, server_of(request), browser)
    return response


async def problem(request: Request, failure: Failure) -> Response:
    """A page that says what is wrong and what to do."""
    headers = {} if failure.retry_after is None else {"retry-after": str(failure.retry_after)}
    title = {403: "That did not work", 429: "Slow down"}.get(failure.status, "This cannot be done")
    browser = await browser_of(request)
    return page(
        request, browser, "problem.html", status=failure.status, headers=headers, title=title, message=failure.message
    )


def redirect(request: Request, url: str, browser: Browser | None = None) -> Response:
    """Go to a URL, with the GET method; the browser is given its cookie where it changed."""
    response = RedirectResponse(url, 302, HEADERS)
    if browser is not None:
        set_cookie(response, server_of(request), browser)
    return response


async def style(request: Request) -> Response:  # noqa: ARG001 - an endpoint's signature
    """GET the style sheet of every page."""
    return Response(_STYLE, media_type="text/css", headers={"cache-control": "public, max-age=3600"})
