"""What agents report is read by a language model if the server has one, and by rules if the model is no help."""

import json
from datetime import timedelta

import httpx
import pytest
import respx

from auth.bearers.api_keys import issue_key
from server.background.reading import PATIENCE
from tests.helpers.capture.jobs import finish_jobs
from tests.helpers.console import log_in, send
from tests.helpers.consolidations import make_chat_answer
from tests.helpers.doors import call_rest
from tests.helpers.logins.tokens import make_access_token
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

URL = "https://llm.test/v1/chat/completions"
PROMPT = "From now on we deploy on Tuesdays only. Elastic was too heavy for the 2 GB box, by the way."
BY_RULES = ["From now on we deploy on Tuesdays only."]


@pytest.fixture
async def reading(settings, clock):
    """A server with a language model, a person on it, and the model."""
    changes = {"llm_url": "https://llm.test/v1", "llm_model": "small", "llm_daily_tokens": 1000}
    with respx.mock(assert_all_called=False) as mock:
        mock.route(host="127.0.0.1").pass_through()
        model = mock.post(URL)
        async with open_site(type(settings).model_validate(settings.model_dump() | changes), clock) as site:
            yield site, await site.add_person("ann"), model


async def report(person, prompt):
    """Report a prompt; the id of its job."""
    answer = await call_rest(person, "record_event", {"type": "user_prompt", "payload": {"prompt": prompt}})
    return answer.body["generationJob"]["id"]


async def read_contents(person):
    listed = (await person.http.get("/v1/memories", params={"limit": 100})).json()["memories"]
    return sorted(each["content"] for each in listed)


async def read_job(person, job_id):
    return (await call_rest(person, "read_job", {"id": job_id})).body["generationJob"]


def answer_with(*entries):
    return make_chat_answer(json.dumps(list(entries)))


async def test_the_model_reads_what_is_reported_and_each_memory_keeps_its_source(reading):
    site, ann, model = reading
    found = {"content": "Elastic was too heavy for the 2 GB box.", "type": "fact", "said_by": "person", "events": [1]}
    model.mock(return_value=answer_with(found, {"content": "nobody said it", "events": [7]}, {"events": [1]}))
    job_id = await report(ann, PROMPT)
    await finish_jobs(site.services)
    assert await read_contents(ann) == ["Elastic was too heavy for the 2 GB box."]
    assert (await read_job(ann, job_id))["status"] == "completed"
    (memory,) = (await ann.http.get("/v1/memories")).json()["memories"]
    assert (memory["author"], memory["type"], memory["source"]) == ("ann", "fact", "capture")
    assert PROMPT in json.loads(model.calls.last.request.content)["messages"][1]["content"]


@pytest.mark.parametrize(
    "answer",
    [
        make_chat_answer("I am sorry, I cannot do that."),
        make_chat_answer('[{"content": "half of an arr', finish="length"),
        httpx.Response(400, json={"error": "the question is too long"}),
        httpx.Response(200, content=b"\xff\x00"),
    ],
    ids=["no array", "cut off", "refused", "garbage"],
)
async def test_rules_read_what_the_model_gives_no_usable_answer_about(reading, answer):
    site, ann, model = reading
    model.mock(return_value=answer)
    await report(ann, PROMPT)
    await finish_jobs(site.services)
    assert await read_contents(ann) == BY_RULES


async def test_jobs_wait_for_a_model_that_is_down_are_visible_and_finish_later(reading, clock):
    site, ann, model = reading
    model.mock(return_value=httpx.Response(429, headers={"retry-after": "600"}))
    job_id = await report(ann, PROMPT)
    for _ in range(6):  # an hour
        await finish_jobs(site.services)
        job = await read_job(ann, job_id)
        assert (job["status"], job["attempts"]) == ("queued", 0)
        assert job["lastError"]["reason"] == "the language model is down: status 429"
        clock.move(minutes=9)
        asked = model.call_count
        await finish_jobs(site.services)
        assert model.call_count == asked  # the model's server asked for ten minutes
        clock.move(minutes=1)
    model.mock(return_value=answer_with({"content": "Deploys are on Tuesdays.", "type": "decision", "events": [1]}))
    await finish_jobs(site.services)
    assert await read_contents(ann) == ["Deploys are on Tuesdays."]
    assert (await read_job(ann, job_id))["status"] == "completed"


