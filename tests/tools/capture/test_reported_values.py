"""Values of reports that cannot be stored as they are: they are stored without what makes them so, and not refused."""

import json

import pytest
import sqlalchemy as sa

from server.store.tables import load_all_tables
from tests.helpers.doors import call_rest

pytestmark = pytest.mark.anyio

TOKEN = "ghp_" + "a1B2" * 9


async def send(person, path, body):
    """Send JSON in ASCII, as clients in JavaScript do: half a surrogate pair is an escape there."""
    return await person.http.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})


async def read_payloads(site):
    table = load_all_tables().tables["events"]
    async with site.services.db.read() as connection:
        return list((await connection.execute(sa.select(table.c.payload).order_by(table.c.id))).scalars())


def nest(value, depth):
    for _ in range(depth):
        value = [value]
    return value


#: By what is printed: the part of it that is stored.
PRINTED = (
    ("./a\x00./b\x00", "./a./b"),  # find -print0
    ("cut in the middle of \ud83d", "cut in the middle of \ufffd"),  # an emoji
    ("\ud83d\ude00", "\U0001f600"),
    ({"a\x00": {"b\udc00": 1}}, {"a": {"b\ufffd": 1}}),
    (10**400, "[a number that cannot be stored]"),
    (float("inf"), "[a number that cannot be stored]"),
    (nest("x", 61), nest("x", 61)),
)


async def test_what_a_tool_prints_is_captured_also_if_no_database_can_hold_it(site, ann):
    for number, (printed, _) in enumerate(PRINTED):
        call = {"tool_name": f"Bash{number}", "tool_input": {}, "tool_response": printed}
        hook = {"event": "PostToolUse", "session_id": "s", **call}
        assert (await send(ann, "/v1/hooks", hook)).json() == {}
        one = {"type": "tool_use", "payload": call}
        assert (await send(ann, "/v1/events", one)).status_code == 201
        prompt = {"type": "user_prompt", "payload": {"prompt": "Go on."}}
        batch = {"events": [one | {"occurred_at": "2026-01-01"}, prompt]}
        assert (await send(ann, "/v1/events/batch", batch)).status_code == 201
    payloads = [each for each in await read_payloads(site) if "tool_name" in each]
    for number, (_, stored) in enumerate(PRINTED):
        answers = [each["tool_response"] for each in payloads if each["tool_name"] == f"Bash{number}"]
        assert answers == [stored] * 3
    hook = {"event": "PostToolUse", "session_id": "s", "tool_name": "Tree", "tool_response": nest("x", 300)}
    assert (await send(ann, "/v1/hooks", hook)).json() == {}
    (tree,) = [each for each in await read_payloads(site) if each.get("tool_name") == "Tree"]
    assert "[nested too deep]" in json.dumps(tree)


async def test_metadata_of_a_session_and_a_prompt_are_stored_without_what_no_database_holds(site, ann):
    started = await send(ann, "/v1/sessions/start", {"metadata": {"title": "half \ud83d", "prompt": "a\x00b"}})
    assert started.json()["session"]["metadata"] == {"title": "half \ufffd"}
    assert await read_payloads(site) == [{"prompt": "ab"}]


async def test_a_workspace_that_cannot_be_is_refused_also_with_a_report(ann):
    for path in ("/v1/hooks", "/v1/events"):
        refusal = (await send(ann, path, {"type": "x", "workspace": "a\x00b"})).json()
        assert (refusal["error"], refusal["field"]) == ("invalid", "workspace")


PROMPT = {"event": "UserPromptSubmit", "prompt": "Go on."}
WITH_CREDENTIALS = (
    *(("start_session", {name: TOKEN}) for name in ("external_id", "content_id", "agent_id", "agent_type", "platform")),
    *(("record_event", {"type": "x"} | {name: f"x {TOKEN}"}) for name in ("type", "content_id", "platform")),
    *(
        ("on_event", PROMPT | {"session_id": f"s {name}"} | {name: f"x/{TOKEN}"})
        for name in ("session_id", "platform", "cwd", "repository", "source")
    ),
    *(("create_project", {"name": "shop", name: f"/srv/{TOKEN}/shop"}) for name in ("path", "repository")),
    *(
        ("create_project", {"repository": repository})
        for repository in (
            f"git:{TOKEN}@github.com:acme/shop.git",
            f"https://ann:p@{TOKEN}@github.com/acme/shop",
            f"https://github.com/acme/shop.git?private_token={TOKEN}",
            f"ssh://{TOKEN}@github.com:22/acme/shop#{TOKEN}",
        )
    ),
)


async def test_a_credential_in_a_name_is_in_no_table_and_no_answer(site, ann):
    for operation, sent in WITH_CREDENTIALS:
        answer = await call_rest(ann, operation, sent)
        assert answer.error is None, answer.text
        assert TOKEN.lower() not in json.dumps(answer.body).lower(), sent
    async with site.services.db.read() as connection:
        for table in load_all_tables().sorted_tables:
            for row in await connection.execute(sa.select(table)):
                assert TOKEN.lower() not in repr(tuple(row)).lower(), table.name


async def test_two_sessions_whose_ids_are_credentials_are_two_and_each_is_found_again(ann):
    ids = []
    for token in (TOKEN, TOKEN.replace("a1", "c3"), TOKEN):
        ids.append((await call_rest(ann, "start_session", {"external_id": token})).body["session"]["id"])
        event = await call_rest(ann, "record_event", {"type": "x", "content_id": token})
        assert event.error is None
    assert ids[0] == ids[2] != ids[1]


async def test_the_repository_of_a_project_is_the_same_however_the_url_is_decorated(ann):
    for repository in (
        "https://github.com/acme/shop.git",
        "https://ann:p@ss@github.com/acme/shop",
        "https://github.com/acme/shop.git?private_token=hush#readme",
        "ann:hush@github.com:acme/shop.git",
    ):
        project = (await call_rest(ann, "create_project", {"repository": repository})).body["project"]
        assert (project["id"], project["repository"]) == ("shop", "github.com/acme/shop"), repository
