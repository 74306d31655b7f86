"""The page of the connection check: a person consents, and the last hops are taken."""

import re
from html import unescape

import pytest

from tests.helpers.console import log_in, send
from tests.helpers.logins.flow import read_fields, read_query

pytestmark = pytest.mark.anyio


async def consent(http, page, decision="allow"):
    """Go on from the page of the check to the consent page; the redirect that follows the decision."""
    (link,) = re.findall(r'href="(/oauth/authorize[^"]+)"', page.text)
    asked = await http.get(unescape(link))
    assert "connection check" in asked.text
    form = read_fields(asked.text) | {"scope": ["memory:read"], "decision": decision}
    return await http.post("/oauth/authorize", data=form)


async def test_the_check_goes_from_the_first_hop_to_the_first_call_and_gives_its_access_back(site):
    ann = await site.add_person("ann")
    http = await log_in(site, ann)
    assert "/connection-check" in (await http.get("/apps")).text
    page = await send(http, "/connection-check")
    assert "Fails" not in page.text
    back = await consent(http, page)
    assert back.headers["location"].startswith(f"{site.url}/connection-check?")
    end = (await http.get(back.headers["location"])).text
    assert "An app can connect" in end
    assert end.count(">Works<") == 6
    assert "connection check" not in (await http.get("/apps")).text.replace("Check the connection", "").lower()
    again = (await http.get(back.headers["location"])).text
    assert "one minute and one use" in again


async def test_a_code_of_another_browser_and_a_refusal_are_told_and_give_nothing(site):
    ann, bob = await site.add_person("ann"), await site.add_person("bob")
    http, other = await log_in(site, ann), await log_in(site, bob)
    back = await consent(http, await send(http, "/connection-check"))
    stolen = (await other.get(back.headers["location"])).text
    assert "An app can connect" not in stolen
    assert "Fails" in stolen
    denied = await consent(http, await send(http, "/connection-check"), decision="deny")
    assert read_query(denied)["error"] == "access_denied"
    assert "The person said no" in (await http.get(denied.headers["location"])).text
    shown = (await http.get("/connection-check", params={"error": "x", "error_description": "<script>"})).text
    assert "<script>" not in shown


async def test_nobody_checks_without_a_login_or_from_another_site(site):
    answer = await site.client().get("/connection-check")
    assert (answer.status_code, answer.headers["location"]) == (302, "/login?next=/connection-check")
    http = await log_in(site, await site.add_person("ann"))
    assert (await http.post("/connection-check", data={"csrf": "x"})).status_code == 403
