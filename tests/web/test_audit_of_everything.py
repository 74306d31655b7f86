"""Every operation, route and page leaves an entry in the audit; what leaves none is in the docs, with the reason."""

import re
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa
from starlette.routing import Route

from server.app import create_app
from server.store.tables.audit import audit_entries
from server.web.console import routes as console
from server.web.live import LiveEndpoint
from tests.helpers.arguments import NOBODY
from tests.helpers.audit import settle
from tests.helpers.console import log_in
from tests.helpers.doors import call_rest, call_tool
from tests.helpers.programs.npm import ROOT
from tests.web.console.test_every_page import fill_workspace
from tools import catalog
from tools.compat import recall_link

pytestmark = pytest.mark.anyio

#: The routes that are no operation and no page, and leave an entry: test_audit_of_logins.py and the tests of the doors.
OTHERS = {
    "/mcp",
    "/mcp/",
    "/v1/mcp",
    "/v1/mcp/",
    "/v1/memories/export",
    "/v1/live",
    "/v1/import",
    "/v1/export",
    "/v1/images/{workspace}/{memory_id}/{filename}",
    "/v1/auth/signup",
    "/v1/signup",
    "/setup",
    "/signup",
    "/login",
    "/login/callback/{provider}",
    "/logout",
    "/own-login",
    "/reset",
    "/apps",
    "/oauth/authorize",
    "/oauth/token",
    "/oauth/revoke",
}


async def list_new(site, after=0):
    """The entries of the whole server as (number of the row, door, operation), oldest first."""
    await settle(site)
    c = audit_entries.c
    async with site.services.db.read() as connection:
        rows = (await connection.execute(sa.select(c.door, c.operation, c.effect).order_by(c.at, c.number))).all()
    return rows[after:]


@pytest.mark.parametrize("door", ["rest", "mcp"])
async def test_every_operation_is_noted_through_both_doors_on_each_of_its_routes(site, door):
    ann = await site.add_person("ann", ("memory:write", "admin"), is_admin=True)
    # A new key ends the old one, with which the calls are sent.
    for each in sorted(catalog.OPERATIONS, key=lambda each: each.name == "rotate_key"):
        routes = range(len(each.routes)) if door == "rest" else [0]
        for route in routes:
            path = each.routes[route][1]
            arguments = dict.fromkeys(re.findall(r"{(\w+)}", path), NOBODY) if door == "rest" else {}
            before = len(await list_new(site))
            if door == "rest":
                await call_rest(ann, each.name, arguments, route=route)
            else:
                await call_tool(ann, each.name, arguments)
            (entry,) = await list_new(site, before)
            assert tuple(entry) == (door, each.name, each.effect.value), (each.name, path)


async def test_the_tools_of_the_recall_link_are_noted(ann, site):
    for each in recall_link.OPERATIONS:
        before = len(await list_new(site))
        await call_tool(ann, each.name, {}, path="/v1/mcp")
        (entry,) = await list_new(site, before)
        assert tuple(entry) == ("mcp", each.name, "read")


def list_paths(routes):
    return {each.path for each in routes if isinstance(each, Route)}


async def test_each_route_is_an_operation_a_page_or_another_that_is_noted_or_the_docs_say_why_it_is_not(site):
    operations = {path for each in catalog.OPERATIONS for _, path in each.routes}
    pages = list_paths(console.make_routes(LiveEndpoint(site.running.streams)))
    text = (ROOT / "docs" / "audit.md").read_text()
    excused = set(re.findall(r"`(/[^` ]*)`", text.partition("## What is not noted")[2].partition("\n## ")[0]))
    app = create_app(site.running)._app  # noqa: SLF001 - the Starlette application inside the entrance
    paths = list_paths(app.routes)
    assert len(paths) > 100
    assert paths - operations - pages - OTHERS - excused == set()
    assert excused - paths == set(), "the docs excuse what is not there"
    assert OTHERS - paths == set()


class _Forms(HTMLParser):
    """The forms of a page that change something: the address of each, its fields, and its buttons."""

    def __init__(self, page):
        super().__init__()
        self.forms: list = []
        self._select = None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.forms.append((given.get("method", "get"), given.get("action"), {}, []))
        elif not self.forms:
            return
        _, _, fields, buttons = self.forms[-1]
        name, kind = given.get("name"), given.get("type")
        if tag == "button":
            buttons.append((name, given.get("value", "")))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select is not None:
            fields.setdefault(self._select, given.get("value", "x"))
        elif tag in {"input", "textarea"} and name and kind not in {"radio", "file"}:
            fields[name] = given.get("value") or "x"

    def handle_endtag(self, tag):
        if tag == "select":
            self._select = None


async def test_every_page_and_every_button_of_a_page_is_noted(site):
    ann = await site.add_person("ann", ("memory:write", "admin"), is_admin=True)
    memory = await fill_workspace(ann)
    await call_rest(ann, "create_account", {"name": "house"})
    http = await log_in(site, ann)
    skipped = ("/static/", "/favicon", "/live/stream", "/import/file", "/memories/change")
    paths = [
        path.replace("{id}", memory) for path in list_paths(console.make_routes(LiveEndpoint(site.running.streams)))
    ]
    pressed = 0
    for path in sorted(each for each in paths if not each.startswith(skipped)):
        before = len(await list_new(site))
        page = await http.get(path)
        seen = await list_new(site, before)
        forms = [each for each in _Forms(page.text).forms if each[0] == "post"]
        # The check of a connection calls the server from outside, and the form of a refused invitation asks nobody.
        if path not in {"/connection-check", "/invitation"}:
            assert {each.door for each in seen} == {"console"}, path
        for _, action, fields, buttons in forms:
            for name, value in buttons:
                if action == "/language" or (action in {"/connection-check", "/recall-check"} and not name):
                    continue
                before = len(await list_new(site))
                answer = await http.post(action, data=fields | ({name: value} if name else {}))
                noted = await list_new(site, before)
                assert answer.status_code < 500
                assert any(each.door == "console" for each in noted), (path, action, name, value, answer.text[-400:])
                pressed += 1
    assert pressed > 20
