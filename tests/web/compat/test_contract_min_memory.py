"""The answers of min-memory's tools: a test for each row of its contract, and of the weaknesses that are not copied."""

import json

import pytest

from tests.helpers.arguments import NOBODY
from tests.helpers.doors import call_tool
from tests.web.compat.test_min_memory_tools import FACT, TOOLSET, ask, check_refused, recall, store

pytestmark = pytest.mark.anyio

SHOP = {"scope": "project", "project": "shop"}
TASK = {"scope": "task", "project": "shop", "task_id": "T-1"}


async def test_store_memory_demands_the_place_that_its_scope_needs(cat):
    assert (await ask(cat, "store_memory", FACT | TASK)).keys() == {"memory_id", "status"}
    for fields, says in (
        ({"scope": "project"}, "project is required when scope is 'project' or 'task'"),
        ({"scope": "task"}, "project is required when scope is 'project' or 'task'"),
        ({"scope": "task", "project": "shop"}, "task_id is required when scope is 'task'"),
        ({"task_id": "T-1"}, "project is required with a task_id"),
        ({"scope": "session"}, "scope: must be one of 'global', 'project' or 'task'"),
        ({"memory_type": "zzz"}, "memory_type: must be one of 'core_identity'"),
        ({"text": " "}, "text: must not be empty"),
        ({"text": "x" * 40_000}, "text: must be at most 32768 bytes"),
        ({"entity": "x" * 201}, "entity: must have at most 200 characters"),
        ({"priority": "high"}, "priority: must be a whole number"),
        ({"priority": 10**9}, "priority: must be at most 1000000"),
        ({"related_to": [NOBODY]}, f"related_to: there is no memory '{NOBODY}' in this workspace"),
        ({"relation_types": {NOBODY: "supports"}}, f"relation_types names '{NOBODY}', which is not in related_to"),
        ({"related_to": [NOBODY], "relation_types": {NOBODY: "loves"}}, "must be one of 'supports'"),
    ):
        await check_refused(cat, "store_memory", FACT | fields, says)
    assert (await ask(cat, "list_entities"))["count"] == 1


async def test_a_task_sees_its_project_and_everything_global_the_nearest_first_and_each_once(cat):
    await store(cat, "Tea is green everywhere")
    await store(cat, "Tea is black in the shop", **SHOP)
    await store(cat, "Tea is white in the task", **TASK)
    await store(cat, "Tea is red in another task", **TASK | {"task_id": "T-2"})
    await store(cat, "Tea is blue in the blog", scope="project", project="blog")
    nearest = ["Tea is white in the task", "Tea is black in the shop", "Tea is green everywhere"]
    assert await recall(cat, project="shop", task_id="T-1", limit=10) == nearest
    await store(cat, "Tea is gold everywhere", project="shop")  # global, though it names a project
    nearest.append("Tea is gold everywhere")
    in_shop = {*nearest, "Tea is red in another task"}
    for arguments, expected in (
        ({"project": "shop"}, in_shop),
        ({"task_id": "T-9", "project": "shop"}, set(nearest[1:])),
        ({"project": "shop", "task_id": "T-1", "scope": "task"}, {nearest[0]}),
        ({"scope": "global"}, set(nearest[2:])),
        ({}, {*in_shop, "Tea is blue in the blog"}),
    ):
        found = await recall(cat, limit=10, **arguments)
        assert set(found) == expected, arguments
        assert len(found) == len(expected), arguments


async def test_retrieve_context_answers_an_array_with_min_memorys_keys_and_linked_memories(cat):
    kettle = await store(cat, "The kettle is broken", entity="kettle", tags=["kitchen"])
    tea = await store(cat, "No tea today", related_to=[kettle], relation_types={kettle: "depends_on"})
    (found,) = await ask(cat, "retrieve_context", {"query": "tea", "limit": 1})
    assert list(found) == [
        *("id", "text", "memory_type", "scope", "entity", "project", "score", "created_at", "tags", "related_memories")
    ]
    related = {"id": kettle, "text": "The kettle is broken", "relation": "depends_on", "direction": "to"}
    assert found["related_memories"] == [related]
    (other,) = await ask(cat, "retrieve_context", {"query": "kettle", "limit": 1})
    assert [(each["id"], each["direction"]) for each in other["related_memories"]] == [(tea, "from")]
    assert other["created_at"].endswith("Z")
    (bare,) = await ask(cat, "retrieve_context", {"query": "kettle", "limit": 1, "include_related": False})
    assert "related_memories" not in bare
    await ask(cat, "delete_memory", {"memory_id": tea})
    (left,) = await ask(cat, "retrieve_context", {"query": "kettle"})
    assert left["related_memories"] == []


