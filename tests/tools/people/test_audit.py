"""The audit of an account: each call leaves an entry, without content, and only the owner reads it."""

import csv
import io

import pytest
import sqlalchemy as sa

from server.store.tables.accounts import memberships
from server.store.tables.audit import audit_entries
from tests.helpers.audit import read_audit, settle
from tests.helpers.doors import LEGACY, call_rest, call_tool, check_refusal
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

SECRET = "heliotrope"
JSON = {"content-type": "application/json"}


async def test_each_call_through_each_door_is_noted_with_its_outcome_and_its_count_and_without_content(ann, site):
    memory = await ann.store(f"A {SECRET} in the garden", tags=[SECRET])
    await ann.store(f"Another {SECRET}")
    await call_rest(ann, "search", {"query": SECRET})
    await call_tool(ann, "fetch", {"id": memory}, era=LEGACY)
    await call_rest(ann, "fetch", {"id": SECRET})
    await ann.http.post("/v1/memories", content=b"{", headers=JSON | {"x-request-id": "mine"})
    await ann.http.get("/v1/memories/export")
    await settle(site)
    entries = await read_audit(ann)
    told = [(each["operation"], each["door"], each["effect"], each["outcome"], each["count"]) for each in entries]
    assert told == [
        ("store_memory", "rest", "create", "ok", 1),
        ("store_memory", "rest", "create", "ok", 1),
        ("search", "rest", "read", "ok", 2),
        ("fetch", "mcp", "read", "ok", 1),
        ("fetch", "rest", "read", "not_found", None),
        ("store_memory", "rest", "create", "malformed", None),
        ("export_memories", "rest", "read", "ok", None),
    ]
    for each in entries:
        assert (each["person"], each["user_id"], each["app"], each["via"]) == ("ann", ann.user_id, "test", "api_key")
        assert each["at"] == "2026-11-21T12:00:00.000Z"
    assert {each["workspace"] for each in entries if each["outcome"] != "malformed"} == {"default"}
    assert entries[5]["request_id"] == "mine"
    async with site.services.db.read() as connection:
        rows = (await connection.execute(sa.select(audit_entries))).all()
    assert len(rows) >= len(entries)
    assert SECRET not in str(rows)


async def test_a_change_of_the_account_is_in_the_audit_when_it_is_answered(ann, site):
    await ann.http.post("/v1/keys", json={})
    async with site.services.db.read() as connection:
        noted = (await connection.execute(sa.select(audit_entries.c.operation))).scalars().all()
    assert "create_key" in noted


async def test_a_call_above_the_scope_of_a_key_is_noted(site):
    reader = await site.add_person("ann", ("memory:read",))
    await call_rest(reader, "store_memory", {"content": "x"})
    await settle(site)
    (entry,) = await read_audit(reader, {"outcome": "refused"})
    assert (entry["operation"], entry["outcome"]) == ("store_memory", "insufficient_scope")


async def test_two_accounts_never_see_each_others_audit(ann, site):
    bob = await site.add_person("bob")
    await ann.store("x", workspace="attic")
    await bob.store("y")
    await settle(site)
    for who, other in ((ann, bob), (bob, ann)):
        assert {each["user_id"] for each in await read_audit(who)} == {who.user_id}
        for sought in (other.user_id, other.name):
            assert await read_audit(who, {"person": sought}) == []
    await check_refusal(bob, "list_audit", {"workspace": "attic"}, status=404, code="not_found", says="in your account")


async def test_a_member_who_does_not_own_the_account_reads_no_audit_without_the_scope_admin(ann, site):
    admin = await site.add_person("ann", ("admin",))
    async with site.services.db.write() as connection:
        await connection.execute(sa.update(memberships).values(role="reader"))
    await check_refusal(ann, "list_audit", {}, status=403, code="forbidden", says="for its owner")
    answer = await ann.http.get("/v1/audit", headers={"accept": "text/csv"})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert (await call_rest(admin, "list_audit", {})).status == 200


