"""Jobs as their owner sees them, and what their worker does if something goes wrong."""

import pytest

from server.background.observing import LEASE, do_jobs
from server.limits import Limits
from server.memory.capture.models import Observation
from server.store.record.capture import jobs
from tests.helpers.capture.jobs import finish_jobs
from tests.helpers.doors import call_rest
from tests.helpers.site import open_site
from tools.capture.recording import SETTLED
from tools.capture.wire import MOST_ATTEMPTS

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("extractor")]

EXTRACT = "server.background.reading.extract_observations"


def repeat_prompts(events, _injected):
    """An extractor that keeps what the person said."""
    return [Observation(e.text, "fact", None, "person", e.at, (e.id,)) for e in events if e.kind == "prompt"]


@pytest.fixture
def extractor(monkeypatch):
    """Puts a function in place of the extraction."""

    def put(extract):
        monkeypatch.setattr(EXTRACT, extract)

    put(repeat_prompts)
    return put


async def report_prompt(person, text="the egret", **fields):
    """Report a prompt; the id of its job."""
    answer = await call_rest(person, "record_event", {"type": "user_prompt", "payload": {"prompt": text}} | fields)
    return answer.body["generationJob"]["id"]


async def read_job(person, job_id):
    return (await call_rest(person, "read_job", {"id": job_id})).body["generationJob"]


async def list_contents(person):
    listed = (await person.http.get("/v1/memories", params={"limit": 100})).json()["memories"]
    return sorted(each["content"] for each in listed)


def fail(_events, _injected):
    raise ZeroDivisionError


async def test_a_job_that_fails_is_tried_again_after_pauses_and_then_given_up(site, ann, clock, extractor):
    extractor(fail)
    job_id = await report_prompt(ann)
    for attempt in range(1, MOST_ATTEMPTS):
        await finish_jobs(site.services)
        job = await read_job(ann, job_id)
        assert (job["status"], job["attempts"]) == ("queued", attempt)
        assert job["lastError"] == {"reason": "ZeroDivisionError", "classification": "transient"}
        clock.move(seconds=10)
    await finish_jobs(site.services)
    job = await read_job(ann, job_id)
    assert (job["status"], job["attempts"], job["nextAttemptAtEpoch"]) == ("failed", MOST_ATTEMPTS, None)
    assert job["failedAtEpoch"]


async def test_a_retry_gives_all_attempts_again(site, ann, clock, extractor):
    extractor(fail)
    job_id = await report_prompt(ann)
    for _ in range(MOST_ATTEMPTS):
        await finish_jobs(site.services)
        clock.move(seconds=10)
    retried = await call_rest(ann, "retry_job", {"id": job_id})
    assert (retried.status, retried.body["retriedCount"], retried.body["alreadyQueued"]) == (200, 1, False)
    assert retried.body["generationJob"]["attempts"] == 0
    await finish_jobs(site.services)
    assert (await read_job(ann, job_id))["status"] == "queued"
    extractor(repeat_prompts)
    clock.move(seconds=10)
    await finish_jobs(site.services)
    assert (await read_job(ann, job_id))["status"] == "completed"
    assert await list_contents(ann) == ["the egret"]
    assert (await call_rest(ann, "retry_job", {"id": job_id})).error == "conflict"
    assert (await call_rest(ann, "cancel_job", {"id": job_id})).error == "conflict"


async def test_hundreds_of_failed_jobs_are_queued_again_at_once(site, ann, clock, extractor):
    extractor(fail)
    texts = [f"the egret {n}" for n in range(355)]
    events = [{"type": "user_prompt", "payload": {"prompt": each}} for each in texts]
    await call_rest(ann, "record_events", {"events": events})
    for _ in range(MOST_ATTEMPTS):
        await finish_jobs(site.services)
        clock.move(seconds=10)
    assert (await call_rest(ann, "list_jobs", {"status": "failed", "limit": 1})).body["total"] == 355
    extractor(repeat_prompts)
    answer = await call_rest(ann, "requeue_jobs", {})
    assert (answer.body["requeued"], answer.body["left"]) == (355, 0)
    await finish_jobs(site.services)
    assert (await call_rest(ann, "list_jobs", {"status": "completed"})).body["total"] == 355
    assert (await ann.http.get("/v1/memories")).json()["total"] == 355