async def test_retrieve_context_filters_by_type_status_and_score(cat):
    for status in ("active", "completed"):
        await store(cat, f"Tea is {status}", memory_type="project_context", status=status, **SHOP)
    await store(cat, "Tea was had", status="completed", **SHOP)
    assert set(await recall(cat, project="shop")) == {"Tea is active", "Tea was had"}
    assert await recall(cat, project="shop", status_filter=["active"]) == ["Tea is active"]
    assert set(await recall(cat, status_filter=["completed"])) == {"Tea is completed", "Tea was had"}
    assert len(await recall(cat)) == 3
    assert await recall(cat, memory_type=["episodic"]) == ["Tea was had"]
    assert await recall(cat, score_threshold=1.0, memory_type=["episodic"], limit=1) in ([], ["Tea was had"])
    for fields, says in (
        ({"score_threshold": 1.5}, "score_threshold: must be at most 1"),
        ({"recency_weight": -0.1}, "recency_weight: must be at least 0"),
        ({"limit": 0}, "limit: must be at least 1"),
        ({"limit": 101}, "limit: must be at most 100"),
        ({"scope": "session"}, "scope: must be one of"),
        ({"query": ""}, "query: must not be empty"),
    ):
        await check_refused(cat, "retrieve_context", {"query": "tea"} | fields, says)


async def test_newness_counts_only_if_it_is_asked_for_and_from_the_last_change(ann, clock):
    memory_id = await store(ann, "Tea and toast at nine in the kitchen")
    clock.move(days=90)
    await store(ann, "Tea")
    clock.move(days=1)
    texts = [await recall(ann, "tea and toast", recency_weight=weight, limit=2) for weight in (0, 1)]
    assert [each[0] for each in texts] == ["Tea and toast at nine in the kitchen", "Tea"]
    clock.move(days=1)
    await ask(ann, "update_memory", {"memory_id": memory_id, "status": "active"})
    assert (await recall(ann, "tea and toast", recency_weight=1))[0] == "Tea and toast at nine in the kitchen"


async def test_what_is_superseded_leaves_recall_and_stays_readable_beside_what_replaced_it(cat):
    old = await store(cat, "Tea is served at nine")
    new = await store(cat, "Tea is served at ten", related_to=[old], relation_types={old: "supersedes"})
    (found,) = await ask(cat, "retrieve_context", {"query": "When is tea served?"})
    assert (found["id"], [each["text"] for each in found["related_memories"]]) == (new, ["Tea is served at nine"])
    assert (await ask(cat, "fetch", {"id": old}))["text"] == "Tea is served at nine"
    await ask(cat, "delete_memory", {"memory_id": new})
    assert await recall(cat, "When is tea served?") == ["Tea is served at nine"]
    await ask(cat, "undelete_memory", {"memory_id": new})
    assert await recall(cat, "When is tea served?") == ["Tea is served at ten"]


async def test_search_and_fetch_have_the_form_that_chatgpts_connectors_read(cat):
    memory_id = await store(cat, "Tea at nine\nand at ten", tags=["hot"], status="active", priority=2, **TASK)
    (result,) = (await ask(cat, "search", {"query": "tea"}))["results"]
    assert (result["id"], result["title"], result.keys()) == (memory_id, "Tea at nine", {"id", "title", "url"})
    fetched = await ask(cat, "fetch", {"id": memory_id})
    assert fetched.keys() == {"id", "title", "text", "url", "metadata"}
    assert (fetched["text"], fetched["url"]) == ("Tea at nine\nand at ten", result["url"])
    created = fetched["metadata"].pop("created_at")
    assert fetched["metadata"].pop("updated_at") == created
    assert fetched["metadata"] == {
        "memory_type": "episodic",
        "entity": "tea",
        "tags": ["hot"],
        "status": "active",
        "priority": 2,
        **TASK,
    }
    assert (await ask(cat, "search", {"query": "coffee"}))["results"] == []


