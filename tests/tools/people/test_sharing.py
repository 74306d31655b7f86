"""Workspaces that are shared: whoever may read writes by no path, and whatever is taken away is gone at once."""

import json
import random

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from auth.principal import READ
from server.errors import Failure
from server.store.record.people.members import put_member
from server.store.tables.accounts import workspaces
from server.store.tables.memories import journal, memories
from server.web import everything
from tests.helpers.arguments import NOBODY, arrange_calls
from tests.helpers.console import log_in, send
from tests.helpers.doors import call_rest, call_tool
from tests.helpers.people import find_workspace_id, make_team, share
from tests.helpers.site import open_site
from tools import catalog
from tools.core.call import Door
from tools.core.execution import open_call
from tools.memories import export

pytestmark = pytest.mark.anyio

#: Arguments of the tools of other systems' toolsets that write.
OTHERS = {
    "/mcp?toolset=min-memory": {
        "store_memory": {"text": "x", "memory_type": "project_context", "scope": "global", "entity": "x"},
        "set_project": {"project": "x"},
        "link_memories": {"memory_id": NOBODY, "related_id": NOBODY[:-1] + "1", "relation_type": "supports"},
        "delete_memory": {"memory_id": NOBODY},
        "undelete_memory": {"memory_id": NOBODY},
        "update_memory": {"memory_id": NOBODY, "priority": 2},
        "sync_session": {"project": "x", "decisions": [{"text": "x", "entity": "x"}]},
        "register_entity": {"entity": "x", "description": "x"},
        "purge_project": {"project": "x"},
    },
    "/mcp?toolset=knowledge-graph": {
        "create_entities": {"entities": [{"name": "x", "entityType": "y", "observations": ["z"]}]},
        "create_relations": {"relations": [{"from": "x", "to": "y", "relationType": "z"}]},
        "add_observations": {"observations": [{"entityName": "x", "contents": ["y"]}]},
        "delete_entities": {"entityNames": ["x"]},
        "delete_observations": {"deletions": [{"entityName": "x", "observations": ["y"]}]},
        "delete_relations": {"relations": [{"from": "x", "to": "y", "relationType": "z"}]},
    },
    "/mcp?toolset=mem0": {
        "add_memory": {"text": "x"},
        "update_memory": {"memory_id": NOBODY, "text": "x"},
        "delete_memory": {"memory_id": NOBODY},
        "delete_all_memories": {"user_id": "x"},
        "delete_entities": {"user_id": "x"},
    },
    "/mcp?toolset=memento": {
        "memento_init": {},
        "memento_update": {"section": "active_work", "content": "x"},
        "memento_remember": {"content": "x"},
        "memento_store": {"content": "x"},
        "memento_consolidate": {"source_ids": [NOBODY, NOBODY[:-1] + "1"]},
        "memento_extract": {"transcript": "x" * 300},
        "memento_memory_delete": {"id": NOBODY},
        "memento_skip_add": {"item": "x", "reason": "y", "expires": "2099-01-01"},
        "memento_skip_remove": {"id": NOBODY},
        "memento_item_create": {"category": "active_work", "title": "x"},
        "memento_item_update": {"id": NOBODY, "title": "x"},
        "memento_item_delete": {"id": NOBODY},
        "memento_identity_update": {"crystal": "x"},
    },
}


@pytest.fixture
async def ann(site):
    """Somebody whose key may do everything."""
    return await site.add_person("ann", ("memory:write", "admin"), is_admin=True)


@pytest.fixture
async def ben(site):
    """Somebody else."""
    return await site.add_person("ben")


async def read_marks(site, workspace_id):
    """Return what every change of a workspace changes: its revision, its time, its journal and its memories."""
    mine = {
        table: sa.select(sa.func.count()).select_from(table).where(table.c.workspace_id == workspace_id)
        for table in (journal, memories)
    }
    row = sa.select(workspaces.c.revision, workspaces.c.updated_at, workspaces.c.deleted_at)
    async with site.services.db.read() as connection:
        counts = [(await connection.execute(query)).scalar_one() for query in mine.values()]
        return *counts, *(await connection.execute(row.where(workspaces.c.id == workspace_id))).one()


