"""The mark of a browser in which a person has logged in before.

Wrong passwords from elsewhere lock a name, so that nobody can guess on. A browser with the person's mark is not locked
out with them: its tries are counted by themselves.
"""

import hmac
import secrets
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from auth.pages.browser import choose_cookie_name, is_https
from auth.server import AuthorizationServer, get_authorization_server
from server.ids import UserId

LIFETIME = timedelta(days=180)


def find_known_browser(request: Request, user_id: UserId) -> str | None:
    """Return the id of the browser if this user has logged in with it before; else None."""
    auth = get_authorization_server(request)
    browser_id, _, seal = request.cookies.get(_choose_name(auth), "").partition(".")
    expected = auth.sealer.make_browser_seal(browser_id, user_id)
    return browser_id if hmac.compare_digest(expected.encode(), seal.encode()) else None


def mark_known_browser(response: Response, auth: AuthorizationServer, user_id: UserId) -> None:
    """Put the mark of this user into a response. It replaces another user's."""
    browser_id = secrets.token_urlsafe(16)
    response.set_cookie(
        _choose_name(auth),
        f"{browser_id}.{auth.sealer.make_browser_seal(browser_id, user_id)}",
        max_age=int(LIFETIME.total_seconds()),
        path="/",
        secure=is_https(auth),
        httponly=True,
        samesite="lax",
    )


def _choose_name(auth: AuthorizationServer) -> str:
    return f"{choose_cookie_name(auth)}-known"
