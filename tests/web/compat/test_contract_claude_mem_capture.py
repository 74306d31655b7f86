"""claude-mem's projects, sessions, events and jobs as its clients send them and read the answers."""

import pytest

from tests.helpers.capture.jobs import finish_jobs
from tests.helpers.doors import call_tool, read_answer

pytestmark = pytest.mark.anyio

NOW = 1_795_262_400_000
SESSION = {
    *("id", "projectId", "teamId", "externalSessionId", "contentSessionId", "agentId", "agentType", "platformSource"),
    *("generationStatus", "metadata", "startedAtEpoch", "endedAtEpoch", "lastGeneratedAtEpoch", "createdAtEpoch"),
    "updatedAtEpoch",
}
EVENT = {
    *("id", "projectId", "teamId", "serverSessionId", "sourceAdapter", "sourceEventId", "eventType", "platformSource"),
    *("payload", "metadata", "occurredAtEpoch", "receivedAtEpoch", "createdAtEpoch"),
}
JOB = {
    *("id", "projectId", "teamId", "sourceType", "sourceId", "agentEventId", "serverSessionId", "jobType", "status"),
    *("bullmqJobId", "attempts", "maxAttempts", "nextAttemptAtEpoch", "completedAtEpoch", "failedAtEpoch"),
    *("cancelledAtEpoch", "lastError", "createdAtEpoch", "updatedAtEpoch", "transport"),
}


def event(text="From now on the staging server is called egret.", **fields):
    """An event as claude-mem's hook sends it."""
    sent = {"projectId": "shop", "sourceType": "hook", "eventType": "user_prompt", "occurredAtEpoch": NOW}
    return sent | {"payload": {"prompt": text}} | fields


async def start(person, **fields):
    body = {"projectId": "shop", "externalSessionId": "s1", "contentSessionId": "s1", "platformSource": "Claude Code"}
    return await person.http.post("/v1/sessions/start", json=body | {"agentId": None, "agentType": None} | fields)


async def test_a_session_starts_once_and_is_answered_in_their_shape(cat):
    first = await start(cat, metadata={"project": "shop"})
    again = await start(cat, metadata={"project": "other"})
    assert (first.status_code, again.status_code) == (201, 200)
    session = first.json()["session"]
    assert set(session) == SESSION
    assert again.json()["session"] == session
    assert (session["projectId"], session["platformSource"], session["metadata"]) == (
        "shop",
        "claude",
        {"project": "shop"},
    )
    assert (await cat.http.get(f"/v1/sessions/{session['id']}")).json() == {"session": session}


async def test_a_session_without_an_external_id_is_found_by_its_transcript_and_gets_its_fields_anew(cat):
    first = (await start(cat, externalSessionId=None, metadata={"a": 1})).json()["session"]
    again = await start(cat, externalSessionId=None, metadata={"b": 2})
    assert again.status_code == 201
    assert again.json()["session"] | {"metadata": {"a": 1}} == first


async def test_an_end_files_one_summary_however_often_it_is_told(shared, cat):
    session = (await start(cat)).json()["session"]
    await cat.http.post("/v1/events", json=event(serverSessionId=session["id"]))
    first = await cat.http.post(f"/v1/sessions/{session['id']}/end", json={})
    again = await cat.http.post(f"/v1/sessions/{session['id']}/end", json={})
    assert first.status_code == 200
    assert set(first.json()) == {"session", "generationJob"}
    assert first.json()["generationJob"]["id"] == again.json()["generationJob"]["id"]
    assert first.json()["session"]["endedAtEpoch"] == again.json()["session"]["endedAtEpoch"] is not None
    await finish_jobs(shared.services)
    job = (await cat.http.get(f"/v1/jobs/{first.json()['generationJob']['id']}")).json()["generationJob"]
    assert (job["status"], job["jobType"], job["attempts"]) == ("completed", "observation_generate_session_summary", 1)


async def test_an_event_becomes_an_observation_by_its_job(shared, cat):
    answer = await cat.http.post(
        "/v1/events", json=event(platformSource="claude", memorySessionId="m", sourceEventId="x")
    )
    assert answer.status_code == 201
    sent, job = answer.json()["event"], answer.json()["generationJob"]
    assert set(sent) == EVENT
    assert set(job) == JOB
    assert (sent["occurredAtEpoch"], sent["sourceAdapter"], sent["sourceEventId"], sent["metadata"]) == (
        NOW,
        "hook",
        None,
        {},
    )
    assert (job["jobType"], job["sourceType"], job["agentEventId"]) == (
        "observation_generate_for_event",
        "agent_event",
        sent["id"],
    )
    await finish_jobs(shared.services)
    assert (await cat.http.get(f"/v1/jobs/{job['id']}")).json()["generationJob"]["status"] == "completed"
    found = (await cat.http.get(f"/v1/events/{sent['id']}/observations")).json()
    (observation,) = found["observations"]
    assert found["eventId"] == sent["id"]
    assert ("egret" in observation["content"], observation["createdByJobId"]) == (True, job["id"])
    assert observation["source"]["sourceId"] == sent["id"]
    recalled = (await cat.http.post("/v1/search", json={"projectId": "shop", "query": "egret"})).json()
    assert [each["id"] for each in recalled["memories"]] == [observation["id"]]