async def test_a_reader_writes_by_no_operation_of_any_toolset(site, ann, ben):
    asked = await arrange_calls(ann)
    workspace, _ = await share(ann, "ben")
    await site.services.projection.project(workspace)
    before = await read_marks(site, workspace)
    place = "ann/default"
    for name, calls in asked.items():
        operation = catalog.CANONICAL[name]
        for arguments in calls:
            if operation.is_in_workspace:
                sent = {key: value for key, value in arguments.items() if key not in {"workspace", "projectId"}}
                over_rest = await call_rest(ben, name, sent | {"workspace": place})
                over_mcp = await call_tool(ben, name, sent, path=f"/mcp?workspace={place}")
                expected = {"forbidden"} if operation.writes else {None}
                assert {over_rest.error, over_mcp.error} == expected, (name, over_rest, over_mcp)
            elif operation.effect.value != "read" and "id" in arguments:
                assert (await call_rest(ben, name, arguments)).status in {403, 404}, name
    for path, tools in OTHERS.items():
        known = ({"memento": catalog.MEMENTO} | dict(catalog.OTHERS))[path.rpartition("=")[2]]
        assert set(tools) == {name for name, each in known.items() if each.writes}
        for name, arguments in tools.items():
            refused = await call_tool(ben, name, arguments, path=f"{path}&workspace={place}")
            assert refused.error == "forbidden", (name, refused)
    for name, arguments in (
        ("purge_project", {"id": place}),
        ("delete_workspace", {"id": workspace}),
        ("create_project", {"name": place, "path": "/home/ben/garden"}),
        ("requeue_jobs", {"project": place}),
        ("share_workspace", {"id": workspace, "receiver": "ben", "may_write": True}),
    ):
        assert (await call_tool(ben, name, arguments)).error == "forbidden", name
    imported = await ben.http.post("/v1/import", params={"workspace": place}, json={"content": "planted"})
    assert imported.status_code == 403, imported.text
    key = (await ben.http.post("/v1/keys", json={"workspace": place})).json()["api_key"]
    bound = await site.add_person("ben", ("memory:write",), workspace_id=workspace)
    assert (await site.client(key).get("/v1/memories")).status_code == 200
    assert (await call_rest(bound, "store_memory", {"content": "x"})).error == "forbidden"
    assert await read_marks(site, workspace) == before


async def test_whoever_may_write_does_and_nothing_but_the_workspace_is_theirs(ann, ben):
    attic = await ann.store("The cup is in the attic", workspace="attic")
    cellar = await ann.store("The kettle is in the cellar")
    await share(ann, "ben", may_write=True)
    place = "ANN/Default"
    stored = await ben.store("Ben was here", workspace=place)
    assert (await call_rest(ann, "fetch", {"id": stored})).body["stored_by"]["user"] == "ben"
    changed = await call_rest(ben, "update_memory", {"id": cellar, "content": "It is upstairs", "workspace": place})
    assert changed.error is None
    for tool, arguments in (("search", {"query": "upstairs"}), ("retrieve_context", {"message": "upstairs?"})):
        assert "It is upstairs" in (await call_tool(ben, tool, arguments | {"workspace": place})).text
    peeked = await call_rest(ben, "retrieve_context", {"message": "upstairs?", "peek_workspaces": [place]})
    assert "It is upstairs" in json.dumps(peeked.body)
    exported = await ben.http.get("/v1/memories/export", params={"workspace": place})
    assert "Ben was here" in exported.text
    assert (await call_rest(ben, "delete_memory", {"id": stored, "workspace": place})).error is None
    listed = (await call_rest(ben, "list_workspaces", {})).body["workspaces"]
    assert [(each["address"], each["may_write"]) for each in listed] == [("ann/default", True)]
    answers = set()
    for other in ("ann/attic", "ann/nowhere", "dan/default", "nobody/default"):
        for name, arguments in (("fetch", {"id": attic}), ("store_memory", {"content": "x"})):
            refused = await call_rest(ben, name, arguments | {"workspace": other})
            answers.add((refused.status, refused.text.replace(other, "X")))
    assert len(answers) == 1
    assert (await call_rest(ben, "create_workspace", {"name": "ann/new"})).status == 404
    assert len((await call_rest(ann, "list_workspaces", {})).body["workspaces"]) == 2


