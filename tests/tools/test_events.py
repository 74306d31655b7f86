"""The events for the webhook: each way to make an account, a new plan, a reached limit and the daily usage are told."""

import asyncio
import json

import httpx
import pytest
import respx
import sqlalchemy as sa
from pydantic import SecretStr

from server.background.ticks import do_due_ticks
from server.background.webhooks import report_usage
from server.config import Settings, load_settings
from server.store.record.works import outbox
from server.store.tables.webhooks import webhook_events
from tests.helpers.doors import call_rest
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

URL = "https://billing.test/loci"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PLANS = {"free": {"memories": 2, "workspaces": 9}, "pro": {"memories": 3}, "tiny": {"memories": 0}}


@pytest.fixture
def with_webhook(settings):
    """Settings with a webhook, plans, and sign-up for everybody."""
    more = {"webhook_url": URL, "webhook_secret": SecretStr(SECRET), "plans": PLANS, "default_plan": "free"}
    return type(settings).model_validate(settings.model_dump() | more | {"signup": "open"})


@pytest.fixture
def web():
    with respx.mock(assert_all_called=False) as mock:
        mock.route(host="127.0.0.1").pass_through()
        yield mock.post(URL).mock(return_value=httpx.Response(200))


@pytest.fixture
async def hooked_site(web, with_webhook, clock):  # noqa: ARG001 - asks before anything is sent
    async with open_site(with_webhook, clock) as site:
        yield site


async def list_events(site, kind=None):
    """The type and the data of each event, in their order."""
    async with site.services.db.read() as connection:
        found = await outbox.list_events(connection, None, 100)
    payloads = [json.loads(each.payload) for each in reversed(found)]
    return [(each["type"], each["data"]) for each in payloads if kind in {None, each["type"]}]


async def test_an_account_that_is_made_at_any_door_is_told_in_its_own_transaction(hooked_site):
    http = hooked_site.client()
    made = (await http.post("/v1/signup", json={"name": "Cat", "email": "cat@example.com"})).json()
    page = await http.post("/signup", data={"name": "ann", "password": "correct horse battery", "csrf": ""})
    assert page.status_code < 500
    ((kind, data),) = await list_events(hooked_site)
    assert kind == "account.created"
    assert data == {
        "account_id": data["account_id"],
        "user_id": made["user_id"],
        "name": made["name"],
        "email": "cat@example.com",
    }
    refused = await http.post("/v1/signup", json={"name": 5})
    assert refused.status_code == 400
    assert len(await list_events(hooked_site)) == 1


async def test_the_events_are_delivered_by_the_server_itself(hooked_site, web):
    await hooked_site.client().post("/v1/signup", json={"name": "cat"})
    async with asyncio.timeout(60):
        while not web.call_count:  # noqa: ASYNC110 - the product has no use for an event here
            await asyncio.sleep(0.05)
    assert json.loads(web.calls[0].request.content)["type"] == "account.created"
    assert web.calls[0].request.headers["webhook-signature"].startswith("v1,")


async def test_a_plan_is_told_when_it_changes_and_not_when_it_is_given_again(hooked_site, clock):
    admin = await hooked_site.add_person("root", ("memory:write", "admin"), is_admin=True)
    cat = await hooked_site.add_person("cat")
    for plan in ("pro", "pro", "free", None):
        answer = await call_rest(admin, "set_plan", {"plan": plan, "user_id": cat.user_id})
        assert answer.status == 200
        clock.move(seconds=1)
    assert (await call_rest(admin, "set_plan", {"plan": "gold", "user_id": cat.user_id})).status == 400
    monthly = {"monthly_requests": None, "monthly_tokens": None}
    limits = {"items": None, "memories": 3, "workspaces": None} | monthly
    assert await list_events(hooked_site) == [
        ("plan.changed", {"account_id": cat.account_id, "plan": "pro", "previous_plan": "free", "limits": limits}),
        (
            "plan.changed",
            {
                "account_id": cat.account_id,
                "plan": "free",
                "previous_plan": "pro",
                "limits": {"items": None, "memories": 2, "workspaces": 9} | monthly,
            },
        ),
    ]