async def test_a_bound_key_reads_the_audit_of_its_workspace_alone(ann, site):
    await ann.store("x", workspace="here")
    await ann.store("x", workspace="there")
    listed = (await ann.http.get("/v1/workspaces")).json()["workspaces"]
    (here,) = [each["id"] for each in listed if each["name"] == "here"]
    bound = await site.add_person("ann", workspace_id=here)
    await settle(site)
    assert {each["workspace_id"] for each in await read_audit(bound)} == {here}
    assert (await call_rest(bound, "list_audit", {"workspace": "there"})).status == 404


async def test_entries_are_found_by_time_person_app_workspace_operation_outcome_and_request(ann, site, clock):
    await ann.store("x", workspace="attic")
    clock.move(minutes=1)
    await ann.http.post("/v1/memories", json={"content": ""}, headers={"x-request-id": "r1"})
    clock.move(minutes=1)
    await ann.http.get("/v1/memories/recent")
    await settle(site)
    for filters, operations in (
        ({"since": "2026-11-21T12:01:00Z"}, ["store_memory", "recent"]),
        ({"until": "2026-11-21T12:01:00Z"}, ["store_memory"]),
        ({"since": "2026-11-21T12:01:00Z", "until": "2026-11-21T12:02:00Z"}, ["store_memory"]),
        ({"person": "ANN"}, ["store_memory", "store_memory", "recent"]),
        ({"person": "bob"}, []),
        ({"app": "test"}, ["store_memory", "store_memory", "recent"]),
        ({"app": "other"}, []),
        ({"workspace": "attic"}, ["store_memory"]),
        ({"operation": "recent"}, ["recent"]),
        ({"outcome": "refused"}, ["store_memory"]),
        ({"outcome": "invalid"}, ["store_memory"]),
        ({"outcome": "ok"}, ["store_memory", "recent"]),
        ({"request_id": "r1"}, ["store_memory"]),
    ):
        assert [each["operation"] for each in await read_audit(ann, filters)] == operations, filters


async def test_a_filter_that_is_wrong_gets_a_sentence(ann):
    for arguments, says in (
        ({"since": "yesterday"}, "since: must be a date or date-time in ISO 8601"),
        ({"since": "2026-11-22", "until": "2026-11-21"}, "since must be before until"),
        ({"outcome": "good"}, "outcome: must be ok, refused, error, abandoned, or the code of a refusal"),
        ({"cursor": "x"}, "cursor: is not the next_cursor of this list"),
        ({"limit": 1001}, "limit:"),
        ({"format": "xml"}, "format:"),
        ({"query": SECRET}, "query:"),
    ):
        await check_refusal(ann, "list_audit", arguments, says=says)
    csv_of = await ann.http.get("/v1/audit", params={"format": "csv", "outcome": "good"})
    assert (csv_of.status_code, csv_of.json()["error"]) == (400, "invalid")


async def test_pages_neither_double_nor_skip_an_entry_while_others_are_written(ann, site):
    for n in range(7):
        await ann.store(f"note {n}")
    await settle(site)
    numbers, cursor = [], None
    while True:
        page = (await call_rest(ann, "list_audit", {"limit": 3} | ({"cursor": cursor} if cursor else {}))).body
        numbers += [each["number"] for each in page["audit"]]
        await ann.store("meanwhile")
        await settle(site)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert numbers == list(range(numbers[0], 0, -1))


async def test_the_audit_is_csv_that_no_spreadsheet_takes_for_formulas(ann, site):
    made = (await call_rest(ann, "create_key", {"name": "=HYPERLINK(1)"})).body
    await site.client(made["api_key"]).get("/v1/memories/recent")
    await settle(site)
    for how in ({"params": {"format": "csv"}}, {"headers": {"accept": "text/csv, application/json"}}):
        answer = await ann.http.get("/v1/audit", **how)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert {"'=HYPERLINK(1)", "test"} == {each["app"] for each in lines}
        assert lines[-1]["operation"] == "create_key"
        assert [int(each["number"]) for each in lines] == list(range(len(lines), 0, -1))
    plain = await ann.http.get("/v1/audit", headers={"accept": "application/json, text/csv"})
    assert plain.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("scope", "noted"), [("off", []), ("changes", ["store_memory"])])
