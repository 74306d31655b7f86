"""What was erased stays forgotten: each door that stores refuses it in any dress, until a person lifts that."""

import json

import pytest
import sqlalchemy as sa

from server.store.tables.erasure import erasure_receipts, tombstones
from server.store.tables.memories import journal
from tests.helpers.capture.jobs import finish_jobs
from tests.helpers.doors import call_rest, check_refusal
from tests.helpers.erasures import OTHERS, SECRET, WORD, erase_memory, find_files_with
from tests.helpers.people import share
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

#: The same words in another dress.
DRESSES = (SECRET, SECRET.upper(), f'  "{SECRET[:-1]}"\n', SECRET.replace(" ", " \n  "), f"*{SECRET}*")


@pytest.fixture
async def ann(site):
    return await site.add_person("ann")


async def forget_secret(person):
    """Store a text and erase it; the id of the receipt."""
    return (await erase_memory(person, await person.store(SECRET)))["receipt"]


async def count_texts(person):
    return (await person.http.get("/v1/memories", params={"status": "all"})).json()["total"]


@pytest.mark.parametrize("dress", DRESSES)
async def test_an_erased_text_is_not_stored_again_in_whatever_dress(ann, dress):
    receipt = await forget_secret(ann)
    says = f"Refused: forgotten. This was erased on 2026-11-21 (receipt {receipt})"
    await check_refusal(ann, "store_memory", {"content": dress}, status=409, code="forgotten", says=says)
    assert await count_texts(ann) == 0


async def test_no_door_that_stores_brings_it_back(ann):
    await forget_secret(ann)
    other = await ann.store(OTHERS[0])
    second = await ann.store(OTHERS[1])
    calls = [
        ("ingest_memories", {"memories": [{"content": "Tea."}, {"content": SECRET}]}),
        ("update_memory", {"id": other, "content": SECRET}),
        ("consolidate_group", {"source_ids": [other, second], "content": SECRET}),
    ]
    for name, arguments in calls:
        answer = await call_rest(ann, name, arguments)
        assert answer.status == 409, (name, answer)
    skipped = await call_rest(
        ann, "ingest_memories", {"memories": [{"content": "Tea."}, {"content": SECRET}], "on_error": "skip"}
    )
    assert (skipped.status, skipped.body["ingested"]) == (201, 1)
    assert "Refused: forgotten" in skipped.body["refused"][0]["message"]
    async with ann.mcp("/mcp?toolset=min-memory") as client:
        for tool, arguments in (
            ("store_memory", {"text": SECRET, "type": "fact"}),
            ("register_entity", {"entity": "Ann", "description": SECRET.removeprefix("Ann ")}),
            ("sync_session", {"project": "__global__", "learnings": [{"entity": "Ann", "text": SECRET}]}),
        ):
            await client.call_tool(tool, arguments)
    texts = [each["content"] for each in (await ann.http.get("/v1/memories")).json()["memories"]]
    assert WORD not in json.dumps([each for each in texts if each.startswith("Ann keeps")])


async def test_a_memory_that_was_deleted_and_whose_text_was_erased_elsewhere_is_not_restored(ann):
    hidden = await ann.store(SECRET, session="one", author="Bo")
    await ann.http.delete(f"/v1/memories/{hidden}")
    await forget_secret(ann)
    assert (await ann.http.post(f"/v1/memories/{hidden}/restore")).status_code == 409


async def test_a_report_that_is_sent_again_brings_nothing_back(site, ann):
    event = {"event": "UserPromptSubmit", "session_id": "s", "prompt": f"Remember that {SECRET}"}
    assert (await ann.http.post("/v1/hooks", json=event)).status_code == 201
    await ann.http.post("/v1/hooks", json={"event": "SessionEnd", "session_id": "s"})
    purged = (await ann.http.post("/v1/purge", json={})).json()
    assert purged["counts"]["events"] >= 1
    for session in ("s", "another"):
        assert (await ann.http.post("/v1/hooks", json=event | {"session_id": session})).status_code == 201
        await ann.http.post("/v1/hooks", json={"event": "SessionEnd", "session_id": session})
    await finish_jobs(site.services)
    assert await count_texts(ann) == 0
    report = {"sourceType": "hook", "eventType": "note", "payload": {"text": SECRET}}
    assert (await ann.http.post("/v1/events", json=report)).status_code == 201
    await ann.http.post("/v1/purge", json={})
    assert (await ann.http.post("/v1/events", json=report)).status_code == 409


async def test_a_person_lifts_it_and_an_app_does_not(site, ann):
    receipt = await forget_secret(ann)
    (stone,) = (await ann.http.get("/v1/tombstones", params={"receipt": receipt})).json()["tombstones"]
    await check_refusal(
        ann, "lift_tombstones", {"id": stone["id"]}, status=403, code="forbidden", says="A person lifts"
    )
    admin = await site.add_person("ann", ("memory:write", "admin"))
    assert (await call_rest(admin, "lift_tombstones", {"receipt": receipt})).body == {"lifted": 1}
    await ann.store(SECRET)
    (stone,) = (await ann.http.get("/v1/tombstones")).json()["tombstones"]
    assert (stone["lifted_at"], stone["lifted_by"]) == ("2026-11-21T12:00:00.000Z", ann.user_id)
    assert (await call_rest(admin, "lift_tombstones", {"id": stone["id"]})).body == {"lifted": 0}


