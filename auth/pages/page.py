"""Pages: rendered on the server, usable without scripts, never stored, never framed.

The only script adds buttons that copy commands, and only the pages that show commands have it.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from auth.page_refusals import TitledFailure
from auth.pages.browser import Browser, load_browser, set_cookie
from auth.pages.languages import choose_language
from auth.pages.navigation import GROUPS, find_group
from auth.pages.templating import Templates
from auth.rfc import OAuth2Error
from auth.server import get_authorization_server
from auth.texts import say
from server.errors import Code, Failure
from server.network.retry_after import retry_after_headers

_HERE = Path(__file__).parent
_TEMPLATES = Templates()

_POLICY = "content-security-policy"
HEADERS = {
    "cache-control": "no-store",
    # There is no form-action: browsers apply it to the redirect after a form too, and ours goes to the client.
    _POLICY: "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    # It is not no-referrer: with that, browsers send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_ICON = (_HERE / "static" / "loci.svg").read_bytes(), "image/svg+xml"
_STATIC_HEADERS = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
_STATIC_FILES = {
    "/static/loci.css": ((_HERE / "static" / "loci.css").read_bytes(), "text/css"),
    "/static/loci.js": ((_HERE / "static" / "loci.js").read_bytes(), "text/javascript"),
    "/static/loci.svg": _ICON,
    "/favicon.ico": _ICON,  # browsers ask for it, also on pages that name no icon
}
STATIC_PATHS = tuple(_STATIC_FILES)

#: The titles of refusals that have none of their own.
_TITLES: dict[Code, str] = {
    "malformed": say("This request cannot be read"),
    "too_large": say("This request is too large"),
    "too_many_requests": say("Too many tries"),
    "forbidden": say("You may not do this"),
    "unavailable": say("Loci cannot answer now"),
}

#: An endpoint that answers with a page or a redirect.
PageHandler = Callable[[Request], Awaitable[Response]]


def with_refusal_page(handler: PageHandler) -> PageHandler:
    """Return the handler as an endpoint that answers a `Failure` or an `OAuth2Error` with a page that explains it."""

    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except OAuth2Error as error:
            code: Code = "too_large" if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else "malformed"
            failure = Failure(code, str(error.description))
        except Failure as refusal:
            failure = refusal
        return await render_refusal_page(request, failure)

    return endpoint


def render_page(
    request: Request,
    browser: Browser,
    template: str,
    *,
    templates: Templates = _TEMPLATES,
    status: int = 200,
    headers: dict[str, str] | None = None,
    has_script: bool = False,
    scripts: Sequence[str] = (),
    **values: object,
) -> Response:
    """Return the page that a template makes of the values, with the browser's cookie.

    `has_script`: it has the script that copies commands. `scripts`: the addresses of others, which may ask this server.
    """
    loaded = (*(("/static/loci.js",) if has_script else ()), *scripts)
    common = {"browser": browser, "csrf": browser.csrf_token, "scripts": loaded}
    here = {"path": request.url.path, "here": _find_way_back(request, status)}
    around = {"groups": GROUPS, "group": find_group(request.url.path)} | here
    html = templates.load(template, choose_language(request)).render(**common, **around, **values)
    asking = "; connect-src 'self'" if scripts else ""
    policy = {_POLICY: f"{HEADERS[_POLICY]}; script-src 'self'{asking}"} if loaded else {}
    response = HTMLResponse(html, status, HEADERS | policy | (headers or {}))
    set_cookie(response, get_authorization_server(request), browser)
    return response


def _find_way_back(request: Request, status: int) -> str:
    """Return the address to which the choice of a language goes back: this one; empty after a form or a refusal."""
    if request.method != "GET" or status != HTTPStatus.OK:
        return ""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


async def render_refusal_page(request: Request, failure: Failure) -> Response:
    """Return a page that says what is wrong and what the person can do."""
    title = (
        failure.title if isinstance(failure, TitledFailure) else _TITLES.get(failure.code, say("Something is wrong"))
    )
    browser = await load_browser(request)
    return render_page(
        request,
        browser,
        "refusal.html",
        status=failure.status,
        headers=retry_after_headers(failure.retry_after),
        title=title,
        message=failure.message,
    )


def redirect_browser(request: Request, url: str, browser: Browser | None = None) -> Response:
    """Return a redirect to a URL, with the GET method. `browser` is given if its cookie has changed."""
    response = RedirectResponse(url, 302, HEADERS)
    if browser is not None:
        set_cookie(response, get_authorization_server(request), browser)
    return response


async def serve_static_file(request: Request) -> Response:
    """GET the style sheet, the script or the icon of every page."""
    content, media_type = _STATIC_FILES[request.url.path]
    return Response(content, media_type=media_type, headers=_STATIC_HEADERS)
