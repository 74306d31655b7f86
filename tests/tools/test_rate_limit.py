"""The rate limit of one credential, by the clock that the test moves."""

import pytest
import sqlalchemy as sa

from server.background.upkeep import clean_up_records
from server.errors import Failure
from server.store.tables.rates import rate_buckets
from tests.helpers.doors import LEGACY, MODERN, call_tool, read_answer
from tests.helpers.site import open_site
from tools.core.limits.rate_limit import REMEMBERED, RateLimit

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tight(settings, clock):
    """A server that lets each credential call three times a minute."""
    async with open_site(settings.model_copy(update={"rate_limit": 3}), clock) as site:
        yield site


async def test_both_doors_draw_on_one_allowance_and_say_when_to_come_back(tight, clock):
    ann = await tight.add_person("ann")
    assert (await ann.http.get("/v1/memories")).status_code == 200
    for era in (LEGACY, MODERN):
        assert (await call_tool(ann, "recent", {}, era=era)).error is None
    refused = await ann.http.get("/v1/memories")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "20")
    assert read_answer(refused).error == "too_many_requests"
    for era in (LEGACY, MODERN):
        assert (await call_tool(ann, "recent", {}, era=era)).text == "too_many_requests: Too many requests. Wait 20 s."
    clock.move(seconds=15)
    assert (await ann.http.get("/v1/memories")).headers["retry-after"] == "5"
    clock.move(seconds=5)
    assert (await ann.http.get("/v1/memories")).status_code == 200
    assert (await ann.http.get("/v1/memories")).status_code == 429


async def test_what_was_refused_for_its_number_stored_nothing(tight, clock):
    ann = await tight.add_person("ann")
    for number in range(5):
        await ann.http.post("/v1/memories", json={"content": f"x {number}"})
    clock.move(minutes=1)
    assert (await ann.http.get("/v1/memories")).json()["total"] == 3


async def test_each_credential_has_an_allowance_of_its_own(tight):
    ann, bob = await tight.add_person("ann"), await tight.add_person("bob")
    second_key = await tight.add_person("ann")
    for _ in range(4):
        last = await ann.http.get("/v1/health")
    assert last.status_code == 429
    assert (await bob.http.get("/v1/health")).status_code == 200
    assert (await second_key.http.get("/v1/health")).status_code == 200


async def test_a_malformed_call_counts_too(tight):
    ann = await tight.add_person("ann")
    for _ in range(3):
        assert (await ann.http.post("/v1/search", json={})).status_code == 400
    assert (await ann.http.post("/v1/search", json={})).status_code == 429


async def test_reading_a_resource_too_often_is_no_invalid_request(tight):
    ann = await tight.add_person("ann")
    async with ann.mcp() as client:
        for _ in range(3):
            await client.read_resource("memory://recent")
        with pytest.raises(Exception, match="too_many_requests"):
            await client.read_resource("memory://recent")


def test_a_bucket_never_holds_more_than_a_minutes_worth(clock):
    limit = RateLimit(2, clock)
    clock.move(days=1)
    limit.spend("key")
    clock.move(days=1)
    for _ in range(2):
        limit.spend("key")
    with pytest.raises(Failure) as refused:
        limit.spend("key")
    assert refused.value.retry_after == 30


def test_a_clock_that_is_set_back_locks_nobody_out_for_long(clock):
    limit = RateLimit(60, clock)
    for _ in range(60):
        limit.spend("key")
    clock.move(hours=-1)
    with pytest.raises(Failure) as refused:
        limit.spend("key")
    assert refused.value.retry_after == 1


def test_without_a_limit_nothing_is_counted(clock):
    limit = RateLimit(0, clock)
    for _ in range(1000):
        limit.spend("key")


def test_only_so_many_credentials_are_remembered(clock):
    limit = RateLimit(1, clock)
    limit.spend("first")
    for number in range(REMEMBERED):
        limit.spend(str(number))
    limit.spend("first")


async def test_a_long_text_spends_as_much_as_its_windows(tight, clock):
    ann, bob = await tight.add_person("ann"), await tight.add_person("bob")
    assert (await ann.http.post("/v1/memories", json={"content": "tea " * 8_000})).status_code == 201
    refused = await ann.http.get("/v1/memories")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "80"), "a debt of a minute at most"
    assert (await bob.http.get("/v1/memories")).status_code == 200
    clock.move(seconds=80)
    assert (await ann.http.get("/v1/memories")).status_code == 200


async def test_short_texts_spend_one_call_however_many_come_at_once(tight):
    ann = await tight.add_person("ann")
    memories = [{"content": f"tea {n}"} for n in range(100)]
    assert (await ann.http.post("/v1/memories/ingest", json={"memories": memories})).status_code == 201
    assert [(await ann.http.get("/v1/memories")).status_code for _ in range(3)] == [200, 200, 429]


async def test_each_golden_case_of_a_run_spends_a_call(tight, clock):
    ann = await tight.add_person("ann")
    memory_id = await ann.store("tea")
    for query in ("tea", "what tea?"):
        answer = await ann.http.post("/v1/golden", json={"query": query, "memory_id": memory_id})
        assert answer.status_code == 201, answer.text
    clock.move(minutes=2)
    assert (await ann.http.post("/v1/golden/run", json={})).status_code == 200
    assert [(await ann.http.get("/v1/memories")).status_code for _ in range(2)] == [200, 429]


def count_accepted(limit, most):
    """How many of so many calls are accepted."""
    for accepted in range(most):
        try:
            limit.spend("key")
        except Failure:
            return accepted
    return most


async def test_processes_share_one_bucket_as_soon_as_they_have_settled(site, clock):
    db = site.services.db
    first, second = (RateLimit(60, clock, shared=True) for _ in range(2))
    assert (count_accepted(first, 40), count_accepted(second, 10)) == (40, 10)
    await first.settle(db)
    await second.settle(db)
    assert count_accepted(second, 60) == 10
    clock.move(seconds=6)
    await second.settle(db)
    # a process that starts now knows nothing of it for a second at most
    third = RateLimit(60, clock, shared=True)
    assert count_accepted(third, 1) == 1
    await third.settle(db)
    assert count_accepted(third, 60) == 5


async def test_what_could_not_be_settled_is_settled_the_next_time(site, clock, monkeypatch):
    db = site.services.db
    first, second = (RateLimit(60, clock, shared=True) for _ in range(2))
    assert count_accepted(first, 50) == 50
    with monkeypatch.context() as patch:
        patch.setattr("tools.core.limits.rate_limit.settle_buckets", None)
        with pytest.raises(TypeError):
            await first.settle(db)
    await first.settle(db)
    assert count_accepted(second, 1) == 1
    await second.settle(db)
    assert count_accepted(second, 60) == 9


async def test_a_bucket_that_is_full_again_leaves_the_record(site, clock):
    db = site.services.db
    limit = RateLimit(60, clock, shared=True)
    limit.spend("key")
    await limit.settle(db)
    clock.move(minutes=11)
    await clean_up_records(site.services)
    async with db.read() as connection:
        assert (await connection.execute(sa.select(rate_buckets))).all() == []