async def test_the_words_may_be_stored_elsewhere_and_by_others_and_as_a_part_of_more(site, ann):
    await forget_secret(ann)
    bob = await site.add_person("bob")
    await bob.store(SECRET)
    await ann.store(SECRET, workspace="another")
    await ann.store(f"{OTHERS[0]} {OTHERS[1]}")


async def test_a_receipt_says_how_much_and_no_word_and_another_account_has_no_such_receipt(site, ann):
    memory_id = await ann.store(SECRET)
    receipt = (await erase_memory(ann, memory_id))["receipt"]
    told = (await ann.http.get(f"/v1/receipts/{receipt}")).json()
    assert (told["kind"], told["memory_ids"], told["person"]) == ("memory", [memory_id], "ann")
    assert told["counts"]["memories"] == 1
    assert WORD not in json.dumps(told)
    bob = await site.add_person("bob")
    bound = await site.add_person(
        "ann", workspace_id=(await site.services.directory.ensure_workspace(ann.account_id, "there", 0))[0].id
    )
    for stranger in (bob, bound):
        assert (await stranger.http.get(f"/v1/receipts/{receipt}")).status_code == 404
        assert (await stranger.http.get("/v1/receipts")).json()["receipts"] == []
    admin = await site.add_person("bob", ("memory:write", "admin"))
    (stone,) = (await ann.http.get("/v1/tombstones")).json()["tombstones"]
    for arguments in ({"receipt": receipt}, {"id": stone["id"]}):
        assert (await call_rest(admin, "lift_tombstones", arguments)).status == 404


async def test_a_dry_run_counts_what_the_purge_erases_and_changes_nothing(site, ann):
    for text in (SECRET, *OTHERS):
        await ann.store(text)
    before = await count_texts(ann)
    dry = (await ann.http.post("/v1/purge", json={"dry_run": True})).json()
    assert (await count_texts(ann), dry["receipt"]) == (before, None)
    done = (await ann.http.post("/v1/purge", json={})).json()
    assert (dry["counts"], await count_texts(ann)) == (done["counts"], 0)
    assert done["counts"]["memories"] == 3
    async with site.services.db.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(tombstones))).scalar_one() == 3
        whats = (await connection.execute(sa.select(journal.c.after).where(journal.c.memory_id.is_(None)))).scalars()
        assert {"purged": "workspace", "receipt": done["receipt"]} in list(whats)
    assert (await ann.http.post("/v1/purge", json={"workspace": "nowhere"})).json()["counts"] == {}


async def test_the_purge_of_a_project_leaves_the_others(ann):
    await ann.store(SECRET, project="orion", scope="project")
    await ann.store(OTHERS[0], project="vega", scope="project")
    done = (await ann.http.post("/v1/purge", json={"project": "orion"})).json()
    assert (done["project"], done["counts"]["memories"]) == ("orion", 1)
    (left,) = (await ann.http.get("/v1/memories")).json()["memories"]
    assert left["content"] == OTHERS[0]


async def test_nobody_reads_the_words_in_the_tombstones_or_anywhere_on_the_disk(settings, clock):
    async with open_site(settings, clock) as site:
        ann = await site.add_person("ann")
        await forget_secret(ann)
        async with site.services.db.read() as connection:
            rows = [
                *(await connection.execute(sa.select(tombstones))),
                *(await connection.execute(sa.select(erasure_receipts))),
            ]
        assert WORD not in repr(rows)
    assert find_files_with(settings.data_dir) == []


async def test_a_writer_of_a_shared_workspace_purges_nothing_and_a_reader_lifts_nothing(site):
    ann = await site.add_person("ann", ("memory:write", "admin"))
    ben = await site.add_person("ben", ("memory:write", "admin"))
    receipt = await forget_secret(ann)
    kept = await ann.store(OTHERS[0])
    await check_refusal(ben, "lift_tombstones", {"receipt": receipt}, status=404, code="not_found", says=receipt)
    await share(ann, "ben", may_write=True)
    for arguments in ({}, {"dry_run": True}, {"project": "x"}):
        asked = {"workspace": "ann/default"} | arguments
        await check_refusal(ben, "purge_memories", asked, status=403, code="forbidden", says="owner or an admin")
    assert (await ann.http.get(f"/v1/memories/{kept}")).status_code == 200
    await share(ann, "ben")
    await check_refusal(ben, "lift_tombstones", {"receipt": receipt}, status=403, code="forbidden", says="may read")
    assert (await call_rest(ann, "lift_tombstones", {"receipt": receipt})).body["lifted"]
