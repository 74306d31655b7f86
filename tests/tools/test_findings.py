"""What the server finds about itself, and the usage of all accounts: for its administrators alone."""

import pytest
import sqlalchemy as sa

from server.store.tables.capture import jobs
from tests.helpers.doors import call_rest, check_refusal
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio


async def read_findings(who):
    found = (await call_rest(who, "list_findings", {})).body["findings"]
    return {each["subject"]: each for each in found}


async def test_each_finding_that_is_not_ok_says_what_to_do(site):
    admin = await site.add_person("ann", ("admin",), is_admin=True)
    found = await read_findings(admin)
    assert {name for name, each in found.items() if each["state"] != "ok"} == {"embedding model"}
    assert "loci model pull" in found["embedding model"]["cure"]
    assert all((each["cure"] is None) == (each["state"] == "ok") for each in found.values())
    open_turn = (await call_rest(admin, "start_session", {"external_id": "open"})).body["session"]["id"]
    await call_rest(admin, "record_event", {"type": "tool_use", "session_id": open_turn})
    async with site.services.db.write() as connection:
        await connection.execute(sa.update(jobs).values(state="failed"))
    failed = (await read_findings(admin))["jobs"]
    assert (failed["state"], "1 failed" in failed["detail"]) == ("warn", True)


async def test_findings_and_the_usage_of_all_are_for_administrators(site):
    ann, bound = await site.add_person("ann"), None
    admin = await site.add_person("ben", ("admin",), is_admin=True)
    home = (await admin.http.post("/v1/workspaces", json={"name": "default"})).json()["id"]
    bound = await site.add_person("ben", ("admin",), workspace_id=home)
    for who in (ann, bound):
        await check_refusal(who, "list_findings", {}, status=403, code="forbidden", says="administrators")
        await check_refusal(who, "list_usage", {}, status=403, code="forbidden", says="administrators")


async def test_an_administrator_reads_what_each_account_used_in_a_month(settings, clock):
    async with open_site(settings.model_copy(update={"metering": True}), clock) as site:
        admin = await site.add_person("ann", ("admin",), is_admin=True)
        ben = await site.add_person("ben")
        for n in range(3):
            await ben.store(f"note {n}")
        await site.services.meter.settle()
        found = (await call_rest(admin, "list_usage", {})).body
        assert found["month"] == "2026-11"
        first = found["accounts"][0]
        assert (first["account"], first["usage"]["observation"]) == ("ben", 3)
        assert (await call_rest(admin, "list_usage", {"month": "2026-10"})).body["accounts"] == []
        for month in ("2026-13", "november", "2026-1"):
            await check_refusal(admin, "list_usage", {"month": month}, says="month: must be a month like 2026-11")