async def test_a_limit_is_told_when_the_last_that_fits_is_stored_and_once_a_day(hooked_site, clock):
    cat = await hooked_site.add_person("cat")
    await cat.store("one")
    assert await list_events(hooked_site) == []
    second = await cat.store("two")
    reached = {"account_id": cat.account_id, "plan": "free", "kind": "memories", "limit": 2, "current": 2}
    assert await list_events(hooked_site) == [("quota.reached", reached)]
    assert (await cat.http.post("/v1/memories", json={"content": "three"})).status_code == 403
    await cat.http.delete(f"/v1/memories/{second}")
    await cat.store("two again")
    assert len(await list_events(hooked_site)) == 1
    clock.move(days=1)
    (third,) = [each["id"] for each in (await cat.http.get("/v1/memories")).json()["memories"]][:1]
    await cat.http.delete(f"/v1/memories/{third}")
    await cat.store("the next day")
    assert await list_events(hooked_site) == [("quota.reached", reached)] * 2


async def test_a_smaller_plan_tells_the_limits_that_the_account_has_reached_by_it(hooked_site):
    admin = await hooked_site.add_person("root", ("memory:write", "admin"), is_admin=True)
    cat = await hooked_site.add_person("cat")
    await cat.store("one")
    await call_rest(admin, "set_plan", {"plan": "tiny", "user_id": cat.user_id})
    changed, reached = sorted(await list_events(hooked_site), key=lambda each: each[0])
    assert (changed[0], reached[0]) == ("plan.changed", "quota.reached")
    assert reached[1] == {
        "account_id": cat.account_id,
        "plan": "tiny",
        "kind": "memories",
        "limit": 0,
        "current": 1,
    }


async def test_the_usage_of_every_account_is_told_once_a_day_and_holds_numbers_alone(hooked_site, clock):
    cat, dan = await hooked_site.add_person("cat"), await hooked_site.add_person("dan")
    await cat.store("a secret sentence")
    await do_due_ticks(hooked_site.services)
    clock.move(days=1)
    for _ in range(2):
        await do_due_ticks(hooked_site.services)
    await report_usage(hooked_site.services)
    (event,) = await list_events(hooked_site, "usage.daily")
    today = clock().date().isoformat()
    assert event == (
        "usage.daily",
        {
            "date": today,
            "accounts": [
                {"account_id": each.account_id, "plan": "free", "memories": n, "items": 0, "workspaces": n, "month": {}}
                for each, n in sorted(((cat, 1), (dan, 0)), key=lambda pair: pair[0].account_id)
            ],
        },
    )
    assert "secret" not in json.dumps(event)


async def test_many_accounts_are_told_in_pages(hooked_site, monkeypatch):
    monkeypatch.setattr("server.background.webhooks.ACCOUNTS", 2)
    for number in range(5):
        await hooked_site.add_person(f"person{number}")
    await report_usage(hooked_site.services)
    sizes = [len(data["accounts"]) for _, data in await list_events(hooked_site, "usage.daily")]
    assert sorted(sizes) == [1, 2, 2]


async def test_without_a_webhook_nothing_is_written_and_nothing_sent(settings, clock):
    open_to_all = type(settings).model_validate(settings.model_dump() | {"signup": "open"})
    async with open_site(open_to_all, clock) as site:
        await site.client().post("/v1/signup", json={"name": "cat"})
        await report_usage(site.services)
        async with site.services.db.read() as connection:
            assert (await connection.execute(sa.select(sa.func.count()).select_from(webhook_events))).scalar_one() == 0


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"LOCI_WEBHOOK_URL": URL},
            "LOCI_WEBHOOK_SECRET: must be set, because LOCI_WEBHOOK_URL is; take the output of",
        ),
        ({"LOCI_WEBHOOK_URL": URL, "LOCI_WEBHOOK_SECRET": "hunter2"}, "LOCI_WEBHOOK_SECRET: must be whsec_ and base64"),
        ({"LOCI_WEBHOOK_URL": URL, "LOCI_WEBHOOK_SECRET": f"{SECRET} hunter2"}, "LOCI_WEBHOOK_SECRET: must be whsec_"),
        ({"LOCI_WEBHOOK_URL": "http://billing.test", "LOCI_WEBHOOK_SECRET": SECRET}, "LOCI_WEBHOOK_URL: must be https"),
        ({"LOCI_WEBHOOK_URL": "https://a:hunter2@b.test", "LOCI_WEBHOOK_SECRET": SECRET}, "use LOCI_WEBHOOK_SECRET"),
    ],
)
def test_a_webhook_that_cannot_be_used_stops_the_start(environ, message):
    with pytest.raises(SystemExit, match=message) as stopped:
        load_settings(environ)
    assert "hunter2" not in str(stopped.value)


def test_two_secrets_may_sign_while_the_receiver_changes_over():
    environ = {"LOCI_WEBHOOK_URL": "http://127.0.0.1:9/hook", "LOCI_WEBHOOK_SECRET": f"{SECRET} {SECRET}"}
    assert isinstance(load_settings(environ), Settings)
