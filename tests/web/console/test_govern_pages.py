"""The pages of usage, audit, erasure, jobs, health and entities: each does what its operations do, for whoever may."""

import gzip
import re
from html import unescape

import pytest
import sqlalchemy as sa

from auth.pages.navigation import PAGES
from server.store.tables.capture import jobs
from tests.helpers.console import log_in, send
from tests.helpers.doors import call_rest
from tests.helpers.logins.flow import REDIRECT, Flow
from tests.helpers.people import make_team
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
#: The most bytes of a page, compressed.
MOST_BYTES = 150_000


@pytest.fixture
async def ann(site):
    """The server's administrator."""
    return await site.add_person("ann", ("memory:write", "admin"), is_admin=True)


@pytest.fixture
async def ben(site):
    """Somebody who administers nothing."""
    return await site.add_person("ben")


async def test_usage_is_plotted_by_month_and_an_administrator_sees_all_accounts(settings, clock):
    async with open_site(settings.model_copy(update={"metering": True}), clock) as site:
        ann = await site.add_person("ann", ("memory:write", "admin"), is_admin=True)
        ben = await site.add_person("ben")
        team = await make_team(site, ann, reader=[ben])
        await ben.store("x")
        await ann.store("y", workspace="team/default")
        await site.services.meter.settle()
        page = (await (await log_in(site, ann)).get("/usage")).text
        assert page.count("<svg") == 4
        assert "<title>2026-11: " in page
        assert re.search(r'<th scope="row">ben</th>', page)
        of_ben = await log_in(site, ben)
        assert "All accounts" not in (await of_ben.get("/usage")).text
        of_team = (await of_ben.get("/usage", params={"account": team})).text
        assert re.search(r"<figcaption>Memories stored[^<]*<span[^>]*>highest 1<", of_team)
        assert (await of_ben.get("/usage", params={"account": ann.account_id})).status_code == 404
        assert (await (await log_in(site, ann)).get("/usage?month=2026-99")).status_code == 400


async def test_the_audit_is_filtered_paged_downloaded_and_verified_by_its_owner(site, ann, ben):
    team = await make_team(site, ann, member=[ben])
    for n in range(60):
        await ann.store(f"note {n}")
    await call_rest(ann, "fetch", {"id": "nothing"})
    await site.services.audit.settle()
    http = await log_in(site, ann)
    page = (await http.get("/audit")).text
    assert page.count('<li class="') == 50
    older = re.search(r'href="(/audit\?[^"]*cursor=[^"]*)"', page)
    assert older is not None
    assert "store memory" in (await http.get(unescape(older[1]))).text
    refused = (await http.get("/audit", params={"outcome": "refused"})).text
    assert (refused.count('<li class="'), "not found" in refused) == (1, True)
    file = await http.get("/audit/csv", params={"operation": "store_memory"})
    assert file.headers["content-type"].startswith("text/csv")
    assert file.text.count("store_memory") == 60
    assert "entries are as they were written" in (await http.get("/audit?verify=1")).text
    assert (await http.get("/audit", params={"account": team})).status_code == 200
    assert (await http.get("/audit?since=yesterday")).status_code == 400
    of_ben = await log_in(site, ben)
    for path in ("/audit", "/audit/csv"):
        assert (await of_ben.get(path, params={"account": team})).status_code == 403, path
        assert (await of_ben.get(path, params={"account": ann.account_id})).status_code == 404, path
        assert (await site.client().get(path)).headers["location"].startswith("/login")


async def test_what_was_erased_has_a_receipt_and_a_person_allows_it_again(site, ann, ben):
    memory = await ann.store("The key is under the blue stone")
    await ann.http.delete(f"/v1/memories/{memory}", params={"erase": "true"})
    assert (await ann.http.post("/v1/memories", json={"content": "The key is under the blue stone"})).status_code == 409
    http = await log_in(site, ann)
    page = (await http.get("/erasure")).text
    assert "blue stone" not in page
    (stone,) = re.findall(r'name="id" value="([^"]+)"', page)
    of_ben = await log_in(site, ben)
    assert (await send(of_ben, "/erasure", page="/keys", id=stone)).status_code == 404
    lifted = await send(http, "/erasure", id=stone)
    assert "1 thing may be stored again" in (await http.get(lifted.headers["location"])).text
    assert (await ann.http.post("/v1/memories", json={"content": "The key is under the blue stone"})).status_code == 201