async def test_a_cancelled_job_makes_nothing_even_if_it_was_being_done(site, ann):
    session = (await call_rest(ann, "start_session", {})).body["session"]["id"]
    job_id = await report_prompt(ann, session_id=session, type="tool_use")
    cancelled = await call_rest(ann, "cancel_job", {"id": job_id})
    assert (cancelled.body["alreadyCancelled"], cancelled.body["generationJob"]["status"]) == (False, "cancelled")
    assert (await call_rest(ann, "cancel_job", {"id": job_id})).body["alreadyCancelled"]
    async with site.services.db.write() as connection:
        assert await jobs.complete_jobs(connection, "a claim", [job_id], site.services.now()) == set()
    assert (await call_rest(ann, "requeue_jobs", {"status": "cancelled"})).body["requeued"] == 1


async def test_a_job_whose_worker_died_is_done_again_when_its_claim_ends(site, ann, clock):
    session = (await call_rest(ann, "start_session", {})).body["session"]["id"]
    job_id = await report_prompt(ann, session_id=session, type="tool_use")
    clock.move(seconds=SETTLED.total_seconds())
    now = clock()
    async with site.services.db.write() as connection:
        claimed = await jobs.claim_jobs(connection, "of the dead", now, now + LEASE, 10)
    if [each.id for each in claimed] == [job_id]:  # else the loop was faster, and has done it
        await do_jobs(site.services)
        assert (await read_job(ann, job_id))["status"] == "processing"
    clock.move(seconds=LEASE.total_seconds())
    await finish_jobs(site.services)
    assert (await read_job(ann, job_id))["status"] == "completed"
    async with site.services.db.write() as connection:
        assert await jobs.complete_jobs(connection, "of the dead", [job_id], clock()) == set()


async def test_what_an_agent_does_is_looked_at_when_its_turn_ends(site, ann, clock, extractor):
    seen = []
    extractor(lambda events, _: seen.append([e.kind for e in events]) or [])
    session = (await call_rest(ann, "start_session", {})).body["session"]["id"]
    steps: list[str] = []
    for n in range(3):
        steps.append(await report_prompt(ann, session_id=session, type="tool_use", payload={"n": n}))
        clock.move(seconds=1)
    await finish_jobs(site.services)
    assert [(await read_job(ann, each))["status"] for each in steps] == ["queued"] * 3
    await report_prompt(ann, session_id=session, type="assistant_message")
    await finish_jobs(site.services)
    assert [(await read_job(ann, each))["status"] for each in steps] == ["completed"] * 3
    assert seen == [["tool", "tool", "tool", "reply"]]


async def test_the_same_observation_of_a_session_is_made_once(site, ann, clock):
    session = (await call_rest(ann, "start_session", {})).body["session"]["id"]
    for _ in range(3):
        await report_prompt(ann, session_id=session)
        await finish_jobs(site.services)
        clock.move(seconds=1)
    assert await list_contents(ann) == ["the egret"]
    await report_prompt(ann)  # in no session
    await finish_jobs(site.services)
    assert await list_contents(ann) == ["the egret"] * 2


async def test_a_full_account_has_its_jobs_failed_and_says_why(settings, clock):
    limited = settings.model_copy(update={"plans": {"small": Limits(memories=1)}, "default_plan": "small"})
    async with open_site(limited, clock) as site:
        ann = await site.add_person("ann")
        await ann.store("one")
        job_id = await report_prompt(ann)
        await finish_jobs(site.services)
        job = await read_job(ann, job_id)
        assert (job["status"], job["lastError"]["classification"]) == ("failed", "permanent")
        assert job["lastError"]["reason"].startswith("quota")
        assert await list_contents(ann) == ["one"]


async def test_jobs_of_others_are_not_there(ann, bob):
    job_id = await report_prompt(ann)
    for name in ("read_job", "retry_job", "cancel_job"):
        assert (await call_rest(bob, name, {"id": job_id})).status == 404
    assert (await call_rest(bob, "list_jobs", {})).body["total"] == 0
    assert (await bob.http.get(f"/v1/teams/{ann.account_id}/jobs")).status_code == 404
    assert (await bob.http.get("/v1/projects/default/jobs")).status_code == 404
    assert (await ann.http.get(f"/v1/teams/{ann.account_id}/jobs")).json()["total"] == 1
    assert (await ann.http.get("/v1/projects/default/jobs")).json()["total"] == 1