async def test_unknown_foreign_and_deleted_ids_are_the_same(cat, dan):
    theirs, gone, mine = await store(dan, "Dan's tea"), await store(cat, "Gone"), await store(cat, "Tea")
    await ask(cat, "delete_memory", {"memory_id": gone})
    calls = {
        "fetch": lambda each: {"id": each},
        "update_memory": lambda each: {"memory_id": each, "text": "x"},
        "link_memories": lambda each: {"memory_id": each, "related_id": mine, "relation_type": "supports"},
    }
    for name, arguments in calls.items():
        for each in (NOBODY, theirs, gone):
            await check_refused(cat, name, arguments(each), f"not_found: Memory not found: {each}.")
    for each in (NOBODY, theirs, gone):
        to = {"memory_id": mine, "related_id": each, "relation_type": "supports"}
        await check_refused(cat, "link_memories", to, f"invalid: related_id: there is no memory '{each}'")
    for name in ("delete_memory", "undelete_memory"):
        for each in (NOBODY, theirs):
            await check_refused(cat, name, {"memory_id": each}, f"not_found: Memory not found: {each}.")
    assert (await ask(dan, "fetch", {"id": theirs}))["text"] == "Dan's tea"


async def test_delete_memory_hides_undelete_brings_back_and_purge_is_for_good(cat):
    memory_id = await store(cat, "Tea at nine")
    deleted = await ask(cat, "delete_memory", {"memory_id": memory_id})
    assert (deleted["status"], deleted["memory_id"]) == ("deleted", memory_id)
    assert deleted["deleted_at"].endswith("Z")
    again = await ask(cat, "delete_memory", {"memory_id": memory_id})
    assert (again["status"], again["memory_id"]) == ("already_deleted", memory_id)
    assert (await recall(cat), (await ask(cat, "list_entities"))["entities"]) == ([], [])
    back = {"status": "undeleted", "memory_id": memory_id}
    assert await ask(cat, "undelete_memory", {"memory_id": memory_id}) == back
    assert await ask(cat, "undelete_memory", {"memory_id": memory_id}) == back | {"status": "not_deleted"}
    assert await recall(cat) == ["Tea at nine"]
    assert (await ask(cat, "delete_memory", {"memory_id": memory_id, "purge": True}))["status"] == "purged"
    for name in ("delete_memory", "undelete_memory"):
        await check_refused(cat, name, {"memory_id": memory_id}, "not_found: Memory not found")


async def test_update_memory_changes_what_was_sent_and_no_more(cat):
    memory_id = await store(cat, "Tea at nine", tags=["hot"], status="active", priority=1)
    changed = {"text": "Tea at ten", "memory_type": "task_instruction", "status": "completed", **TASK}
    assert await ask(cat, "update_memory", {"memory_id": memory_id} | changed) == {
        "status": "updated",
        "memory_id": memory_id,
    }
    fetched = await ask(cat, "fetch", {"id": memory_id})
    facts = fetched["metadata"]
    assert (fetched["text"], facts["tags"], facts["priority"]) == ("Tea at ten", ["hot"], 1)
    assert facts | {name: value for name, value in changed.items() if name != "text"} == facts
    other = await store(cat, "Milk")
    await check_refused(cat, "update_memory", {"memory_id": other}, "No fields to update")
    await check_refused(
        cat, "update_memory", {"memory_id": other, "scope": "project"}, "project is required when scope is 'project'"
    )
    needs_task = {"memory_id": other, "scope": "task", "project": "shop"}
    await check_refused(cat, "update_memory", needs_task, "task_id is required when scope is 'task'")


async def test_link_memories_adds_a_link_once_and_refuses_a_circle(cat):
    one, other = await store(cat, "Tea"), await store(cat, "Milk")
    link = {"memory_id": one, "related_id": other, "relation_type": "refines"}
    for _ in range(2):
        assert await ask(cat, "link_memories", link) == {"status": "linked"} | link
    graph = (await call_tool(cat, "related_memories", {"id": other})).body
    assert graph["incoming"] == [{"id": one, "type": "memory", "label": "refines", "inverse": "refined_by"}]
    back = {"memory_id": other, "related_id": one, "relation_type": "refines"}
    await check_refused(cat, "link_memories", back, "invalid: related_id: this would close a circle")
    await check_refused(cat, "link_memories", link | {"related_id": one}, "a memory cannot link to itself")
    await check_refused(cat, "link_memories", link | {"relation_type": "loves"}, "relation_type: must be one of")


async def test_set_project_makes_a_project_once_and_counts_it(cat):
    made = await ask(cat, "set_project", {"project": "shop"})
    assert made == {
        "project": "shop",
        "exists": False,
        "created": True,
        "memory_count": 1,
        "by_type": {"project_context": 1},
    }
    await store(cat, "Tea at nine", **SHOP)
    again = await ask(cat, "set_project", {"project": "shop"})
    assert again.pop("last_updated").endswith("Z")
    by_type = {"episodic": 1, "project_context": 1}
    assert again == {"project": "shop", "exists": True, "memory_count": 2, "by_type": by_type}


