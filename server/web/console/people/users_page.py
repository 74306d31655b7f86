"""The page of users, for administrators of the server: who there is, shutting out, new passwords, invitations."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from auth.texts import say
from server.errors import Failure
from server.web.console.door import Visit, open_visit

PATH = "/users"
_CHANGES = {"disable": "disable_user", "enable": "enable_user", "remove": "remove_user"}


async def serve_users_page(request: Request) -> Response:
    """GET the people of the server; POST `action` to shut one out, to let one in, or to make a link, shown once."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method != "POST":
        return await _show(visit)
    form = await visit.read_form()
    action, user = form.get("action") or "", form.get("user")
    if action == "reset":
        return await _show(visit, reset=await visit.execute("create_reset_link", id=user))
    if action == "invite":
        return await _show(visit, invited=await visit.execute("invite_user"))
    if action not in _CHANGES:
        raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    await visit.execute(_CHANGES[action], id=user)
    return visit.redirect(PATH)


async def _show(visit: Visit, *, reset: Any = None, invited: Any = None) -> Response:
    users = (await visit.execute("list_users")).users
    services = visit.request.state.services
    return visit.render(
        "users.html",
        users=users,
        reset=reset,
        invited=invited,
        may_invite=services.signup == "invite",
        takes_password=services.login != "upstream",
        has_script=reset is not None or invited is not None,
    )