async def test_a_setting_leaves_out_the_reads_or_everything(settings, clock, scope, noted):
    async with open_site(settings.model_copy(update={"audit": scope}), clock) as site:
        ann = await site.add_person("ann")
        await ann.store("x")
        await ann.http.get("/v1/memories/recent")
        await settle(site)
        assert [each["operation"] for each in await read_audit(ann)] == noted


async def test_a_team_has_an_audit_of_its_own_which_its_owner_reads(site):
    ann = await site.add_person("ann", ("memory:write", "admin"))
    ben = await site.add_person("ben", ("memory:write", "admin"))
    team = (await call_rest(ann, "create_account", {"name": "house"})).body["id"]
    link = (await call_rest(ann, "create_invitation", {"id": team})).body["url"].partition("link=")[2]
    await call_rest(ben, "accept_invitation", {"link": link})
    await ben.store("x", workspace="house/default")
    await call_rest(ben, "create_invitation", {"id": team})
    await call_rest(ann, "remove_member", {"id": team, "user_id": ben.user_id})
    await settle(site)
    told = [(each["person"], each["operation"], each["outcome"]) for each in await read_audit(ann, {"account": team})]
    assert told == [
        ("ann", "create_account", "ok"),
        ("ann", "create_invitation", "ok"),
        ("ben", "accept_invitation", "ok"),
        ("ben", "store_memory", "ok"),
        ("ben", "create_invitation", "forbidden"),
        ("ann", "remove_member", "ok"),
    ]
    assert await read_audit(ben) == []
    for name in ("list_audit", "verify_audit", "read_usage", "list_receipts"):
        await check_refusal(ben, name, {"account": team}, status=404, code="not_found", says="There is no account")
    whole = await call_rest(ann, "verify_audit", {"account": team})
    assert (whole.body["is_whole"], whole.body["entries"] >= len(told)) == (True, True)


async def test_a_call_by_the_id_of_a_thing_is_noted_in_its_workspace(site):
    ann, ben = await site.add_person("ann"), await site.add_person("ben", ("memory:write", "admin"))
    session = (await call_rest(ann, "start_session", {"external_id": "s"})).body["session"]["id"]
    home = (await ann.http.post("/v1/workspaces", json={"name": "default"})).json()["id"]
    shared = await site.add_person("ann", ("admin",))
    await call_rest(shared, "share_workspace", {"id": home, "receiver": "ben"})
    assert (await call_rest(ben, "read_session", {"id": session})).status == 200
    assert (await call_rest(ben, "end_session", {"id": session})).status == 403
    await ann.http.get("/v1/jobs", params={"projectId": "default"})
    await settle(site)
    seen = [each for each in await read_audit(ann) if each["operation"] in {"read_session", "end_session", "list_jobs"}]
    assert [(each["person"], each["workspace"], each["outcome"]) for each in seen] == [
        ("ben", "default", "ok"),
        ("ben", "default", "forbidden"),
        ("ann", "default", "ok"),
    ]


async def test_the_verification_names_an_entry_that_somebody_has_changed(ann, site):
    await ann.store("x")
    await settle(site)
    async with site.services.db.write() as connection:
        await connection.execute(sa.update(audit_entries).where(audit_entries.c.number == 1).values(outcome="error"))
    found = (await call_rest(ann, "verify_audit", {})).body
    assert (found["is_whole"], [each["number"] for each in found["faults"]]) == (False, [1])
    bound = await site.add_person(
        "ann", workspace_id=(await ann.http.get("/v1/workspaces")).json()["workspaces"][0]["id"]
    )
    await check_refusal(bound, "verify_audit", {}, status=403, code="forbidden", says="bound to a workspace")