async def test_get_context_info_says_what_the_client_sent(cat):
    empty = await ask(cat, "get_context_info")
    assert (empty["platform"], empty["user"], empty["pwd"], empty["git_info"]) == ("http", cat.name, None, None)
    git = {"repo": "/home/ann/shop", "branch": "main", "remote": "git@example.com:ann/web-shop.git"}
    told = await ask(cat, "get_context_info", {"pwd": "/home/ann/shop/api", "git_info": git})
    assert (told["pwd"], told["git_info"], told["project"]) == ("/home/ann/shop/api", git, "web-shop")
    assert told["timestamp"].endswith("Z")
    await check_refused(
        cat, "get_context_info", {"git_info": {"owner": "ann"}}, "git_info.owner: there is no such field"
    )


async def test_entities_are_listed_searched_and_registered(cat):
    await store(cat, "Clarity runs on heron", entity="clarity", **SHOP)
    await store(cat, "Clarity has an owner", entity="clarity", **SHOP)
    listed = await ask(cat, "list_entities", {"project": "shop"})
    assert listed["count"] == 1
    (clarity,) = listed["entities"]
    assert clarity.keys() == {"name", "scope", "project", "memory_count", "first_seen", "last_updated"}
    assert (clarity["name"], clarity["scope"], clarity["memory_count"]) == ("clarity", "project", 2)
    matches = (await ask(cat, "search_entities", {"query": "clarty"}))["matches"]
    assert matches == [{"entity": "clarity", "scope": "project", "project": "shop", "score": 0.923}]
    made = await ask(cat, "register_entity", {"entity": "shop", "description": "The web shop"})
    assert made == {"status": "created", "entity": "shop", "parent": None, "persisted": True}
    child = {"entity": "shop.api", "description": "Its API"}
    assert (await ask(cat, "register_entity", child))["parent"] == "shop"
    assert (await ask(cat, "register_entity", child | {"description": "Other"}))["status"] == "exists"
    assert (await ask(cat, "list_entities", {"show_tree": True}))["tree"] == {
        "shop": {"description": "The web shop", "children": {"shop.api": {"description": "Its API", "children": {}}}}
    }
    assert await recall(cat, "web shop", limit=1) == ["shop: The web shop"]
    lost = {"entity": "blog", "description": "A blog", "parent": "nobody"}
    await check_refused(cat, "register_entity", lost, "parent: 'nobody' is not registered")
    itself = {"entity": "a", "description": "b", "parent": "a"}
    await check_refused(cat, "register_entity", itself, "parent: an entity cannot be its own parent")


async def test_a_registered_entity_is_its_owners_alone(cat, dan):
    await ask(cat, "register_entity", {"entity": "shop", "description": "The web shop"})
    assert (await ask(dan, "list_entities", {"show_tree": True}))["tree"] == {}


async def test_sync_session_keeps_all_of_a_session(cat):
    await ask(cat, "set_project", {"project": "shop"})
    by_hand = await store(cat, "Beta by hand", memory_type="project_context", entity="beta", **SHOP)
    old = await store(cat, "We use MySQL", entity="database", **SHOP)
    session = {
        "project": "shop",
        "decisions": [{"text": "We use Postgres", "entity": "database", "tags": ["db"], "supersedes": old}],
        "status_updates": [{"text": "The beta runs", "entity": "beta", "status": "active"}],
        "learnings": [{"text": "Heron has two cores", "entity": "heron", "supersedes": NOBODY}],
        "feedback": [{"text": "Answer briefly", "entity": "style"}],
    }
    kept = await ask(cat, "sync_session", session)
    assert (kept["summary"]["created"], kept["summary"]["updated"]) == (4, 0)
    warnings = "\n".join(kept["summary"]["warnings"])
    assert "The entity 'heron' is new" in warnings
    assert "'database'" not in warnings
    assert f"learnings.0: there is no memory {NOBODY} to supersede" in warnings
    decision = kept["details"]["decisions"][0]
    assert (decision["action"], decision["previous_id"]) == ("created", old)
    related = (await call_tool(cat, "related_memories", {"id": old})).body
    by = {"type": "memory", "label": "supersedes", "inverse": "superseded_by"}
    assert related["incoming"] == [{"id": decision["memory_id"]} | by]
    first = kept["details"]["status_updates"][0]["memory_id"]
    ended = [{"text": "The beta is over", "entity": "beta", "status": "completed"}]
    (update,) = (await ask(cat, "sync_session", {"project": "shop", "status_updates": ended}))["details"][
        "status_updates"
    ]
    assert (update["action"], update["previous_id"]) == ("updated", first)
    again = await ask(cat, "sync_session", {"project": "shop", "status_updates": ended})
    assert again["details"]["status_updates"] == [{"memory_id": update["memory_id"], "action": "updated"}]
    assert (await ask(cat, "fetch", {"id": by_hand}))["text"] == "Beta by hand"
    style = (await ask(cat, "search", {"query": "answer briefly"}))["results"][0]["id"]
    facts = (await ask(cat, "fetch", {"id": style}))["metadata"]
    assert (facts["memory_type"], facts["scope"], facts["project"]) == ("core_identity", "global", None)