async def test_a_model_that_is_down_is_left_alone_by_what_is_reported_meanwhile(reading, clock):
    site, ann, model = reading
    model.mock(return_value=httpx.Response(503))
    await report(ann, PROMPT)
    await finish_jobs(site.services)
    asked = model.call_count
    job_id = await report(ann, "We go with Postgres 16.")
    await finish_jobs(site.services)
    assert (await read_job(ann, job_id))["lastError"]["reason"] == "the language model is down: status 503"
    assert model.call_count == asked > 0
    clock.move(minutes=1)
    await finish_jobs(site.services)
    assert model.call_count > asked


async def test_rules_read_what_has_waited_for_the_model_too_long(reading, clock):
    site, ann, model = reading
    model.mock(side_effect=httpx.ConnectError("no"))
    await report(ann, PROMPT)
    await finish_jobs(site.services)
    assert await read_contents(ann) == []
    clock.move(seconds=(PATIENCE + timedelta(seconds=1)).total_seconds())
    await finish_jobs(site.services)
    assert await read_contents(ann) == BY_RULES


async def test_above_its_daily_budget_an_account_is_read_by_rules_until_the_next_day(reading, clock):
    site, ann, model = reading
    answer = {"choices": [{"message": {"content": "[]"}}], "usage": {"total_tokens": 1000}}
    model.mock(return_value=httpx.Response(200, json=answer))
    await report(ann, "Elastic was too heavy.")
    await finish_jobs(site.services)
    await report(ann, PROMPT)
    await finish_jobs(site.services)
    assert model.call_count == 1
    assert await read_contents(ann) == BY_RULES
    bob = await site.add_person("bob")
    await report(bob, PROMPT)
    await finish_jobs(site.services)
    assert (model.call_count, await read_contents(bob)) == (2, [])
    clock.move(hours=24)
    await report(ann, "We go with Postgres 16.")
    await finish_jobs(site.services)
    assert model.call_count == 3


async def test_the_model_stores_neither_credentials_nor_what_the_agent_was_told(reading):
    site, ann, model = reading
    await ann.store("The staging server is called egret")
    hook = {"hook_event_name": "UserPromptSubmit", "session_id": "s-1", "prompt": "what is the staging server called?"}
    told = await ann.http.post("/v1/hooks", json=hook)
    assert "egret" in told.text
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    model.mock(
        return_value=answer_with(
            {"content": "The staging server is called egret.", "events": [1]},
            {"content": f"The token is {secret}.", "events": [1]},
            {"content": "Ann asked about the server.", "events": [1]},
        )
    )
    await ann.http.post("/v1/hooks", json={"hook_event_name": "Stop", "session_id": "s-1", "message": "It is egret."})
    await finish_jobs(site.services)
    assert await read_contents(ann) == ["Ann asked about the server.", "The staging server is called egret"]


@pytest.mark.parametrize("is_app", [False, True])
async def test_what_a_revoked_key_or_a_disconnected_app_reported_makes_no_memory(reading, clock, is_app):
    site, ann, model = reading
    model.mock(return_value=httpx.Response(503))
    async with site.services.db.write() as connection:
        secret, key = await issue_key(
            connection, user_id=ann.user_id, scopes=["memory:write"], name="stolen", now=clock()
        )
    bearer = await make_access_token(site, ann) if is_app else secret
    event = {"type": "user_prompt", "payload": {"prompt": PROMPT}}
    answer = await ann.http.post("/v1/events", json=event, headers={"authorization": f"Bearer {bearer}"})
    assert answer.status_code == 201, answer.text
    if is_app:
        tab = await log_in(site, ann)
        grant = (await tab.get("/apps")).text.split('name="grant" value="')[1].split('"')[0]
        assert (await send(tab, "/apps", grant=grant)).status_code == 302
    else:
        assert (await ann.http.delete(f"/v1/keys/{key.id}")).status_code == 200
    clock.move(minutes=2)
    model.mock(return_value=answer_with({"content": "Deploys are on Tuesdays.", "events": [1]}))
    await finish_jobs(site.services)
    job = await read_job(ann, answer.json()["generationJob"]["id"])
    assert (job["status"], job["lastError"]["classification"]) == ("failed", "permanent")
    assert job["lastError"]["reason"].startswith("revoked_key")
    assert await read_contents(ann) == []