async def test_what_is_taken_away_is_gone_at_once_for_every_credential_and_in_every_process(
    site, settings, clock, tmp_path, ann, ben
):
    memory = await ann.store("The kettle is in the attic")
    workspace, share_id = await share(ann, "ben")
    (listed,) = (await call_rest(ann, "list_shares", {"id": workspace})).body["shares"]
    assert (listed["id"], listed["user"], listed["may_write"]) == (share_id, "ben", False)
    bound = site.client((await ben.http.post("/v1/keys", json={"workspace": "ann/default"})).json()["api_key"])
    tab = await log_in(site, ben)
    async with open_site_beside(site, settings, clock, tmp_path / "beside") as other:
        elsewhere = other.client(ben.key)
        path = f"/v1/memories/{memory}"
        named = f"{path}?workspace=ann/default"
        reads = [(ben.http, named), (elsewhere, named), (bound, path), (tab, f"/memories/{memory}")]
        assert [(await http.get(where)).status_code for http, where in reads] == [200] * 4
        assert (await call_rest(ann, "unshare_workspace", {"id": workspace, "share_id": share_id})).error is None
        assert [(await http.get(where)).status_code for http, where in reads] == [404, 404, 403, 404]
    again = await call_rest(ann, "unshare_workspace", {"id": workspace, "share_id": share_id})
    assert (again.status, again.body["field"]) == (404, "share_id")


def open_site_beside(site, settings, clock, folder):
    """Return a second server on the same record. It owns no search store, and reads the record only."""
    record = SecretStr(f"sqlite:///{site.running.settings.data_dir / 'loci.db'}")
    return open_site(settings.model_copy(update={"data_dir": folder, "database_url": record}), clock)


async def test_a_file_that_is_still_being_sent_is_not_imported_when_the_share_has_ended(ann, ben):
    await ann.store("The kettle is in the attic")
    workspace, share_id = await share(ann, "ben", may_write=True)

    async def send_slowly():
        yield b'{"content":"planted"}\n'
        ended = await call_rest(ann, "unshare_workspace", {"id": workspace, "share_id": share_id})
        assert ended.error is None
        yield b'{"content":"planted as well"}\n'

    answer = await ben.http.post("/v1/import", params={"workspace": "ann/default"}, content=send_slowly())
    assert answer.status_code == 404, answer.text
    assert (await call_rest(ann, "list_memories", {})).body["total"] == 1


@pytest.mark.parametrize("ground", ["share", "key", "user", "workspace"])
async def test_an_export_breaks_off_when_its_ground_ends(site, monkeypatch, ann, ben, ground):
    monkeypatch.setattr(export, "STEP", 1)
    for n in range(3):
        await ann.store(f"Kettle {n}", workspace="attic")
    workspace, share_id = await share(ann, "ben", "attic")
    principal = await site.services.authenticator.authenticate(ben.key)
    door, asked = Door(principal, "r"), {"workspace": "ann/attic"}
    call, args = await open_call("export_memories", READ, export.ExportMemories, site.services, door, asked)
    monkeypatch.setattr(everything, "PIECE", 1)
    answer = await everything.send_export(site.services, call, everything.ExportEverything())
    streams = [export.export_memories(site.services, call, args), answer.body_iterator]
    for each in streams:
        assert await anext(aiter(each))
    end = {
        "share": ("unshare_workspace", {"id": workspace, "share_id": share_id}),
        "user": ("disable_user", {"id": ben.user_id}),
        "workspace": ("delete_workspace", {"id": workspace}),
    }
    if ground == "key":
        assert (await call_rest(ben, "revoke_key", {"id": principal.credential_id})).error is None
    else:
        assert (await call_rest(ann, *end[ground])).error is None
    code = "not_found" if ground in {"share", "workspace"} else "unauthorized"
    for each in streams:
        with pytest.raises(Failure) as refusal:
            await anext(aiter(each))
        assert refusal.value.code == code


async def test_a_removed_members_open_tab_changes_nothing(site, ann, ben):
    team = await make_team(site, ann, member=[ben])
    memory = await ben.store("We ship on Mondays", workspace="team/notes")
    tab = await log_in(site, ben)
    page = f"/memories/{memory}"
    assert "We ship on Mondays" in (await tab.get(page)).text
    assert (await call_rest(ann, "remove_member", {"id": team, "user_id": ben.user_id})).error is None
    for form in ({"action": "save", "content": "On Fridays", "type": "fact"}, {"action": "erase"}):
        assert (await send(tab, page, page="/memories", **form)).status_code == 404
    assert (await send(tab, "/memories", content="planted", workspace="team/notes")).status_code == 404
    kept = (await call_rest(ann, "list_memories", {"workspace": "team/notes", "include": ["stored_by"]})).body[
        "memories"
    ]
    assert [(each["content"], each["stored_by"]["user"]) for each in kept] == [("We ship on Mondays", "ben")]