async def test_sync_session_stores_all_or_nothing_and_knows_its_projects(cat):
    before = (await ask(cat, "list_entities"))["count"]
    entry = {"text": "Tea", "entity": "tea"}
    for session, says in (
        (
            {"project": "shop", "learnings": [entry]},
            "nothing is remembered of a project 'shop'; make it with set_project",
        ),
        ({"project": "global", "learnings": [entry, {"text": "x"}]}, "learnings.1.entity: is required"),
        (
            {"project": "global", "status_updates": [entry | {"status": "odd"}]},
            "status_updates.0.status: must be one of",
        ),
        ({"project": "global", "decisions": [entry] * 51}, "decisions: must have at most 50 entries"),
    ):
        await check_refused(cat, "sync_session", session, says)
    assert (await ask(cat, "list_entities"))["count"] == before
    empty = await ask(cat, "sync_session", {"project": "global"})
    assert empty["summary"] == {"created": 0, "updated": 0, "warnings": []}
    await ask(cat, "set_project", {"project": "shop"})
    status = entry | {"status": "active"}
    for project in ("shop", "global"):  # a global status is another one than a project's
        kept = await ask(cat, "sync_session", {"project": project, "status_updates": [status]})
        assert kept["summary"]["created"] == 1
    assert json.loads((await call_tool(cat, "search", {"query": "tea"}, path=TOOLSET)).text)["results"]


async def test_sync_session_does_not_store_again_what_is_known(cat):
    learned = {"text": "The kettle has a loose lid", "entity": "kettle"}
    first = await ask(cat, "sync_session", {"project": "global", "learnings": [learned]})
    again = await ask(
        cat, "sync_session", {"project": "global", "learnings": [learned], "decisions": [learned, learned]}
    )
    known = {"memory_id": first["details"]["learnings"][0]["memory_id"], "action": "repeated"}
    assert again["details"]["learnings"] == [known]
    assert again["details"]["decisions"] == [known, known]
    assert again["summary"] == {"created": 0, "updated": 0, "warnings": []}
    assert (await ask(cat, "list_entities"))["entities"][0]["memory_count"] == 1


async def test_a_registered_entity_has_aliases_by_which_it_is_found(cat):
    arguments = {"entity": "postgres", "description": "The database", "aliases": ["PG", "the elephant"]}
    assert (await ask(cat, "register_entity", arguments))["status"] == "created"
    (match,) = (await ask(cat, "search_entities", {"query": "the elefant"}))["matches"]
    assert match["entity"] == "postgres"
    taken = {"entity": "mysql", "description": "Another one", "aliases": ["pg"]}
    await check_refused(cat, "register_entity", taken, "aliases: 'PG' is a name of the entity 'postgres'")
    assert (await ask(cat, "list_entities", {"show_tree": True}))["tree"].keys() == {"postgres"}


async def test_a_purged_project_is_gone_for_good_and_nothing_else_is(cat, dan):
    kept = await store(cat, "Tea everywhere")
    hidden = await store(cat, "Tea in the shop", **SHOP)
    await ask(cat, "delete_memory", {"memory_id": hidden})
    await store(cat, "Tea in a task of the shop", **TASK)
    await store(dan, "Tea in the shop of Dan", **SHOP)
    purged = await ask(cat, "purge_project", {"project": "shop"})
    assert purged == {"status": "purged", "project": "shop", "memory_count": 2}
    assert await recall(cat, limit=10) == ["Tea everywhere"]
    assert (await call_tool(cat, "undelete_memory", {"memory_id": hidden}, path=TOOLSET)).error == "not_found"
    assert (await ask(cat, "fetch", {"id": kept}))["text"] == "Tea everywhere"
    assert await recall(dan, limit=10, project="shop") == ["Tea in the shop of Dan"]
    await check_refused(cat, "purge_project", {"project": "shop"}, "not_found: Project not found: shop")
