"""What agents report goes: private text at once, the rest with its memory, with its project, or when it is old."""

import json

import pytest
import sqlalchemy as sa

from server.background.upkeep import clean_up_records
from server.store.record.capture.events import get_event
from server.store.tables import load_all_tables
from tests.helpers.capture.jobs import finish_jobs
from tests.helpers.doors import call_rest

pytestmark = pytest.mark.anyio

WORD = "heliotrope"
SAID = f"From now on we deploy the {WORD} service on Tuesdays only."


async def report(person, text, **fields):
    sent = {"type": "user_prompt", "payload": {"prompt": text}}
    return (await call_rest(person, "record_event", sent | fields)).body


async def rows_with(site, word):
    """The tables that hold a word."""
    found = set()
    async with site.services.db.read() as connection:
        for table in load_all_tables().sorted_tables:
            for row in await connection.execute(sa.select(table)):
                if word in repr(tuple(row)):
                    found.add(table.name)
    return found


async def test_private_text_and_credentials_are_in_no_table_no_file_and_no_answer(site, ann, settings):
    token = "ghp_" + "a1B2" * 9
    hidden = {
        "prompt": f"We deploy <private>the {WORD}</private> on Tuesdays",
        "tool_input": {"command": f"echo <PRIVATE>{WORD}", f"<private>{WORD}</private>": 1, "env": [f"T={token}"]},
        "tool_response": json.dumps({"text": f"<system-reminder>{WORD}</system-reminder>fine"}),
        "nested": {"deep": [{"er": f"a</private> <system_instruction >{WORD}"}]},
    }
    session = (await call_rest(ann, "start_session", {"metadata": {"prompt": hidden["prompt"], "x": [hidden]}})).body[
        "session"
    ]
    answer = await report(ann, "", payload=hidden, session_id=session["id"])
    many = await call_rest(ann, "record_events", {"events": [{"type": "tool_use", "payload": hidden}]})
    await call_rest(ann, "end_session", {"id": session["id"]})
    await finish_jobs(site.services)
    assert "on Tuesdays" in json.dumps(answer)
    for secret in (WORD, token):
        assert secret not in json.dumps([session, answer, many.body])
        assert await rows_with(site, secret) == set()
        for path in settings.data_dir.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path


async def test_erasing_a_memory_erases_the_events_that_it_was_made_of(site, ann, clock):
    session = (await call_rest(ann, "start_session", {})).body["session"]["id"]
    event = (await report(ann, SAID, session_id=session))["event"]["id"]
    reply = f"Noted. {SAID}"
    repeated = (await report(ann, "", type="assistant_message", payload={"text": reply}, session_id=session))["event"]
    clock.move(seconds=1)
    other = (await report(ann, "What is the weather?", session_id=session))["event"]["id"]
    await finish_jobs(site.services)
    (memory,) = [each for each in (await ann.http.get("/v1/memories")).json()["memories"] if WORD in each["content"]]
    erased = (await ann.http.request("DELETE", f"/v1/memories/{memory['id']}", params={"erase": "true"})).json()
    assert {each["id"] for each in erased["also_erased"] if each["kind"] == "event"} == {event, repeated["id"]}
    assert await rows_with(site, WORD) == set()
    assert (await call_rest(ann, "read_event", {"id": event})).body["event"]["payload"] is None
    assert (await call_rest(ann, "read_event", {"id": other})).body["event"]["payload"] == {
        "prompt": "What is the weather?"
    }


async def test_a_purge_erases_all_of_a_project_and_counts_it(site, ann):
    where = {"workspace": "shop"}
    session = (await call_rest(ann, "start_session", where)).body["session"]["id"]
    job = (await report(ann, SAID, session_id=session, **where))["generationJob"]["id"]
    await ann.store(f"The {WORD} is blue.", **where)
    await ann.store(f"The {WORD} elsewhere", workspace="attic")
    await finish_jobs(site.services)
    purged = await call_rest(ann, "purge_project", {"id": "shop"})
    counts = {"observations": 2, "agentEvents": 1, "sessions": 1, "jobs": 1}
    assert purged.body.pop("receipt")
    assert purged.body == {"purged": True, "projectId": "shop", "counts": counts, "notice": None}
    assert (await call_rest(ann, "purge_project", {"id": "shop"})).body["counts"] == dict.fromkeys(counts, 0)
    for name, its_id in (("read_session", session), ("read_job", job)):
        assert (await call_rest(ann, name, {"id": its_id})).status == 404
    found = (await ann.http.post("/v1/search", json={"query": WORD, "workspace": "shop"})).json()
    assert found["memories"] == []
    assert len((await ann.http.post("/v1/search", json={"query": WORD, "workspace": "attic"})).json()["memories"]) == 1
    async with site.services.db.read() as connection:
        texts = sa.text("SELECT count(*) FROM memories WHERE content LIKE :word")
        assert (await connection.execute(texts, {"word": f"%{WORD}%"})).scalar_one() == 1
    assert (await ann.http.get("/v1/projects/shop")).status_code == 200


async def test_a_purge_of_a_project_erases_what_agents_reported_in_their_sessions_there(site, ann):
    for folder in ("garden", "shed"):
        said = {"event": "UserPromptSubmit", "prompt": f"Where is the {WORD} of the {folder}?"}
        await call_rest(ann, "on_event", said | {"session_id": folder, "cwd": f"/home/ann/{folder}"})
    await finish_jobs(site.services)
    purged = (await call_rest(ann, "purge_memories", {"project": "garden"})).body
    assert (purged["counts"]["events"], purged["counts"]["sessions"], purged["counts"]["jobs"]) == (1, 1, 1)
    async with site.services.db.read() as connection:
        left = (await connection.execute(sa.text("SELECT payload FROM events"))).scalars().all()
    assert [("shed" in str(each), "garden" in str(each)) for each in left] == [(True, False)]
    receipt = (await call_rest(ann, "read_receipt", {"id": purged["receipt"]})).body
    assert receipt["counts"]["events"] == 1


async def test_old_events_go_and_their_memories_stay(site, ann, clock):
    session = (await call_rest(ann, "start_session", {})).body["session"]["id"]
    event = (await report(ann, SAID, session_id=session))["event"]["id"]
    await finish_jobs(site.services)
    clock.move(days=31)
    young = (await report(ann, "What now?"))["event"]["id"]
    await finish_jobs(site.services)
    await clean_up_records(site.services)
    assert (await call_rest(ann, "read_event", {"id": event})).status == 404
    assert (await call_rest(ann, "read_session", {"id": session})).status == 404
    assert (await call_rest(ann, "read_event", {"id": young})).status == 200
    assert (await ann.http.get("/v1/memories")).json()["total"] == 1


async def test_the_reports_of_a_deleted_workspace_are_erased_with_it(site, ann, clock):
    event = (await report(ann, SAID))["event"]["id"]
    await finish_jobs(site.services)
    (workspace,) = (await ann.http.get("/v1/workspaces")).json()["workspaces"]
    await ann.http.delete(f"/v1/workspaces/{workspace['id']}")
    assert (await call_rest(ann, "read_event", {"id": event})).status == 404
    clock.move(days=30)
    await clean_up_records(site.services)
    async with site.services.db.read() as connection:
        assert await get_event(connection, event) is None
