"""Looking into other workspaces as well: one's own only, ranked together, and told where each is from."""

import pytest
import structlog

from tests.helpers.doors import call_rest, call_tool, check_refusal

pytestmark = pytest.mark.anyio


async def context(person, message="tea", **arguments):
    """Return the answer that both doors give. A use that is counted in between would change a score."""
    asked = {"message": message, "limit": 10, "track_access": False} | arguments
    over_rest = await call_rest(person, "retrieve_context", asked)
    over_mcp = await call_tool(person, "retrieve_context", asked)
    assert over_rest.error is None, over_rest.text
    assert over_mcp.error is None, over_mcp.text
    shown = [(each["id"], each["score"]) for each in over_mcp.body["memories"]["matches"]]
    assert shown == [(each["id"], each["score"]) for each in over_rest.body["memories"]["matches"]]
    return over_rest.body


def places(answer):
    return {each["content"]: each.get("workspace") for each in answer["memories"]["matches"]}


async def test_memories_of_peeked_workspaces_come_ranked_together_and_say_where_they_are_from(ann):
    await ann.store("tea and cake and bread and cheese")
    await ann.store("green tea", workspace="attic")
    await ann.store("coffee", workspace="attic")
    await ann.store("tea", workspace="unnamed")
    alone = await context(ann, "green tea")
    assert places(alone) == {"tea and cake and bread and cheese": None}
    both = await context(ann, "green tea", peek_workspaces=["attic"])
    assert list(places(both).items()) == [("green tea", "attic"), ("tea and cake and bread and cheese", None)]
    assert both["meta"]["peeked_workspaces"] == ["attic"]
    scores = [each["keyword_score"] for each in both["memories"]["matches"]]
    assert scores[0] == 1.0
    assert scores[1] < 1.0, "the own workspace's best is measured against the best of all"


async def test_peeking_writes_nothing_there_and_does_not_count_as_a_use(ann, site):
    own = await ann.store("green tea")
    memory_id = await ann.store("tea", workspace="attic")
    before = (await ann.http.get("/v1/workspaces")).json()
    await context(ann, peek_workspaces=["attic", "nowhere"], track_access=True)
    assert (await ann.http.get("/v1/workspaces")).json() == before
    await site.services.accesses.drain()
    fetched = (await ann.http.get(f"/v1/memories/{memory_id}", params={"workspace": "attic"})).json()
    assert fetched["access_count"] == 0
    assert (await ann.http.get(f"/v1/memories/{own}")).json()["access_count"] == 2


async def test_a_workspace_named_twice_or_ones_own_is_looked_into_once(ann):
    await ann.store("tea")
    await ann.store("green tea", workspace="attic")
    answer = await context(ann, peek_workspaces=["attic", "default", "attic", f"{ann.name}/attic"])
    assert answer["meta"]["peeked_workspaces"] == ["attic"]
    assert len(answer["memories"]["matches"]) == 2


async def test_unknown_workspaces_are_passed_over(ann):
    await ann.store("tea")
    answer = await context(ann, peek_workspaces=["nowhere", f"{ann.name}/nowhere"])
    assert "peeked_workspaces" not in answer["meta"]
    assert places(answer) == {"tea": None}


async def test_another_accounts_workspaces_are_passed_over_and_the_log_says_who_asked(ann, bob):
    await ann.store("tea")
    await bob.store("bob's tea")
    await bob.store("bob's tea", workspace="attic")
    workspace = (await bob.http.get("/v1/workspaces")).json()["workspaces"][0]["id"]
    with structlog.testing.capture_logs() as logs:
        answer = await context(ann, peek_workspaces=["bob/default", "bob/attic", "attic", workspace, "nobody/x"])
    assert places(answer) == {"tea": None}
    assert "peeked_workspaces" not in answer["meta"]
    noted = [(each["user"], each["workspace"]) for each in logs if each["event"] == "peek.refused"]
    assert noted[:3] == [(ann.user_id, "bob/default"), (ann.user_id, "bob/attic"), (ann.user_id, "nobody/x")]


async def test_a_bound_key_looks_into_its_own_workspace_only(ann, site):
    await ann.store("tea", workspace="here")
    await ann.store("green tea", workspace="there")
    made = (await ann.http.post("/v1/keys", json={"workspace": "here"})).json()
    bound = type(ann)("bound", ann.user_id, ann.account_id, made["api_key"], site.url, site.client(made["api_key"]))
    with structlog.testing.capture_logs() as logs:
        answer = await context(bound, peek_workspaces=["there", "here"])
    assert places(answer) == {"tea": None}
    assert [each["workspace"] for each in logs if each["event"] == "peek.refused"] == ["there"] * 2


async def test_six_workspaces_are_too_many_and_none_is_looked_into(ann):
    six = [f"w{number}" for number in range(6)]
    says = "peek_workspaces: Too many workspaces: at most 5 can be looked into; you named 6."
    for message in ("tea", ""):
        await check_refusal(ann, "retrieve_context", {"message": message, "peek_workspaces": six}, says=says)
    await context(ann, peek_workspaces=six[:5])


async def test_a_name_that_no_workspace_can_have_is_passed_over_or_refused_but_never_an_error_of_ours(ann):
    for name in ("a/b/c", "/", "x" * 100, "'; --", "💫"):
        answer = await call_rest(ann, "retrieve_context", {"message": "tea", "peek_workspaces": [name]})
        assert answer.status in {200, 400}, (name, answer)


async def test_each_workspace_has_its_own_gate(ann):
    await ann.store("the kettle is blue", workspace="attic")
    await ann.store("tea")
    answer = await context(ann, "tea", peek_workspaces=["attic"])
    assert places(answer) == {"tea": None}


async def test_what_expired_or_was_deleted_in_a_peeked_workspace_is_not_found(ann, clock):
    await ann.store("tea once", workspace="attic", expires="2026-11-22")
    gone = await ann.store("tea gone", workspace="attic")
    await ann.http.delete(f"/v1/memories/{gone}", params={"workspace": "attic"})
    clock.move(days=2)
    assert places(await context(ann, peek_workspaces=["attic"])) == {}
