"""The language of a page: what the person chose, else what the browser asks for, else English."""

import pytest

from tests.helpers.console import log_in, read_csrf, send

pytestmark = pytest.mark.anyio

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.5"}


def read_language(answer):
    return answer.text.split('<html lang="')[1].split('"')[0]


async def test_a_browser_gets_the_language_that_it_likes_most_and_else_english(site):
    await site.add_person()
    http = site.client()
    for header, expected in {
        **dict.fromkeys(("de", "de-CH", "fr, de;q=0.8", "en;q=0.1, de;q=0.2", "DE"), "de"),
        **dict.fromkeys(("", "fr", "en", "de;q=0", "de;q=x", "de;q", "*", "\xff", ";;,,=", "x," * 500 + "de"), "en"),
    }.items():
        page = await http.get("/login", headers={"accept-language": header.encode("latin-1")})
        assert (read_language(page), ">Anmelden<" in page.text) == (expected, expected == "de"), header


async def test_a_person_chooses_a_language_and_every_page_has_it_from_then_on(site):
    http = await log_in(site, await site.add_person("ann"))
    chosen = await send(http, "/language", page="/memories", language="de", back="/keys?x=1")
    assert (chosen.status_code, chosen.headers["location"]) == (302, "/keys?x=1")
    page = await http.get("/memories", headers={"accept-language": "en"})
    assert read_language(page) == "de"
    assert "<h1>Erinnerungen</h1>" in page.text
    await send(http, "/language", page="/memories", language="en")
    assert read_language(await http.get("/memories", headers=GERMAN)) == "en"
    http.cookies.set("loci-language", "../de")
    assert read_language(await http.get("/memories", headers=GERMAN)) == "de"


async def test_the_choice_of_a_language_is_a_form_of_this_browser_and_leads_nowhere_else(site):
    http = site.client()
    await site.add_person()
    assert (await http.post("/language", data={"language": "de"})).status_code == 403
    csrf = await read_csrf(http, "/login")
    refused = await http.post("/language", data={"csrf": csrf, "language": "xx"}, headers=GERMAN)
    assert refused.status_code == 400
    assert "wähle eine der Sprachen" in refused.text
    away = await http.post("/language", data={"csrf": csrf, "language": "de", "back": "//evil.example"})
    assert away.headers["location"] == "/memories"


async def test_a_refusal_is_translated_and_the_message_of_an_operation_stays_english(site):
    http = await log_in(site, await site.add_person("ann"))
    http.headers.update(GERMAN | {"accept": "text/html"})
    missing = await http.get("/<b>100%25</b>")
    assert "&lt;b&gt;100%&lt;/b&gt; gibt es auf diesem Server nicht." in missing.text
    unknown = await http.get("/memories/x")
    assert "<h1>Etwas stimmt nicht</h1>" in unknown.text
    assert '<p class="lead" role="alert" lang="en">' in unknown.text
    wrong = await send(site.client(), "/login", username="ann", password="no")
    assert "The user name or the password is wrong." in wrong.text


async def test_dates_and_numbers_are_those_of_the_language(site):
    ann = await site.add_person("ann")
    memory = await ann.store("The kettle is in the attic", occurred_at="2025-03-09T10:11:00Z")
    http = await log_in(site, ann)
    assert "2025-03-09 10:11 UTC" in (await http.get(f"/memories/{memory}")).text
    assert "09.03.2025 10:11 UTC" in (await http.get(f"/memories/{memory}", headers=GERMAN)).text
