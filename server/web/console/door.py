"""The console's door: a page runs the operations that REST and MCP run, for the person who is logged in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from auth.pages.browser import Browser, check_csrf, load_browser, make_principal
from auth.pages.page import redirect_browser, render_page
from auth.pages.templating import Templates
from auth.parameters import Parameters, read_form
from server.store.record.people.accounts import User
from tools.catalog import CANONICAL
from tools.core.call import Door
from tools.core.execution import execute_operation

TEMPLATES = Templates(Path(__file__).parent / "templates")
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page of the console, by a person who is logged in."""

    request: Request
    browser: Browser
    user: User

    async def execute(self, operation: str, workspace: str | None = None, /, **arguments: Any) -> Any:
        """Run an operation of the catalogue and return its answer, as REST does for the same person.

        An argument that is None or "" is left out, as a form sends a field that nobody filled in.

        Raises:
            Failure: a refusal.
        """
        sent = {name: value for name, value in arguments.items() if value is not None and value != ""}
        door = Door(make_principal(self.user), self.request.state.request_id, workspace or None, name="console")
        return await execute_operation(CANONICAL[operation], self.request.state.services, door, sent)

    async def list_workspaces(self) -> list[str]:
        """Return the addresses of the workspaces that the person may use."""
        return [each.address for each in (await self.execute("list_workspaces")).workspaces]

    async def read_form(self) -> Parameters:
        """Return the form of a request. Raises `forbidden` if it was not made for this browser."""
        form = await read_form(self.request)
        check_csrf(self.browser, form)
        return form

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Return the page that a template makes of the values."""
        return render_page(self.request, self.browser, template, templates=TEMPLATES, status=status, **values)

    def redirect(self, url: str) -> Response:
        """Return a redirect to a page of this server, with the GET method."""
        return redirect_browser(self.request, url)


async def open_visit(request: Request) -> Visit | Response:
    """Return the visit of the person who is logged in; a redirect to the login if nobody is."""
    browser = await load_browser(request)
    if browser.user is None:
        return redirect_browser(request, f"/login?next={request.url.path}")
    return Visit(request, browser, browser.user)


def make_address(path: str, **query: str | None) -> str:
    """Return the address of a page of this server, with those values of the query that are not empty."""
    chosen = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(chosen)}" if chosen else path


def read_number(text: str | None) -> int | None:
    """Return the number of a query's value; None if it is none, or has too many digits to mean one."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def make_page_links(
    path: str, chosen: Mapping[str, str | None], offset: int, size: int, total: int
) -> tuple[str | None, str | None]:
    """Return the addresses of the newer and the older page beside one of `size` rows; None if there is none."""
    newer = make_address(path, **chosen, offset=str(max(0, offset - size))) if offset else None
    older = make_address(path, **chosen, offset=str(offset + size)) if offset + size < total else None
    return newer, older
