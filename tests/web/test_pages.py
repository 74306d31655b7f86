"""The pages in a real browser: without JavaScript, at phone width, from the setup link to a client's code."""

import base64
import hashlib
import secrets
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import async_playwright

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
QUIET = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"


@asynccontextmanager
async def page_at(size, *, has_scripts=False):
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        context = await browser.new_context(viewport=size, java_script_enabled=has_scripts)
        yield await context.new_page()
        await browser.close()


async def fits(page):
    """Whether nothing has to be scrolled sideways."""
    box = await page.locator("body").bounding_box()
    return box["x"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"]


def callback(site):
    """The address of the client; nothing needs to be there."""
    return f"{site.url}/callback"


async def register(site):
    answer = await site.client().post(
        "/oauth/register",
        json={
            "client_name": "Notebook",
            "redirect_uris": [callback(site)],
            "token_endpoint_auth_method": "none",
        },
    )
    return answer.json()["client_id"]


def authorization_url(site, client_id, verifier):
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": callback(site),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "scope": "memory:read memory:write",
        "state": "xyz",
        "resource": f"{site.url}/mcp",
    }
    return f"{site.url}/oauth/authorize?{urlencode(asked)}"


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_person_sets_up_logs_in_consents_and_disconnects(site, size):
    verifier, client_id = secrets.token_urlsafe(48), await register(site)
    async with page_at(size) as page:
        await page.goto(site.running.setup_link)
        assert await fits(page)
        await page.fill('input[name="username"]', "ann")
        for field in await page.locator('input[type="password"]').all():
            await field.fill(PASSWORD)
        await page.click('button[type="submit"]')

        await page.context.clear_cookies()
        await page.goto(authorization_url(site, client_id, verifier))
        assert await fits(page)
        await page.fill('input[name="username"]', "ann")
        await page.fill('input[name="password"]', PASSWORD)
        await page.click('button[value="login"]')

        assert await fits(page)
        assert "Notebook" in await page.content()
        assert await page.locator('input[type="checkbox"]:checked').count() == 2
        await page.uncheck('input[type="checkbox"][value="memory:write"]')
        await page.click('button[value="allow"]')
        await page.wait_for_url(f"{callback(site)}**")

        url = httpx.URL(page.url)
        assert (url.params["state"], url.params["iss"]) == ("xyz", site.url)
        token = await site.client().post(
            "/oauth/token",
            data={
                "grant_type": "authorization_code",
                "code": url.params["code"],
                "client_id": client_id,
                "redirect_uri": callback(site),
                "code_verifier": verifier,
            },
        )
        assert token.json()["scope"] == "memory:read"
        http = site.client(token.json()["access_token"])
        assert (await http.get("/v1/memories")).status_code == 200

        await page.goto(f"{site.url}/apps")
        assert await fits(page)
        assert "Notebook" in await page.content()
        await page.locator("form", has_text="isconnect").first.locator("button").first.click()
        assert (await http.get("/v1/memories")).status_code == 401


@pytest.mark.parametrize("has_scripts", [True, False])
@pytest.mark.parametrize("size", [{"width": 375, "height": 812}, DESKTOP], ids=["phone", "desktop"])
async def test_commands_are_copied_by_a_button_or_selected_as_text(site, size, has_scripts):
    async with page_at(size, has_scripts=has_scripts) as page:
        problems = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("response", lambda answer: problems.append(answer.url) if answer.status >= 400 else None)
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.goto(site.running.setup_link)
        await page.fill('input[name="username"]', "ann")
        for field in await page.locator('input[type="password"]').all():
            await field.fill(PASSWORD)
        await page.click('button[type="submit"]')
        for path in ("/welcome", "/apps", "/mcp"):
            await page.goto(f"{site.url}{path}")
            commands = await page.locator("pre > code").all_text_contents()
            assert commands[0] == f"{site.url}/mcp"
            assert await fits(page)
            buttons = page.locator("button.copy")
            assert await buttons.count() == (len(commands) if has_scripts else 0)
            if has_scripts:
                await buttons.last.click()
                await page.locator(".copied", has_text="Copied").wait_for()
                assert await page.evaluate("navigator.clipboard.readText()") == commands[-1]
        assert problems == []