async def test_jobs_are_cancelled_tried_again_and_all_tried_again_with_buttons(site, ann, ben):
    session = (await call_rest(ann, "start_session", {"external_id": "open"})).body["session"]["id"]
    steps = [{"type": "tool_use", "session_id": session, "payload": {"n": n}} for n in range(2)]
    first, second = [(await call_rest(ann, "record_event", each)).body["generationJob"]["id"] for each in steps]
    http = await log_in(site, ann)

    async def read_states():
        async with site.services.db.read() as connection:
            rows = await connection.execute(sa.select(jobs.c.id, jobs.c.state))
        return {row.id: row.state for row in rows}

    of_ben = await log_in(site, ben)
    assert (await send(of_ben, "/jobs", page="/keys", action="cancel", id=first)).status_code == 404
    await send(http, "/jobs", action="cancel", id=first)
    assert await read_states() == {first: "cancelled", second: "queued"}
    assert "cancelled" in (await http.get("/jobs?status=cancelled")).text
    await send(http, "/jobs", action="retry", id=first)
    await send(http, "/jobs", action="cancel", id=second)
    again = await send(http, "/jobs", action="requeue", which="cancelled")
    assert "1 job waits to be done again" in (await http.get(again.headers["location"])).text
    assert await read_states() == {first: "queued", second: "queued"}
    assert (await send(http, "/jobs", action="explode")).status_code == 400
    assert (await http.get("/jobs", params={"offset": "9" * 5000})).status_code == 200


async def test_health_is_for_everybody_and_the_findings_are_for_administrators(site, ann, ben):
    page = (await (await log_in(site, ann)).get("/health-check")).text
    assert "Recall is by words alone" in page
    assert "loci model pull" in page
    of_ben = (await (await log_in(site, ben)).get("/health-check")).text
    assert ("In recall" in of_ben, "loci model pull" in of_ben) == (True, False)


async def test_an_entity_is_found_renamed_merged_split_and_brought_back_with_buttons(site, ann):
    await ann.store("Ben Okafor runs the shop", entity="Ben Okafor")
    await ann.store("Benny paints the boat", entity="Benny")
    http = await log_in(site, ann)
    page = (await http.get("/entities", params={"query": "Ben Okafr"})).text
    (path,) = re.findall(r'href="(/entities/[^"?]+)\?[^"]*">Ben Okafor<', page)
    assert "Ben Okafor runs the shop" in (await http.get(path)).text
    await send(http, path, action="rename", name="Ben Okafor", type="shopkeeper")
    assert "shopkeeper" in (await http.get(path)).text
    await send(http, path, action="merge", other="Benny")
    page = (await http.get(path)).text
    assert ("Benny paints the boat" in page, "Merged with another one" in page) == (True, True)
    (change,) = re.findall(r'name="change" value="([^"]+)"', page)
    await send(http, path, action="undo", change=change)
    assert "Benny paints the boat" not in (await http.get(path)).text
    await send(http, path, action="alias", name="B. Okafor")
    split = await send(http, path, action="split", name="B. Okafor")
    assert split.headers["location"].startswith(path)
    made = await send(http, "/entities", name="Teapot", type="thing")
    assert (await http.get(made.headers["location"])).status_code == 200
    gone = await send(http, made.headers["location"].partition("?")[0], action="delete")
    assert gone.headers["location"].startswith("/entities")
    assert (await http.get("/entities/nothing")).status_code == 404
    assert (await send(http, path, action="explode")).status_code == 400


async def test_what_others_wrote_is_shown_as_text_on_every_page(site, ann):
    await ann.store(f"The note {EVIL}", tags=["t"], project="p", entity=EVIL, author=EVIL)
    await ann.http.post("/v1/import", params={"filename": f"{EVIL}.json"}, json=[{"content": "Tea in the morning"}])
    await call_rest(ann, "create_key", {"name": EVIL})
    http = await log_in(site, ann)
    flow = Flow(http, site.url)
    assert (await flow.register(client_name=EVIL, redirect_uris=[REDIRECT])).status_code == 201
    await flow.tokens()
    await call_rest(ann, "add_entity", {"name": EVIL, "aliases": [f"{EVIL} 2"]})
    await site.services.audit.settle()
    (entity,) = [
        each["id"] for each in (await call_rest(ann, "list_entities", {})).body["entities"] if each["name"] == EVIL
    ]
    paths = [address for address, _ in PAGES]
    paths += [f"/entities/{entity}", f"/audit?app={EVIL}", f"/entities?query={EVIL}", f"/jobs?status={EVIL}"]
    shown = 0
    for path in paths:
        page = (await http.get(path)).text
        assert len(gzip.compress(page.encode())) < MOST_BYTES, path
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        shown += "&lt;script&gt;alert(1)" in page
    assert shown >= 6


async def test_no_page_leads_to_another_server(site, ann):
    await ann.store("Tea", entity="Teapot")
    http = await log_in(site, ann)
    for where in ("//evil.example", "https://evil.example", "/\\evil.example"):
        for path, form in (
            ("/entities", {"name": "Kettle", "workspace": where}),
            ("/jobs", {"action": "requeue", "which": "failed", "status": where}),
            ("/entities/Teapot", {"action": "rename", "name": "Teapot", "type": "x", "workspace": where}),
        ):
            answer = await send(http, path, page="/keys", **form)
            assert answer.headers.get("location", "/").startswith("/"), (path, where)
            assert not answer.headers.get("location", "/x").startswith(("//", "/\\")), (path, where)
