"""What an agent's hooks get from their one tool: what matters now, once, and never an error."""

import asyncio
import json
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr
from structlog.testing import capture_logs

from server.limits import Limits
from server.store.search.seam import EngineDown
from server.store.tables.capture import events, sessions, told_texts
from tests.helpers.capture.jobs import finish_jobs
from tests.helpers.databases import create_postgres_database
from tests.helpers.doors import call_rest, call_tool
from tests.helpers.site import open_site
from tools.capture.hooks import OnEvent

pytestmark = pytest.mark.anyio

SAID = "From now on we deploy on Tuesdays only; the staging server is called egret."


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def home(request, settings, clock):
    """A server on either database."""
    if request.param == "sqlite":
        async with open_site(settings, clock) as site:
            yield site
        return
    async with create_postgres_database(request.getfixturevalue("postgres_template")) as url:
        ours = settings.model_copy(update={"database_url": SecretStr(url)})
        async with open_site(ours, clock) as site:
            yield site


@pytest.fixture
async def eve(home):
    return await home.add_person("eve")


async def hook(person, event, session="s1", cwd="/home/eve/shop", **fields):
    """Send an event as Claude Code does; the text that reaches the model, "" for none."""
    sent = {"event": event, "session_id": session, "cwd": cwd, "platform": "claude", "transcript_path": "/t"}
    answer = await call_tool(person, "on_event", sent | fields)
    assert answer.error is None, answer.text
    told = json.loads(answer.text)
    if told == {}:
        return ""
    assert told.keys() == {"hookSpecificOutput"}
    assert told["hookSpecificOutput"]["hookEventName"] == event
    return told["hookSpecificOutput"]["additionalContext"]


async def work(site, person, clock):
    """A session in which the person says two facts, and the agent edits a file and commits."""
    assert await hook(person, "UserPromptSubmit", prompt=SAID) == ""
    clock.move(seconds=1)
    edit = {"file_path": "/home/eve/shop/deploy.sh", "old_string": "a", "new_string": "b"}
    result = {"filePath": "/home/eve/shop/deploy.sh", "originalFile": "a" * 50_000}
    sent = {"tool_name": "Edit", "tool_input": json.dumps(edit), "tool_response": json.dumps(result)}
    assert await hook(person, "PostToolUse", **sent) == ""
    commit = {"command": "git commit -am 'Add the canary step'"}
    done = {"stdout": "[main 1a2b3c4] Add the canary step\n 1 file changed, 1 insertion(+)", "stderr": ""}
    clock.move(seconds=1)
    assert await hook(person, "PostToolUse", tool_name="Bash", tool_input=commit, tool_response=done) == ""
    clock.move(seconds=1)
    assert await hook(person, "Stop", last_assistant_message="I changed deploy.sh and committed it.") == ""
    assert await hook(person, "SessionEnd", reason="other") == ""
    await finish_jobs(site.services)
    clock.move(seconds=60)


async def test_what_was_said_and_done_is_told_in_later_sessions_once(home, eve, clock):
    await work(home, eve, clock)
    listed = (await eve.http.get("/v1/memories")).json()["memories"]
    assert {each["project"] for each in listed} == {"shop"}
    assert {each["scope"] for each in listed} == {"global"}

    elsewhere = {"session": "s2", "cwd": "/home/eve/blog"}
    first = await hook(eve, "UserPromptSubmit", prompt="What is the staging server called?", **elsewhere)
    assert (first.count("Tuesdays"), first.count("egret")) == (1, 1), first
    assert "Done last" not in first
    assert await hook(eve, "UserPromptSubmit", prompt="And what is the staging server called?", **elsewhere) == ""

    third = await hook(eve, "UserPromptSubmit", session="s3", prompt="Good morning")
    assert (
        'Done last in shop:\n- Done: I changed deploy.sh and committed it. Committed 1a2b3c4: "Add the canary' in third
    )
    assert "- From now on we deploy on Tuesdays only." in third
    assert await hook(eve, "UserPromptSubmit", session="s3", prompt="Good morning") == ""


