"""The live page: what agents store and recall right now, and the work in the background.

Without scripts it asks again by itself. With them it gets the stream, which ends with the login.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from auth.pages.browser import load_browser, make_principal
from auth.texts import say
from server.errors import Failure
from server.web.console.assets import LIVE_SCRIPT
from server.web.console.door import open_visit
from server.web.live import LiveEndpoint
from tools.core.call import Door

PATH = "/live"
STREAM_PATH = "/live/stream"


async def serve_live_page(request: Request) -> Response:
    """GET the newest calls."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    found = await visit.execute("list_activity")
    return visit.render("live.html", found=found, scripts=[LIVE_SCRIPT])


class LivePageStream:
    """Answers the script of the page with the stream. No page of another site can read it."""

    def __init__(self, watch: LiveEndpoint) -> None:
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream to the person who is logged in, for as long as they are."""
        request = Request(scope, receive)
        user = (await load_browser(request)).user
        if user is None:
            raise Failure("unauthorized", say("Log in first."))

        async def is_allowed() -> bool:
            now = (await load_browser(request)).user
            return now is not None and (now.id, now.account_id) == (user.id, user.account_id)

        door = Door(make_principal(user), request.state.request_id, name="console")
        await self._watch.send_stream(request, door, is_allowed, send)
