"""Each page in a real browser, with axe: at phone and desktop width, light and dark, without an error or a report."""

from typing import Any

import pytest

from auth.pages.navigation import PAGES
from auth.routes import build_routes
from server.web.console.routes import make_routes
from tests.helpers.console import log_in
from tests.helpers.doors import call_rest
from tests.helpers.people import make_team
from tests.helpers.programs.npm import ROOT, install_packages
from tests.web.test_pages import DESKTOP, PHONE, authorization_url, fits, page_at, register

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.node]

MANIFEST = ROOT / "tests" / "web" / "console" / "axe" / "package.json"
#: The windows and colours, and the rules of axe: each colour is looked at, and the rest once.
VIEWS: Any = ((PHONE, "light", None), (DESKTOP, "dark", ["color-contrast", "target-size"]))
EVERYTHING = ("memory:write", "admin")
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true; })"
FIND_VIOLATIONS = """async rules => {
    const found = await axe.run(document, rules ? { runOnly: { type: 'rule', values: rules } } : {});
    return found.violations.map(each => `${each.id}: ${each.nodes.map(node => node.html).slice(0, 3).join(' | ')}`);
}"""


async def fill_workspace(ann):
    """Something for each page to show; the id of a memory with a link, a change and a mark."""
    old = await ann.store("The kettle is in the attic", tags=["house"], project="house")
    memory = await ann.store("The kettle moved to the cellar", type="decision", supersedes=[old])
    await call_rest(ann, "update_memory", {"id": memory, "content": "The kettle moved to the big cellar"})
    await call_rest(ann, "pin_memory", {"id": memory})
    repeated = [await ann.store(f"A boat {n}", tags=["boat"]) for n in range(4)]
    await call_rest(ann, "consolidate_group", {"source_ids": repeated[:2]})
    await call_rest(ann, "add_skip", {"item": "tea", "reason": "cold", "expires": "2099-01-01"})
    await call_rest(ann, "add_item", {"category": "active_work", "title": "Fill the kettle", "content": "Slowly."})
    await call_rest(ann, "update_identity", {"crystal": "I am careful."})
    await ann.http.post("/v1/keys", json={"label": "laptop"})
    await ann.store("Anna Lind lent the boat to Ben Okafor", entity="Anna Lind")
    await call_rest(ann, "add_entity", {"name": "Annie"})
    await call_rest(ann, "merge_entities", {"id": "Anna Lind", "others": ["Annie"]})
    erased = await ann.store("Nobody knows this any more")
    await ann.http.delete(f"/v1/memories/{erased}", params={"erase": "true"})
    turn = (await call_rest(ann, "start_session", {"external_id": "open"})).body["session"]["id"]
    await call_rest(ann, "record_event", {"type": "tool_use", "session_id": turn})
    return memory


async def list_paths(site, ann):
    """The addresses of all pages, from the routes: those that need something get it, and others are asked as they are.

    A new page is looked at without a word here, unless its path has a parameter.
    """
    memory, bob = await fill_workspace(ann), await site.add_person("bob", EVERYTHING, is_admin=True)
    teams = [await make_team(site, ann, "crew"), await make_team(site, bob, "band")]
    await call_rest(ann, "create_workspace", {"name": "crew/plans"})
    await call_rest(ann, "propose_memory", {"id": memory, "to": "crew/plans"})
    invitation = (await call_rest(bob, "create_invitation", {"id": teams[1], "role": "member"})).body["url"]
    reset = (await call_rest(ann, "create_reset_link", {"id": bob.user_id})).body["url"]
    arranged = {
        "/reset": [reset.removeprefix(site.url)],
        "/memories": ["/memories", "/memories?q=kettle", "/memories?status=all"],
        "/memories/{id}": [f"/memories/{memory}", "/memories/x"],
        "/recall-check": ["/recall-check", "/recall-check?message=where+is+the+kettle"],
        "/promotions": ["/promotions?workspace=crew/plans"],
        "/invitation": [invitation.removeprefix(site.url)],
        "/login/callback/{provider}": ["/login/callback/none"],
        "/oauth/authorize": [authorization_url(site, await register(site), "v" * 43).removeprefix(site.url)],
        "/entities/{id}": ["/entities/Anna Lind"],
        "/audit": ["/audit", "/audit?verify=1"],
        # files
        "/import/export": [],
        "/audit/csv": [],
    }
    no_stream: Any = None
    routes = [route for route in (*build_routes(), *make_routes(no_stream)) if is_page(route)]
    assert set(arranged) <= {route.path for route in routes}
    paths = [path for route in routes for path in arranged.get(route.path, [route.path])]
    assert [path for path in paths if "{" in path] == [], "say what to ask for"
    assert {address for address, _ in PAGES} <= set(paths)
    return paths


def is_page(route):
    """Whether a route answers a refusal with a page, and can be opened."""
    return "GET" in (route.methods or ()) and hasattr(route.endpoint, "__wrapped__")


async def test_every_page_is_accessible_fits_and_reports_nothing(site):
    axe = (install_packages(MANIFEST, "axe") / "axe-core" / "axe.min.js").read_text()
    ann = await site.add_person("ann", EVERYTHING, is_admin=True)
    paths = await list_paths(site, ann)
    http = await log_in(site, ann)
    troubles: list[str] = []
    async with page_at(PHONE, has_scripts=True) as page:
        cookies: Any = [{"name": name, "value": value, "url": site.url} for name, value in http.cookies.items()]
        await page.context.add_cookies(cookies)
        page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        for path in paths:
            await page.goto(f"{site.url}{path}")
            await page.evaluate(OPEN_ALL)
            await page.evaluate(axe)
            for size, scheme, rules in VIEWS:
                await page.set_viewport_size(size)
                await page.emulate_media(color_scheme=scheme)
                assert await fits(page), (path, size)
                assert await page.evaluate(FIND_VIOLATIONS, rules) == [], (path, size, scheme)
        await page.set_viewport_size(VIEWS[0][0])
        await page.goto(f"{site.url}/memories")
        await page.get_by_label("Search as an agent would").press_sequentially("big cellar")
        await page.wait_for_url("**q=big+cellar**", timeout=20_000)  # after the list is there
        assert await page.get_by_text("1 found").is_visible()
        assert await page.locator("#found li").count() == 1
        await page.get_by_label("Choose: The kettle moved to the big cellar").check()
        await page.get_by_text("Change several").click()
        await page.get_by_label("What to do").select_option("bury")
        await page.get_by_role("button", name="Show what would change").click()
        await page.get_by_role("button", name="Bury: 1").click()
        assert await page.get_by_text("1 memory was buried.").is_visible()
        await page.get_by_role("button", name="Deutsch").click()
        assert await page.get_by_role("heading", name="Erinnerungen").is_visible()
        await page.evaluate(OPEN_ALL)
        await page.evaluate(axe)
        assert await fits(page)
        assert await page.evaluate(FIND_VIOLATIONS, None) == []
    # A browser notes the pages that say that there is nothing, or not for this person.
    assert [each for each in troubles if "the server responded with a status of 4" not in each] == []