async def test_a_repeat_is_answered_with_the_first_event_and_its_job(shared, cat):
    first = (await cat.http.post("/v1/events", json=event())).json()
    await finish_jobs(shared.services)
    again = await cat.http.post("/v1/events", json=event())
    assert again.status_code == 201
    assert again.json()["event"] == first["event"]
    assert again.json()["generationJob"]["id"] == first["generationJob"]["id"]
    batch = (
        await cat.http.post("/v1/events/batch", json=[event(), event("We never deploy the heron on Fridays."), event()])
    ).json()["events"]
    assert [each["event"]["id"] == first["event"]["id"] for each in batch] == [True, False, True]
    await finish_jobs(shared.services)
    assert (await cat.http.get("/v1/memories", params={"workspace": "shop"})).json()["total"] == 2


async def test_without_generation_an_event_is_kept_and_has_no_job(cat):
    answer = (await cat.http.post("/v1/events?generate=false", json=event())).json()
    assert answer["generationJob"] is None
    later = (await cat.http.post("/v1/events?wait=true", json=event())).json()
    assert later["event"] == answer["event"]
    assert later["generationJob"]["status"] == "queued"
    refused = read_answer(await cat.http.post("/v1/events?generate=perhaps", json=event()))
    assert (refused.status, refused.body["issues"][0]["path"]) == (400, ["generate"])


async def test_a_batch_is_stored_whole_or_not_at_all(cat):
    good = [event(f"remember {n}", occurredAtEpoch=NOW + n) for n in range(500)]
    assert len((await cat.http.post("/v1/events/batch", json=good)).json()["events"]) == 500
    bad = [event("fine", occurredAtEpoch=NOW + 1_000), event("bad", serverSessionId="nobody")]
    refused = read_answer(await cat.http.post("/v1/events/batch", json=bad))
    assert (refused.status, refused.body["field"]) == (404, "events.1.serverSessionId")
    page = (await cat.http.get("/v1/jobs", params={"projectId": "shop", "limit": 1})).json()
    assert page["total"] == 500


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"occurredAtEpoch": -1}, ["occurredAtEpoch"]),
        ({"occurredAtEpoch": "yesterday"}, ["occurredAtEpoch"]),
        ({"sourceType": "carrier pigeon"}, ["sourceType"]),
        ({"eventType": None}, ["eventType"]),
        ({"serverSessionId": 5}, ["serverSessionId"]),
    ],
)
async def test_a_wrong_field_is_named_by_its_path(cat, change, path):
    one = read_answer(await cat.http.post("/v1/events", json=event(**change)))
    assert (one.status, one.body["issues"][0]["path"]) == (400, path)
    many = read_answer(await cat.http.post("/v1/events/batch", json=[event("a"), event(**change)]))
    assert (many.status, many.body["issues"][0]["path"]) == (400, ["events", 1, *path])
    assert (await cat.http.get("/v1/jobs")).json()["total"] == 0


async def test_a_batch_has_a_bound_and_one_project(cat):
    many = read_answer(await cat.http.post("/v1/events/batch", json=[event(str(n)) for n in range(501)]))
    assert (many.status, many.body["issues"][0]["path"]) == (400, ["events"])
    mixed = read_answer(await cat.http.post("/v1/events/batch", json=[event("a"), event("b", projectId="other")]))
    assert (mixed.status, mixed.body["field"]) == (400, "events.1.projectId")
    assert (await cat.http.get("/v1/projects")).json()["projects"] == []


async def test_an_event_of_ten_megabytes_is_refused_and_a_long_one_is_cut(cat):
    huge = await cat.http.post("/v1/events", json=event("x" * 10_000_000))
    assert huge.status_code == 413
    lines = "a line of a transcript\n" * 100_000
    kept = (await cat.http.post("/v1/events", json=event(lines))).json()["event"]["payload"]["prompt"]
    assert len(kept) <= 256 * 1024
    assert "characters cut" in kept


async def test_events_of_a_transcript_join_its_newest_session(cat):
    session = (await start(cat)).json()["session"]["id"]
    by_platform = {"contentSessionId": "s1", "platformSource": "claude"}
    assert (await cat.http.post("/v1/events", json=event("a", **by_platform))).json()["event"][
        "serverSessionId"
    ] == session
    other = {"contentSessionId": "s1", "platformSource": "codex"}
    assert (await cat.http.post("/v1/events", json=event("b", **other))).json()["event"]["serverSessionId"] is None


async def test_the_prompt_that_their_plugin_sends_with_the_start_is_an_event(shared, cat):
    session = (
        await start(cat, metadata={"project": "shop", "prompt": "From now on the staging server is called egret."})
    ).json()["session"]
    assert session["metadata"] == {"project": "shop"}
    await finish_jobs(shared.services)
    (memory,) = (await cat.http.get("/v1/memories", params={"workspace": "shop"})).json()["memories"]
    assert ("egret" in memory["content"], memory["session"], memory["author"]) == (True, session["id"], cat.name)


async def test_both_doors_take_events_in_our_words(cat):
    answer = await call_tool(cat, "record_event", {"type": "user_prompt", "payload": {"prompt": "hello"}})
    assert answer.body["event"]["eventType"] == "user_prompt"
    many = await call_tool(cat, "record_events", {"events": [{"type": "a"}, {"type": "b"}]})
    assert [each["event"]["eventType"] for each in many.body["events"]] == ["a", "b"]
