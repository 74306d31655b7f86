"""People log in at a real OpenID provider, over HTTPS with an authority of its own, and Loci issues the tokens."""

import re
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from playwright.async_api import async_playwright

from tests.helpers.clock import ShiftedClock
from tests.helpers.logins.flow import read_query
from tests.helpers.logins.headless import fill_form, find_target
from tests.helpers.logins.oauth_client import Login, Storage, open_logged_in_client, remember
from tests.helpers.logins.oidc_provider import Configuration, make_web_client, run_provider
from tests.helpers.site import NO_TLS, open_site

pytestmark = [pytest.mark.anyio, pytest.mark.node]

SECRET = "a secret: of / tests"
ADA = {"email": "ada@acme.example", "email_verified": True, "groups": ["staff"], "preferred_username": "ada"}
BOB = {"email": "bob@acme.example", "email_verified": False, "groups": ["guests"], "preferred_username": "bob"}
QUIET = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture
def clock():
    return ShiftedClock()


@pytest.fixture
async def provider(ca):
    async with run_provider(ca, Configuration(accounts={"ada": ADA, "bob": BOB})) as provider:
        yield provider


@pytest.fixture
def open_server(settings, provider, clock, ca):
    """A function that opens a server at which people log in at the provider."""

    @asynccontextmanager
    async def open_server(**changes):
        given = {
            "login": "upstream",
            "signup": "open",
            "ca_file": ca.file,
            "login_oidc_issuer": provider.issuer,
            "login_oidc_client_id": "loci",
            "login_oidc_client_secret": type(settings.secret_key)(SECRET),
            "login_oidc_name": "Acme",
            "login_oidc_scopes": "openid email profile groups",
        }
        async with open_site(settings.model_copy(update=given | changes), clock) as site:
            await provider.configure(clients=[make_web_client(f"{site.url}/login/callback/oidc", "loci", SECRET)])
            yield site

    return open_server


def make_browser(site):
    return httpx.AsyncClient(base_url=site.url, verify=NO_TLS, timeout=30)


async def go_to_provider(browser, page):
    """Press the provider's button on a page; the URL at the provider."""
    answer = await browser.post("/login/upstream", data=fill_form(page.text, {"provider": "oidc"}, ""))
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


async def log_in(browser, provider, name, **options):
    """Log in at the provider; the answer to the browser that comes back."""
    url = await go_to_provider(browser, await browser.get("/login?next=/apps"))
    return await browser.get(await provider.log_in(url, name, **options))


class ProviderLogin(Login):
    """A login of an app's person, at the provider."""

    def __init__(self, name, site, provider):
        super().__init__(name)
        self.site, self.provider = site, provider

    async def open(self, url):
        self.asked.append(url)
        async with make_browser(self.site) as browser:
            url = await go_to_provider(browser, await browser.get(url, follow_redirects=True))
            consent = await browser.get(await self.provider.log_in(url, self.name), follow_redirects=True)
            answer = await browser.post(find_target(consent), data=fill_form(consent.text, {}, "allow"))
        self.back = httpx.URL(answer.headers["location"])


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_connects_after_a_login_at_the_provider(open_server, provider, mode):
    async with open_server() as site:
        async with open_logged_in_client(site, Storage(), ProviderLogin("ada", site, provider), mode=mode) as client:
            fetched = await remember(client)
    assert fetched["content"] == "The heron nests at the north pond"


async def test_two_people_are_two_and_each_is_the_same_at_the_next_login(open_server, provider):
    names = []
    async with open_server() as site:
        for account in ("ada", "bob", "ada"):
            async with make_browser(site) as browser:
                assert (await log_in(browser, provider, account)).headers["location"] == "/apps"
                names.append(re.findall(r'class="who"><a [^>]+>(\w+)', (await browser.get("/apps")).text)[0])
    assert names == ["ada", "bob", "ada"]


async def test_who_stops_at_the_provider_is_told_what_to_do_and_can_go_on(open_server, provider):
    async with open_server() as site, make_browser(site) as browser:
        page = await log_in(browser, provider, "ada", cancel=True)
        assert page.status_code == 403
        assert "stopped the login" in page.text
        assert (await log_in(browser, provider, "ada")).status_code == 302


async def test_an_answer_works_once_and_only_in_its_browser(open_server, provider):
    async with open_server() as site, make_browser(site) as browser, make_browser(site) as other:
        url = await go_to_provider(browser, await browser.get("/login?next=/apps"))
        back = await provider.log_in(url, "ada")
        assert read_query(httpx.Response(302, headers={"location": back}))["iss"] == provider.issuer
        assert (await other.get(back)).status_code == 403
        assert (await browser.get(back)).status_code == 403  # the other browser has used it up
        url = await go_to_provider(browser, await browser.get("/login?next=/apps"))
        forged = (await provider.log_in(url, "ada")).replace("iss=", "iss=https%3A%2F%2Felsewhere.example&was=")
        page = await browser.get(forged)
        assert (page.status_code, "`iss`" in page.text) == (403, True)


async def test_only_people_of_a_verified_domain_or_of_a_group_log_in(open_server, provider):
    for lists in ({"login_domains": ["acme.example"]}, {"login_groups": ["staff"]}):
        async with open_server(signup="closed", **lists) as site:
            await site.add_person("admin")
            async with make_browser(site) as browser:
                assert (await log_in(browser, provider, "bob")).status_code == 403
                assert (await log_in(browser, provider, "ada")).status_code == 302


async def test_keys_that_the_provider_has_changed_are_followed_and_a_clock_that_is_wrong_is_named(
    open_server, provider, clock
):
    async with open_server() as site, make_browser(site) as browser:
        assert (await log_in(browser, provider, "ada")).status_code == 302
        await provider.rotate(keep=False)
        clock.shift = timedelta(seconds=11)
        await browser.get("/logout")
        async with make_browser(site) as second:
            assert (await log_in(second, provider, "ada")).status_code == 302
        clock.shift = timedelta(hours=-1)
        async with make_browser(site) as third:
            page = await log_in(third, provider, "ada")
    assert (page.status_code, "clocks" in page.text) == (403, True)


@pytest.mark.browser
async def test_a_browser_logs_in_and_no_page_is_wider_than_a_phone(open_server, tmp_path):
    async with open_server(login="both") as site, async_playwright() as playwright:
        await site.add_person("admin")
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=QUIET)
        context = await browser.new_context(ignore_https_errors=True)  # its store knows the test's authority not
        page = await context.new_page()

        async def look(name):
            for width in (375, 1280):
                await page.set_viewport_size({"width": width, "height": 800})
                await page.screenshot(path=tmp_path / f"{name}-{width}.png", full_page=True)
                assert await page.evaluate("document.documentElement.scrollWidth") <= width

        await page.goto(f"{site.url}/login?next=/apps")
        await look("login")
        await page.click("text=Continue with Acme")
        await page.fill('input[name="login"]', "ada")
        await page.fill('input[name="password"]', "any")
        await page.click("button[type=submit]")
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{site.url}/apps")
        await look("apps")
        await page.click("text=Disconnect")
        assert await page.inner_text("h1") == "This is your only way to log in"
        await browser.close()
