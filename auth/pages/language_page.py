"""The form at the foot of each page that chooses the language."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from auth.pages.browser import check_csrf, is_https, load_browser
from auth.pages.languages import COOKIE, LANGUAGES
from auth.pages.login import read_destination
from auth.pages.page import redirect_browser
from auth.parameters import read_form
from auth.server import get_authorization_server
from auth.texts import say
from server.errors import Failure

PATH = "/language"
LIFETIME = timedelta(days=365)


async def choose_page_language(request: Request) -> Response:
    """POST `language` to see each page in it from now on, and go back to the page that `back` names."""
    form = await read_form(request)
    check_csrf(await load_browser(request), form)
    code = form.get("language")
    if code not in LANGUAGES:
        raise Failure("malformed", say("Go back, and choose one of the languages of the page."))
    response = redirect_browser(request, read_destination(form, "back"))
    response.set_cookie(
        COOKIE,
        code,
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=is_https(get_authorization_server(request)),
        httponly=True,
        samesite="lax",
    )
    return response