async def test_reports_that_come_at_the_same_moment_are_each_stored_or_refused_for_themselves(home, eve):
    def report(number, **fields):
        return call_rest(eve, "record_event", {"type": "note", "payload": {"n": number}, **fields})

    calls = [hook(eve, "PostToolUse", f"s{n % 2}", tool_name="Bash", tool_input={"command": f"{n}"}) for n in range(8)]
    lost = report(8, session_id="no such session")
    again = [report(9, occurred_at="2026-11-30T12:00:00Z") for _ in range(3)]
    answers: list[Any] = await asyncio.gather(*calls, *map(report, range(4)), lost, *again)
    refused, first, second, third = answers[-4:]
    assert (refused.status, refused.body["field"]) == (404, "session_id")
    assert first.body["event"]["id"] == second.body["event"]["id"] == third.body["event"]["id"]
    async with home.services.db.read() as connection:
        stored = (await connection.execute(sa.select(events.c.session_id, events.c.payload))).all()
        homes = (await connection.execute(sa.select(sessions.c.id))).scalars().all()
    assert sorted(row.payload["n"] for row in stored if "n" in row.payload) == [0, 1, 2, 3, 9]
    of_hooks = {int(row.payload["tool_input"]["command"]): row.session_id for row in stored if row.session_id}
    assert of_hooks == {number: of_hooks[number % 2] for number in range(8)}
    assert sorted(homes) == sorted({of_hooks[0], of_hooks[1]})


async def test_what_has_changed_is_told_again_and_what_was_lost_with_the_context_as_well(home, eve):
    memory = await eve.store("The staging server is called egret.")
    question = {"prompt": "What is the staging server called?"}
    assert "egret" in await hook(eve, "UserPromptSubmit", **question)
    assert await hook(eve, "UserPromptSubmit", **question) == ""
    await eve.http.patch(f"/v1/memories/{memory}", json={"content": "The staging server is called heron."})
    assert "heron" in await hook(eve, "UserPromptSubmit", **question)
    assert await hook(eve, "UserPromptSubmit", **question) == ""
    await hook(eve, "SessionStart", source="compact")
    assert "heron" in await hook(eve, "UserPromptSubmit", **question)
    async with home.services.db.read() as connection:
        assert (await connection.execute(sa.select(told_texts.c.source_id))).scalars().all() == [memory]
    await eve.http.request("DELETE", f"/v1/memories/{memory}", params={"erase": "true"})
    async with home.services.db.read() as connection:
        assert (await connection.execute(sa.select(told_texts))).all() == []


async def test_a_session_begins_with_a_briefing_and_codex_gets_it_at_the_start(eve):
    await call_rest(eve, "update_identity", {"crystal": "I keep the shop running."})
    await call_rest(eve, "add_skip", {"item": "Kubernetes", "reason": "settled", "expires": "never"})
    item = {"category": "active_work", "title": "Move the mail server", "next_action": "Copy the mailboxes"}
    await call_rest(eve, "add_item", item)
    await eve.store("Never push on Fridays.", type="instruction")
    told = await hook(eve, "SessionStart", platform="codex", source="startup")
    assert told.splitlines()[1:-1] == [
        "Who you are:",
        "- I keep the shop running.",
        "Leave alone:",
        "- Kubernetes: settled",
        "Open:",
        "- Move the mail server. Next: Copy the mailboxes",
        "Decisions, preferences and instructions:",
        "- Never push on Fridays.",
    ]
    assert (
        await hook(eve, "UserPromptSubmit", platform="codex", prompt="Shall we move to Kubernetes on a Friday?") == ""
    )
    assert "Who you are" in await hook(eve, "UserPromptSubmit", session="s2", prompt="hello")


async def test_what_an_agent_was_told_is_not_stored_again(home, eve, clock):
    await eve.store("The staging server is called egret.")
    assert "egret" in await hook(eve, "UserPromptSubmit", prompt="What is the staging server called?")
    clock.move(seconds=1)
    again = "The staging server is called egret. The mail server is called heron."
    await hook(eve, "UserPromptSubmit", prompt=again)
    await finish_jobs(home.services)
    listed = (await eve.http.get("/v1/memories")).json()["memories"]
    assert sorted(each["content"] for each in listed) == [
        "The mail server is called heron.",
        "The staging server is called egret.",
    ]


