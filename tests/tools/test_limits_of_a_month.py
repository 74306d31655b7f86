"""What an account may use in a month: counted by all processes together, refused at its end, and open to reads."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from server.background.webhooks import report_usage
from server.errors import Failure
from server.limits import Limits
from server.store.record.people.plans import Plans
from server.store.record.people.usage import list_all_months
from server.store.record.works import outbox
from server.store.tables.accounts import accounts
from tests.helpers.doors import LEGACY, MODERN, call_rest, call_tool
from tests.helpers.site import open_site
from tools.core.limits.metering import REMEMBERED, Meter

pytestmark = pytest.mark.anyio

PLANS = {"small": Limits(monthly_requests=6, monthly_tokens=100), "large": Limits(monthly_requests=1000)}


@pytest.fixture
async def metered(settings, clock):
    """A server whose default plan allows six requests and a hundred tokens a month."""
    limited = settings.model_copy(update={"plans": PLANS, "default_plan": "small"})
    async with open_site(limited, clock) as site:
        yield site


async def read_month(person, month=0):
    """The numbers of a month as the person reads them: 0 is the newest one."""
    answer = (await person.http.get("/v1/usage")).json()
    return answer["months"][month]["usage"] if answer["months"] else {}


async def test_a_month_that_is_used_up_stops_what_stores_at_both_doors_and_nothing_else(metered):
    ann, bob = await metered.add_person("ann"), await metered.add_person("bob")
    ids = [await ann.store(f"tea {number}") for number in range(6)]
    refused = await ann.http.post("/v1/memories", json={"content": "one more"})
    assert refused.status_code == 402
    body = refused.json()
    assert (body["error"], body["limit"], body["current"]) == ("quota_exceeded", 6, 6)
    assert body["message"].startswith("Requests: this account has used 6 of the 6 of this month that its plan, small,")
    assert "2026-12-01" in body["message"]
    for era in (LEGACY, MODERN):
        told = await call_tool(ann, "store_memory", {"content": "by a tool"}, era=era)
        assert told.text.startswith("quota_exceeded: Requests: "), told.text
    assert (await ann.http.get("/v1/memories")).json()["total"] == 6
    assert (await ann.http.post("/v1/search", json={"query": "tea"})).status_code == 200
    assert (await ann.http.delete(f"/v1/memories/{ids[0]}")).status_code == 200
    made = await ann.http.post("/v1/keys", json={})
    assert made.status_code == 201
    assert (await ann.http.delete(f"/v1/keys/{made.json()['id']}")).status_code == 200
    assert (await bob.http.post("/v1/memories", json={"content": "bob's own"})).status_code == 201
    usage = (await ann.http.get("/v1/usage")).json()
    # what was refused is not counted; what is read when the month is used up is
    assert usage["usage"] == {"observation": 6, "request": 12}
    assert (usage["requests"], usage["tokens"]) == ({"current": 12, "limit": 6}, {"current": 0, "limit": 100})
    assert (usage["since"], usage["plan"], usage["metered"]) == ("2026-11-01T00:00:00.000Z", "small", True)


async def test_a_hook_still_tells_its_agent_when_nothing_more_is_stored(metered):
    ann = await metered.add_person("ann")
    await ann.store("The green kettle is for tea.")
    for _ in range(5):
        await ann.http.get("/v1/memories")
    prompt = {"event": "UserPromptSubmit", "session_id": "s", "prompt": "What is the green kettle for?"}
    answer = await ann.http.post("/v1/hooks", json=prompt)
    assert answer.status_code == 201, answer.text
    assert "green kettle" in answer.json()["hookSpecificOutput"]["additionalContext"]
    assert (await read_month(ann)).get("event") is None


async def test_tokens_stop_what_stores_as_requests_do(metered):
    ann = await metered.add_person("ann")
    metered.services.meter.count(ann.account_id, "tokens", 100)
    refused = await ann.http.post("/v1/memories", json={"content": "x"})
    assert (refused.status_code, refused.json()["current"]) == (402, 100)
    assert refused.json()["message"].startswith("Tokens of the language model: ")
    assert (await ann.http.get("/v1/memories")).status_code == 200


async def test_the_next_month_begins_anew_and_a_clock_that_is_set_back_locks_nobody_out_of_the_month_before(
    metered, clock
):
    ann = await metered.add_person("ann")
    clock.time = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    for number in range(6):
        await ann.store(f"tea {number}")
    assert (await ann.http.post("/v1/memories", json={"content": "x"})).status_code == 402
    clock.move(seconds=1)
    await ann.store("of December")
    clock.move(seconds=-2)
    assert (await ann.http.post("/v1/memories", json={"content": "x"})).status_code == 402
    clock.move(days=1)
    assert await read_month(ann) == {"observation": 1, "request": 2}
    assert await read_month(ann, 1) == {"observation": 6, "request": 6}


async def test_a_request_that_is_under_way_when_the_month_ends_counts_for_the_month_in_which_it_came(site, clock):
    meter = Meter(site.services.db, site.services.plans, clock, is_wanted=True)
    clock.time = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    await meter.admit("account", stores=True)
    clock.move(seconds=2)
    await meter.settle()
    async with site.services.db.read() as connection:
        assert await list_all_months(connection, None) == {("account", "2026-11"): {"request": 1}}


async def test_another_plan_lets_an_account_store_at_once_whoever_gives_it(metered):
    ann = await metered.add_person("ann")
    for number in range(6):
        await ann.store(f"tea {number}")
    assert (await ann.http.post("/v1/memories", json={"content": "x"})).status_code == 402
    async with metered.services.db.write() as connection:  # as a command does, beside the server
        await connection.execute(sa.update(accounts).where(accounts.c.id == ann.account_id).values(plan="large"))
    await ann.store("x")


def make_meters(site, clock, number, most=100):
    """So many meters on one record, as so many processes have them."""
    plans = Plans({"some": Limits(monthly_requests=most)}, "some")
    return [Meter(site.services.db, plans, clock) for _ in range(number)]


async def call_until_refused(meter, account_id, most):
    """How many of so many calls that come at once are let through."""
    results = await asyncio.gather(*(meter.admit(account_id, stores=True) for _ in range(most)), return_exceptions=True)
    refused = [each for each in results if each is not None]
    assert all(isinstance(each, Failure) for each in refused), refused
    return most - len(refused)


async def test_calls_of_two_processes_at_the_edge_are_all_counted_and_pass_it_by_what_one_did_not_know_at_most(
    site, clock
):
    ann = await site.add_person("ann")
    first, second = make_meters(site, clock, 2)
    assert await call_until_refused(first, ann.account_id, 80) == 80
    # the second one does not know of them for a second at most
    assert await call_until_refused(second, ann.account_id, 30) == 30
    await asyncio.gather(first.settle(), second.settle())
    await asyncio.gather(*(meter.admit(ann.account_id, stores=False) for meter in (first, second) for _ in range(20)))
    assert await call_until_refused(first, ann.account_id, 30) == 0
    assert await call_until_refused(second, ann.account_id, 30) == 0
    await asyncio.gather(first.settle(), second.settle(), first.settle())
    async with site.services.db.read() as connection:
        assert (await list_all_months(connection, "2026-11"))[ann.account_id, "2026-11"] == {"request": 150}


async def test_calls_that_come_at_once_in_one_process_stop_exactly_at_the_limit(site, clock):
    ann = await site.add_person("ann")
    (meter,) = make_meters(site, clock, 1, most=50)
    assert await call_until_refused(meter, ann.account_id, 30) == 30
    settling = asyncio.gather(*(meter.settle() for _ in range(3)))
    assert await call_until_refused(meter, ann.account_id, 30) == 20
    await settling
    await meter.finish()
    async with site.services.db.read() as connection:
        assert (await list_all_months(connection, None))[ann.account_id, "2026-11"] == {"request": 50}


class _BrokenRecord:
    """A record that is down until it is mended."""

    def __init__(self, db):
        self._db = db
        self.is_down = True

    def _open(self, how):
        if self.is_down:
            raise OperationalError("SELECT", {}, OSError("down"))
        return how()

    def read(self):
        return self._open(self._db.read)

    def write(self):
        return self._open(self._db.write)


async def test_a_record_that_is_down_refuses_nobody_and_what_was_counted_meanwhile_is_written_later(site, clock):
    ann = await site.add_person("ann")
    record: Any = _BrokenRecord(site.services.db)
    meter = Meter(record, Plans({"none": Limits(monthly_requests=0)}, "none"), clock)
    assert await call_until_refused(meter, ann.account_id, 3) == 3
    await meter.settle()
    assert not meter.is_complete
    record.is_down = False
    assert await call_until_refused(meter, ann.account_id, 3) == 0
    await meter.settle()
    assert meter.is_complete
    async with site.services.db.read() as connection:
        assert (await list_all_months(connection, None))[ann.account_id, "2026-11"] == {"request": 3}


async def test_only_so_many_idle_accounts_are_remembered_and_no_count_is_forgotten(site, clock):
    meter = Meter(site.services.db, site.services.plans, clock, is_wanted=True)
    for number in range(REMEMBERED + 5):
        meter.count(f"account {number}", "event")
    await meter.settle()
    assert len(meter._tallies) == REMEMBERED  # noqa: SLF001 - what it holds in memory is the point
    async with site.services.db.read() as connection:
        assert len(await list_all_months(connection, None)) == REMEMBERED + 5


async def test_a_server_that_does_not_meter_counts_nothing_and_says_so(site):
    person = await site.add_person("ann")
    await person.store("tea")
    usage = (await person.http.get("/v1/usage")).json()
    assert (usage["metered"], usage["usage"], usage["months"]) == (False, {}, [])
    assert (await person.http.get("/v1/usage", params={"months": 99})).status_code == 400


async def test_the_webhook_hears_of_a_limit_once_a_month_and_of_each_days_usage(settings, clock):
    hooked = {"webhook_url": "http://127.0.0.1:9/none", "plans": PLANS, "default_plan": "small"}
    async with open_site(settings.model_copy(update=hooked), clock) as site:
        ann = await site.add_person("ann")
        services = site.services
        for number in range(6):
            await ann.store(f"tea {number}")
        await services.meter.settle()
        await ann.http.get("/v1/memories")
        await services.meter.settle()
        await report_usage(services)
        async with services.db.read() as connection:
            told = [json.loads(each.payload) for each in await outbox.list_events(connection, None, 100)]
    reached = [each["data"] for each in told if each["type"] == "quota.reached"]
    assert [each["kind"] for each in reached] == ["monthly_requests"]
    assert (reached[0]["limit"], reached[0]["account_id"]) == (6, ann.account_id)
    (daily,) = (each["data"] for each in told if each["type"] == "usage.daily")
    assert daily["accounts"][0]["month"] == {"observation": 6, "request": 7}


async def test_a_key_may_have_a_limit_of_its_own_which_the_keys_that_it_makes_do_not_pass(site, clock):
    ann = await site.add_person("ann", requests_per_minute=3)
    answers = [await ann.http.get("/v1/keys") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    limits = [[each.headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining")] for each in answers]
    assert limits == [["3", "2"], ["3", "1"], ["3", "0"], ["3", "0"]]
    assert int(answers[3].headers["x-ratelimit-reset"]) == int(clock().timestamp()) + 60
    clock.move(minutes=1)
    wider = await call_rest(ann, "create_key", {"requests_per_minute": 4})
    assert (wider.status, wider.error) == (403, "forbidden")
    made = (await call_rest(ann, "create_key", {})).body
    assert made["requests_per_minute"] == 3
    other = site.client(made["api_key"])
    assert (await other.get("/v1/keys")).headers["x-ratelimit-remaining"] == "2"
    assert "x-ratelimit-limit" not in (await site.client().get("/healthz")).headers
