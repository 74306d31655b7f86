"""The card of a recall in the chat (MCP Apps): a host that declares it gets it, and nobody else sees a difference."""

import re
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.extension import advertise
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from server.web.mcp import cards
from tests.helpers.doors import ERAS, send_rpc
from tests.helpers.site import NO_TLS, PATIENCE
from tests.web.test_pages import QUIET

pytestmark = pytest.mark.anyio

HOSTILE = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
MODES = pytest.mark.parametrize("mode", ["auto", "legacy"])


@asynccontextmanager
async def open_host(person, mode="auto", *, mime_types=(cards.MIME_TYPE,), path="/mcp"):
    """The official client, as a host that shows pages of these media types."""
    headers = {"authorization": f"Bearer {person.key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE, verify=NO_TLS) as http:
        transport = streamable_http_client(f"{person.url}{path}", http_client=http)
        declared = [advertise(cards.EXTENSION, {"mimeTypes": list(mime_types)})] if mime_types else []
        async with Client(transport, mode=mode, extensions=declared) as client:
            host: Any = client
            yield host


def read_ui(tool):
    return (tool.meta or {}).get("ui", {})


@MODES
async def test_a_host_that_declares_the_extension_gets_the_card_and_the_tools_of_its_buttons(cat, mode):
    await cat.store("The kettle is in the attic")
    async with open_host(cat, mode) as client:
        tools = {each.name: each for each in (await client.list_tools()).tools}
        assert {name for name, each in tools.items() if "resourceUri" in read_ui(each)} == set(cards.SHOWN)
        hidden = {name for name, each in tools.items() if read_ui(each).get("visibility") == ["app"]}
        assert {"restore_memory", "explain_recall"} <= hidden <= set(cards.ACTIONS)
        (page,) = (await client.read_resource(read_ui(tools["search"])["resourceUri"])).contents
        assert (page.mime_type, page.text) == (cards.MIME_TYPE, cards.PAGE)
        assert page.meta["ui"]["csp"] == {"connectDomains": [], "resourceDomains": []}
        recalled = await client.call_tool("retrieve_context", {"message": "where is the kettle?"})
        assert "delete_memory" in recalled.meta[cards.ACTIONS_FIELD]
        stored = await client.call_tool("store_memory", {"content": "x"})
        assert cards.ACTIONS_FIELD not in (stored.meta or {})


@MODES
@pytest.mark.parametrize("mime_types", [(), ("text/html",)])
async def test_a_host_without_it_gets_the_tools_as_they_are(cat, mode, mime_types):
    async with open_host(cat, mode, mime_types=mime_types) as client:
        tools = (await client.list_tools()).tools
        assert len(tools) == 8
        assert not [each for each in tools if each.meta]
        found = await client.call_tool("search", {"query": "kettle"})
        assert cards.ACTIONS_FIELD not in (found.meta or {})


@ERAS
async def test_the_list_of_a_client_that_declares_nothing_does_not_name_the_card(cat, era):
    answer = await send_rpc(cat, "tools/list", era=era)
    assert "ui://" not in answer.text
    assert "mcp-session-id" not in answer.headers
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    assert "mcp-session-id" not in (await send_rpc(cat, "initialize", params, era="2025-06-18")).headers


async def test_the_card_offers_nothing_that_the_caller_may_not_do(make_person):
    reader = await make_person(scopes=("memory:read",))
    async with open_host(reader) as client:
        tools = {each.name for each in (await client.list_tools()).tools}
        assert tools & set(cards.ACTIONS) == {"explain_recall"}
        found = await client.call_tool("search", {"query": "kettle"})
        assert found.meta[cards.ACTIONS_FIELD] == ["explain_recall"]


@pytest.mark.parametrize("path", ["/mcp?toolset=memento", "/mcp?toolset=min-memory", "/v1/mcp"])
async def test_lists_of_other_systems_have_no_card(cat, path):
    async with open_host(cat, path=path) as client:
        assert not [each for each in (await client.list_tools()).tools if each.meta]


def test_capabilities_of_another_form_declare_nothing():
    for capabilities in (None, [], {"extensions": None}, {"extensions": {cards.EXTENSION: {"mimeTypes": "text/html"}}}):
        assert not cards.declares_cards(capabilities)


#: A host that shows the card in a sandbox, and passes the calls of its buttons on to the server.
HOST = """
window.heard = [];
window.addEventListener("message", async (event) => {
  const message = event.data, view = document.getElementById("view").contentWindow;
  window.heard.push(message);
  const reply = (result) => view.postMessage({ jsonrpc: "2.0", id: message.id, ...result }, "*");
  if (message.method === "ui/initialize") {
    const hostContext = { theme: "dark", styles: { variables: { "--font-sans": "serif" } } };
    const hostInfo = { name: "t", version: "0" }, hostCapabilities = { serverTools: {} };
    reply({ result: { protocolVersion: "2026-01-26", hostInfo, hostCapabilities, hostContext } });
  } else if (message.method === "ui/notifications/initialized") {
    const tell = (method, params) => view.postMessage({ jsonrpc: "2.0", method, params }, "*");
    tell("ui/notifications/tool-input", { arguments: { message: "where is the kettle?" } });
    tell("ui/notifications/tool-result", window.result);
  } else if (message.method === "tools/call") {
    reply({ result: await window.callServer(message.params.name, message.params.arguments) });
  } else if (message.id !== undefined && message.method) {
    reply({ result: {} });
  }
});
"""


@pytest.mark.browser
async def test_a_person_pins_buries_and_forgets_a_memory_on_the_card_and_texts_are_never_run(cat, tmp_path):
    memory = await cat.store(f"The kettle is in the attic {HOSTILE}", type="fact", project="house")
    async with open_host(cat) as client, open_card(client) as (page, problems):
        card = page.frame_locator("#view")
        await card.get_by_text("1 recalled from default.").wait_for()
        assert HOSTILE in await card.locator(".text").inner_text()
        assert "Why: it fits by" in await card.locator("li").inner_text()
        await card.get_by_role("button", name="More about why").click()
        await card.get_by_text("It comes up, at place 1.").wait_for()
        for button, done, undo, field in (
            ("Pin", "Pinned.", "Unpin", "pinned_at"),
            ("Bury", "Buried: no recall brings it.", "Dig out", "buried_at"),
        ):
            await card.get_by_role("button", name=re.compile(f"^{button}")).click()
            await card.get_by_text(done).wait_for()
            assert (await cat.http.get(f"/v1/memories/{memory}")).json().get(field)
            await card.get_by_role("button", name=undo).click()
            await card.get_by_role("button", name=re.compile(f"^{button}")).wait_for()
            assert not (await cat.http.get(f"/v1/memories/{memory}")).json().get(field)
        await card.get_by_role("button", name="Forget").click()
        await card.get_by_role("button", name="Yes, forget it").click()
        await card.get_by_text("Forgotten.").wait_for()
        assert (await cat.http.get(f"/v1/memories/{memory}")).status_code == 404
        await card.get_by_role("button", name="Bring it back").click()
        await card.get_by_role("button", name="Forget").wait_for()
        await page.screenshot(path=tmp_path / "card.png")
        heard = await page.evaluate("window.heard")
        assert {"ui/update-model-context", "ui/notifications/size-changed"} <= {each.get("method") for each in heard}
        calls = [each["params"] for each in heard if each.get("method") == "tools/call"]
        assert [each["name"] for each in calls] == [
            *("explain_recall", "pin_memory", "unpin_memory", "bury_memory", "unbury_memory"),
            *("delete_memory", "restore_memory"),
        ]
        assert calls[-1]["arguments"] == {"id": memory, "workspace": "default"}
        assert await page.title() != "run"
        assert problems == []


@pytest.mark.browser
async def test_the_card_of_a_reader_has_no_button_that_changes_anything_and_the_server_refuses_it(site):
    writer, reader = await site.add_person(), await site.add_person(scopes=("memory:read",))
    memory = await writer.store("The kettle is in the attic")
    async with open_host(reader) as client, open_card(client) as (page, problems):
        card = page.frame_locator("#view")
        await card.get_by_text("1 recalled from default.").wait_for()
        assert await card.get_by_role("button").all_inner_texts() == ["More about why"]
        for tool in ("bury_memory", "pin_memory", "delete_memory"):
            refused = await page.evaluate("([name, id]) => window.callServer(name, { id })", [tool, memory])
            assert refused["isError"], refused
        assert problems == []
    kept = (await writer.http.get(f"/v1/memories/{memory}")).json()
    assert (kept.get("pinned_at"), kept.get("buried_at")) == (None, None)


@asynccontextmanager
async def open_card(client):
    """A page of chromium that hosts the card of a recall by a client, with the problems that its console told."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - takes long, and two tests need it

    async def call_server(name, arguments):
        try:
            return (await client.call_tool(name, arguments)).model_dump(mode="json", by_alias=True)
        except MCPError as error:
            return {"isError": True, "content": [{"type": "text", "text": str(error)}]}

    result = await call_server("retrieve_context", {"message": "where is the kettle in the attic?"})
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        page = await browser.new_page(viewport={"width": 390, "height": 700})
        problems = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.expose_function("callServer", call_server)
        await page.set_content(
            '<!doctype html><iframe id="view" sandbox="allow-scripts" width="370" height="600"></iframe>'
        )
        await page.evaluate(HOST)
        await page.evaluate(
            "([result, card]) => { window.result = result; document.getElementById('view').srcdoc = card; }",
            [result, cards.PAGE],
        )
        yield page, problems
        await browser.close()