async def test_the_setting_bounds_what_a_prompt_brings(ann):
    for n in range(8):
        await ann.store(f"The egret number {n} lives on lake {n} " + f"with swan{n} duck{n} heron{n} " * 20)
    question = "Where do the egrets live, on which lake?"
    told = await hook(ann, "UserPromptSubmit", prompt=question)
    assert 0 < len(told.encode()) / 3 <= 800
    await call_rest(ann, "set_setting", {"key": "prompt_tokens", "value": 0})
    assert await hook(ann, "UserPromptSubmit", session="s2", prompt=question) == ""


async def test_cursor_gets_the_briefing_in_its_own_form_and_is_told_nothing_that_it_does_not_show(home, eve, clock):
    common = {"conversation_id": "c1", "cursor_version": "2.4", "workspace_roots": ["/home/eve/shop"]}

    async def send(event, **fields):
        clock.move(seconds=1)
        return (await call_rest(eve, "on_event", {"hook_event_name": event} | common | fields)).body

    assert await send("sessionStart", session_id="c1") == {}
    assert await send("beforeSubmitPrompt", prompt=SAID) == {}
    edit = {"file_path": "/home/eve/shop/deploy.sh", "edits": [{"old_string": "a", "new_string": "b"}]}
    assert await send("afterFileEdit", **edit) == {}
    commit = "git commit -am 'Add the canary step'"
    assert await send("afterShellExecution", command=commit, output="[main 1a2b3c4] Add the canary step") == {}
    assert await send("afterAgentResponse", text="I changed deploy.sh and committed it.") == {}
    assert await send("stop", status="completed") == {}
    await finish_jobs(home.services)
    listed = (await eve.http.get("/v1/memories")).json()["memories"]
    assert {each["project"] for each in listed} == {"shop"}
    assert any("Add the canary step" in each["content"] and "deploy.sh" in each["content"] for each in listed)

    common["conversation_id"] = "c2"
    assert await send("beforeSubmitPrompt", prompt="What is the staging server called?") == {}
    told = await send("sessionStart")
    assert told.keys() == {"additional_context"}
    assert told["additional_context"].count("Tuesdays") == 1


async def test_gemini_and_vs_code_are_understood(home, eve, clock):
    gemini = {"session_id": "g1", "cwd": "/home/eve/shop", "timestamp": "2026-11-21T09:00:00Z", "platform": "gemini"}
    assert (await call_rest(eve, "on_event", {"hook_event_name": "BeforeAgent", "prompt": SAID} | gemini)).body == {}
    clock.move(seconds=1)
    reply = {"hook_event_name": "AfterAgent", "prompt": SAID, "prompt_response": "I noted it."}
    assert (await call_rest(eve, "on_event", reply | gemini)).body == {}
    await finish_jobs(home.services)
    question = {"prompt": "What is the staging server called?"}
    asked = {"hook_event_name": "BeforeAgent"} | question | gemini | {"session_id": "g2"}
    output = (await call_rest(eve, "on_event", asked)).body["hookSpecificOutput"]
    assert output["hookEventName"] == "BeforeAgent"
    assert output["additionalContext"].count("egret") == 1

    code = {"sessionId": "v1", "cwd": "/home/eve/shop", "platform": "vscode"}
    assert (await call_rest(eve, "on_event", {"hookEventName": "UserPromptSubmit"} | question | code)).body == {}
    start = {"hookEventName": "SessionStart", "source": "new"}
    output = (await call_rest(eve, "on_event", start | code)).body["hookSpecificOutput"]
    assert (output["hookEventName"], "Tuesdays" in output["additionalContext"]) == ("SessionStart", True)


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"event": "stop", "workspace_roots": [1], "cursor_version": None, "text": ["x"], "edits": 1},
        {"hook_event_name": "afterFileEdit", "conversation_id": "s", "workspace_roots": [], "file_path": 3},
        {"event": "Notification", "session_id": "s", "message": "egret"},
        {"event": "PreToolUse", "session_id": "s", "tool_name": "Bash", "tool_input": "{"},
        {"hook_event_name": "UserPromptSubmit", "session_id": "s"},
        {"hook_event_name": "PostToolUse", "session_id": "s", "tool_response": None},
        {"hook_event_name": "SessionEnd", "session_id": "never seen"},
        {"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": "/clear", "who": {"knows": [1]}},
    ],
)
async def test_unknown_events_and_half_of_the_fields_are_answered_with_nothing(ann, sent):
    over_rest, over_mcp = await call_rest(ann, "on_event", sent), await call_tool(ann, "on_event", sent)
    assert over_rest.body == {}
    assert over_mcp.text == "{}"