async def test_the_answer_about_a_removed_member_names_what_is_still_shared_with_them(site, ann, ben):
    team = await make_team(site, ann)
    for place in ("notes", "plans", "sketches"):
        await ann.store("We ship on Mondays", workspace=f"team/{place}")
    await share(ann, "ben", "team/notes")
    async with site.services.db.write() as connection:
        await put_member(connection, team, ben.user_id, "member", site.services.now())
    await make_team(site, ann, "crew", reader=[ben])
    await share(ann, "crew", "team/plans")
    removed = (await call_rest(ann, "remove_member", {"id": team, "user_id": ben.user_id})).body
    assert removed["still_shared"] == ["notes", "plans"]
    for place, status in (("notes", 200), ("plans", 200), ("sketches", 404)):
        assert (await call_rest(ben, "list_memories", {"workspace": f"team/{place}"})).status == status


async def test_a_share_with_an_account_is_for_its_members_and_no_wider_than_their_role(site, ann, ben):
    cat, dan = await site.add_person("cat"), await site.add_person("dan")
    await make_team(site, ann, "crew", member=[ben], reader=[cat])
    await ann.store("The kettle is in the attic")
    await share(ann, "crew", may_write=True)
    results = []
    for person in (ben, cat, dan):
        read = await call_rest(person, "list_memories", {"workspace": "ann/default"})
        write = await call_rest(person, "store_memory", {"content": person.name, "workspace": "ann/default"})
        results.append((read.status, write.status))
    assert results == [(200, 201), (200, 403), (404, 404)]


async def test_an_app_and_a_key_that_writes_share_nothing(ann, ben):
    await ben.store("The kettle is in the attic")
    workspace = await find_workspace_id(ben)
    refused = await call_rest(ben, "share_workspace", {"id": workspace, "receiver": "ann"})
    assert (refused.status, "in the console" in refused.text) == (403, True)
    assert (await call_rest(ben, "create_account", {"name": "crew"})).status == 403
    for receiver, error in (("ben", "invalid"), ("nobody", "not_found")):
        theirs = await ann.store("x") and await find_workspace_id(ann)
        sent = {"id": theirs, "receiver": "ann" if receiver == "ben" else receiver}
        assert (await call_rest(ann, "share_workspace", sent)).error == error


async def test_two_accounts_with_the_same_data_never_see_each_other_whatever_is_shared(site):
    """Ann and Ben have the same memories in the same workspaces, and share different ones with Cat."""
    chance = random.Random(15)  # noqa: S311 - the same choices each time
    people = [await site.add_person(name, ("memory:write", "admin"), is_admin=True) for name in ("ann", "ben")]
    cat = await site.add_person("cat")
    own = {}
    for person in people:
        for place in ("default", "attic", "cellar"):
            for n in range(3):
                own.setdefault((person.name, place), set()).add(
                    await person.store(f"Kettle number {n} is here", workspace=place)
                )
    await share(people[0], "cat", "attic")
    await share(people[1], "cat", "cellar", may_write=True)
    allowed = {
        "cat": {("ann", "attic"), ("ben", "cellar")},
        **{each.name: {key for key in own if key[0] == each.name} for each in people},
    }
    every = [*sorted(set().union(*own.values()))]
    for _ in range(250):
        person = chance.choice([*people, cat])
        account, place = chance.choice([*own])
        address = f"{account}/{place}"
        name, arguments = chance.choice(
            [
                ("list_memories", {}),
                ("search", {"query": "kettle", "limit": 50}),
                ("retrieve_context", {"message": "where is the kettle?"}),
                ("fetch", {"id": chance.choice(every)}),
                ("memory_graph", {"id": chance.choice(every)}),
                ("recent", {}),
            ]
        )
        answer = await chance.choice([call_rest, call_tool])(person, name, arguments | {"workspace": address})
        seen = {each for each in every if each in json.dumps(answer.body)} if answer.error is None else set()
        if (account, place) in allowed[person.name]:
            assert seen <= own[account, place], (person.name, address, name)
            assert answer.error is None or "id" in arguments
        else:
            assert (answer.error, seen) == ("not_found", set()), (person.name, address, name)
