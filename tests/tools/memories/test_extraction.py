"""Memories out of a transcript: with a language model, with one that fails, and without one."""

import json

import httpx
import pytest
import respx

from tests.helpers.consolidations import make_chat_answer
from tests.helpers.doors import call_rest, call_tool, read_answer, read_shown_text
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

URL = "https://llm.test/v1/chat/completions"
TRANSCRIPT = "Ann: Which database? Ben: Postgres, because of its JSON indexes. " * 5
ENTRIES = [
    {"content": "Postgres was chosen for its JSON indexes", "type": "decision", "tags": ["Database"]},
    {"content": "Ben chose the database", "type": "gossip"},
]


@pytest.fixture
async def reading(settings, clock):
    """A server with a language model, and the model."""
    changes = {"llm_url": "https://llm.test/v1", "llm_model": "small"}
    with respx.mock(assert_all_called=False) as mock:
        mock.route(host="127.0.0.1").pass_through()
        model = mock.post(URL)
        async with open_site(type(settings).model_validate(settings.model_dump() | changes), clock) as site:
            yield site, model


async def test_distill_stores_all_that_the_model_finds(reading):
    site, model = reading
    ann = await site.add_person("ann")
    await ann.store("Ann likes tea")
    model.mock(return_value=make_chat_answer(f"```json\n{json.dumps(ENTRIES)}\n```"))
    response = await ann.http.post("/v1/distill", json={"transcript": TRANSCRIPT})
    body = response.json()
    assert response.status_code == 201
    assert [(each["content"], each["type"], each["tags"]) for each in body["memories"]] == [
        ("Postgres was chosen for its JSON indexes", "decision", ["database", "source:distill:small"]),
        ("Ben chose the database", "observation", ["source:distill:small"]),
    ]
    assert read_shown_text(response).startswith("Extracted 2 memories:\n\n")
    for each in body["memories"]:
        stored = (await ann.http.get(f"/v1/memories/{each['id']}")).json()
        assert {name: stored[name] for name in each} == each
    asked = json.loads(model.calls.last.request.content)["messages"]
    assert "at most 20 objects" in asked[0]["content"]
    assert asked[1]["content"].startswith("Already known:\n- Ann likes tea\n\nTranscript:\nAnn: Which database?")


async def test_distill_stores_nothing_of_a_short_transcript_or_an_answer_without_memories(reading):
    site, model = reading
    ann = await site.add_person("ann")
    response = await ann.http.post("/v1/distill", json={"transcript": "Ann likes tea."})
    assert (response.status_code, response.json()["memories"], model.called) == (200, [], False)
    assert "too short" in read_shown_text(response)
    for answer, says in (("[]", "nothing new"), ("I am a teapot", "could not be read")):
        model.mock(return_value=make_chat_answer(answer))
        response = await ann.http.post("/v1/distill", json={"transcript": TRANSCRIPT})
        assert (response.status_code, response.json()["memories"]) == (200, [])
        assert says in read_shown_text(response)
    assert (await ann.http.get("/v1/memories")).json()["total"] == 0


@pytest.mark.parametrize("door", [call_rest, call_tool])
async def test_extract_takes_the_few_seeds_and_a_tag(reading, door):
    site, model = reading
    ann = await site.add_person("ann")
    model.mock(return_value=make_chat_answer(json.dumps([{"content": f"Fact {n}"} for n in range(9)])))
    for arguments, count, tag in (
        ({"mode": "seeds"}, 3, "source:extract:seeds"),
        ({"mode": "seeds", "max_memories": 2, "source_tag": "mine"}, 2, "source:mine"),
        ({"max_memories": 5}, 5, "source:distill:small"),
        ({}, 9, "source:distill:small"),
    ):
        body = (await door(ann, "extract_memories", {"transcript": TRANSCRIPT, **arguments})).body
        assert (body["count"], len(body["stored"]), body["source"]) == (count, count, "transcript")
        assert body["mode"] == arguments.get("mode", "distill")
        assert {each["tags"][-1] for each in body["stored"]} == {tag}
        assert "error" not in body


async def test_mementos_tool_lists_what_it_stored(reading):
    site, model = reading
    ann = await site.add_person("ann")
    model.mock(return_value=make_chat_answer(json.dumps(ENTRIES[:1])))
    answer = await call_tool(ann, "memento_extract", {"transcript": TRANSCRIPT})
    assert answer.error is None
    assert answer.text.startswith("Extracted 1 memory:\n\n**")
    assert answer.text.endswith("\nPostgres was chosen for its JSON indexes")


async def test_a_transcript_that_is_too_short_to_extract_or_a_wrong_mode_is_refused(reading):
    site, _ = reading
    ann = await site.add_person("ann")
    for arguments, field in (
        ({"transcript": "x" * 99}, "transcript"),
        ({"transcript": TRANSCRIPT, "mode": "y"}, "mode"),
    ):
        answer = await call_rest(ann, "extract_memories", arguments)
        assert (answer.status, answer.body["field"]) == (400, field)


@pytest.mark.parametrize("answer", [httpx.Response(500), make_chat_answer("[", finish="length")])
async def test_a_model_that_fails_is_said_so_and_nothing_is_stored(reading, answer):
    site, model = reading
    ann = await site.add_person("ann")
    model.mock(return_value=answer)
    for path in ("/v1/distill", "/v1/extract"):
        refused = await ann.http.post(path, json={"transcript": TRANSCRIPT})
        assert (read_answer(refused).status, read_answer(refused).error) == (503, "unavailable")
        assert "did not answer" in read_answer(refused).text
    assert (await ann.http.get("/v1/memories")).json()["total"] == 0


@pytest.mark.parametrize("name", ["distill", "extract_memories"])
async def test_without_a_model_the_refusal_says_what_to_set(site, name):
    ann = await site.add_person("ann")
    for door in (call_rest, call_tool):
        answer = await door(ann, name, {"transcript": TRANSCRIPT})
        assert answer.error == "unavailable"
        assert "set LOCI_LLM_URL and LOCI_LLM_MODEL" in answer.text