async def test_names_and_ids_of_any_length_are_taken_and_ids_that_differ_stay_apart(ann):
    ids = {OnEvent(session_id="s" * 300 + ending).session_id or "" for ending in "ab"}
    assert (len(ids), max(map(len, ids)) <= 200) == (2, True)
    sent = {"session_id": "s" * 300, "platform": "p" * 300, "tool_name": "t" * 300, "tool_input": {}}
    for event in ("PostToolUse", "E" * 300):
        assert (await call_rest(ann, "on_event", sent | {"event": event})).body == {}
    assert OnEvent(session_id=" ", platform=" ").session_id is None


async def test_the_official_client_gets_the_json_as_text(ann):
    await ann.store("The staging server is called egret.")
    sent = {"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": "What is the staging server called?"}
    async with ann.mcp() as client:
        assert "on_event" not in [each.name for each in (await client.list_tools()).tools]
        result = await client.call_tool("on_event", sent)
    assert json.loads(result.content[0].text) == result.structured_content
    assert "egret" in result.structured_content["hookSpecificOutput"]["additionalContext"]


async def test_a_store_that_is_down_is_logged_and_the_event_is_stored_all_the_same(site, ann, monkeypatch):
    await ann.store("Never push on Fridays.")

    async def refuse(*_args):
        raise EngineDown

    monkeypatch.setattr(type(site.services.projection), "search_points", refuse)
    with capture_logs() as logs:
        assert await hook(ann, "UserPromptSubmit", prompt="May I push on a Friday?") == ""
    assert "hook.nothing_told" in [each["event"] for each in logs]
    assert (await call_rest(ann, "list_jobs", {})).body["total"] == 1


async def test_what_cannot_be_stored_is_logged_and_the_agent_is_told_all_the_same(settings, clock):
    limits = settings.model_copy(update={"plans": {"none": Limits(workspaces=0)}, "default_plan": "none"})
    async with open_site(limits, clock) as site:
        ann = await site.add_person("ann")
        with capture_logs() as logs:
            assert await hook(ann, "UserPromptSubmit", prompt=SAID) == ""
        assert "hook.not_captured" in [each["event"] for each in logs]


async def test_a_missing_scope_and_a_wrong_binding_are_refused(site, ann):
    reader = await site.add_person("ann", scopes=("memory:read",))
    sent = {"event": "UserPromptSubmit", "prompt": "hello"}
    assert (await call_rest(reader, "on_event", sent)).error == "insufficient_scope"
    attic = (await ann.http.post("/v1/workspaces", json={"name": "attic"})).json()["id"]
    bound = (await site.add_person("ann", workspace_id=attic)).http
    answer = await bound.post("/v1/hooks", json=sent | {"workspace": "default"})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


async def test_private_text_of_a_hook_is_neither_stored_nor_asked_for(ann):
    await ann.store("The heliotrope service is down.")
    prompt = "What is down? <private>the heliotrope service</private>"
    assert await hook(ann, "UserPromptSubmit", prompt=prompt) == ""
    result = {"stdout": "<private>heliotrope</private>\x00 ok \ud800"}
    sent = {"tool_name": "Bash", "tool_input": {"command": "x"}, "tool_response": json.dumps(result)}
    await hook(ann, "PostToolUse", **sent)
    jobs = (await call_rest(ann, "list_jobs", {})).body["jobs"]
    stored = [(await ann.http.get(f"/v1/events/{each['sourceId']}")).json()["event"]["payload"] for each in jobs]
    assert len(stored) == 2
    assert "heliotrope" not in json.dumps(stored)
    assert {"stdout": " ok \ufffd"} in [each.get("tool_response") for each in stored]
