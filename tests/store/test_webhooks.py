"""The events of the webhook: signed as the standard says, sent at least once, and given up in the end."""

import asyncio
import base64
import hashlib
import hmac
import json
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
import respx
import structlog

from server.store.db import Database
from server.store.record.works import outbox
from server.store.record.works.outbox import Outbox
from server.store.webhooks import delivery
from server.store.webhooks.delivery import KEPT, LEASE, PAUSES, WebhookSender
from server.store.webhooks.signature import sign_message
from server.webhook_secret import read_webhook_secret

pytestmark = pytest.mark.anyio

URL = "https://billing.test/loci"
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret of the same length").decode()


@pytest.fixture
def web():
    with respx.mock(assert_all_called=False) as mock:
        yield mock.post(URL).mock(return_value=httpx.Response(204))


@pytest.fixture
async def sender(clock):
    secrets = [read_webhook_secret(SECRET), read_webhook_secret(OTHER)]
    async with WebhookSender.open(URL, secrets, clock, "loci/test") as opened:
        yield opened


@pytest.fixture
def put_event(db, clock):
    return make_put_event(db, clock)


@pytest.fixture
def put_lite_event(lite, clock):
    return make_put_event(lite, clock)


def make_put_event(db, clock):
    async def put_event(number=1, **how):
        async with db.write() as connection:
            await Outbox(clock).put(connection, "quota.reached", {"number": number}, **how)

    return put_event


async def events(db, state=None):
    async with db.read() as connection:
        return await outbox.list_events(connection, state, 100)


def verify(request, secret, clock):
    """What docs/webhooks.md says that a receiver does."""
    message_id, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    signed = f"{message_id}.{timestamp}.".encode() + request.content
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mine = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert any(hmac.compare_digest(mine, each) for each in request.headers["webhook-signature"].split())
    assert abs(int(timestamp) - clock().timestamp()) < 300
    return json.loads(request.content)


def test_a_signature_is_the_one_that_the_standard_shows():
    secret = read_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = sign_message([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "text", ["", "x", "whsec_", "whsec_AAAA", f"whsec_{'A' * 120}", "whsec_ä", "MfKQ9r8GKYqrTwjUPD8ILPZI"]
)
def test_a_secret_in_another_form_is_refused_without_a_part_of_it(text):
    with pytest.raises(ValueError, match="must be whsec_ and base64 of 24 to 64 bytes"):
        read_webhook_secret(text)


async def test_an_event_is_sent_with_a_signature_of_each_secret(db, put_event, sender, web, clock):
    await put_event()
    await sender.deliver_due_events(db)
    (call,) = web.calls
    (event,) = await events(db)
    for secret in (SECRET, OTHER):
        body = verify(call.request, secret, clock)
    assert body == {"type": "quota.reached", "timestamp": clock().isoformat(), "data": {"number": 1}}
    assert (call.request.headers["webhook-id"], event.state, event.attempts) == (event.id, "delivered", 1)
    assert call.request.headers["content-type"] == "application/json"
    assert call.request.headers["user-agent"] == "loci/test"
    await sender.deliver_due_events(db)
    assert web.call_count == 1


async def test_an_event_whose_cause_is_undone_is_never_sent(db, sender, web, clock):
    with suppress(RuntimeError):
        async with db.write() as connection:
            await Outbox(clock).put(connection, "plan.changed", {})
            raise RuntimeError
    await sender.deliver_due_events(db)
    assert (web.call_count, await events(db)) == (0, [])


async def test_of_the_events_that_may_come_once_the_first_is_sent(db, put_event, sender, web):
    for number in (1, 2):
        await put_event(number, once="quota a memories")
    await put_event(3, once="quota b memories")
    await put_event(4)
    await put_event(5)
    await sender.deliver_due_events(db)
    assert sorted(json.loads(call.request.content)["data"]["number"] for call in web.calls) == [1, 3, 4, 5]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (httpx.Response(500), "answered 500 Internal Server Error"),
        (httpx.Response(404, text="SECRET"), "answered 404 Not Found"),
        (httpx.Response(302, headers={"location": "http://169.254.169.254/"}), "answered 302 Found; redirects are not"),
        (httpx.Response(307, headers={"location": URL}), "answered 307 Temporary Redirect; redirects are not followed"),
        (httpx.Response(799), "answered 799"),
        (httpx.ConnectError("SECRET refused"), "cannot be reached (ConnectError)"),
        (httpx.ReadTimeout("SECRET"), "cannot be reached (ReadTimeout)"),
    ],
)
async def test_a_failure_is_noted_and_the_event_sent_again_with_the_same_id(
    lite, put_lite_event, sender, web, clock, answer, problem
):
    await put_lite_event()
    web.mock(side_effect=[answer, httpx.Response(200)])
    with structlog.testing.capture_logs() as logs:
        await sender.deliver_due_events(lite)
    (event,) = await events(lite)
    assert (event.state, event.attempts, str(event.problem)[: len(problem)]) == ("waiting", 1, problem)
    assert PAUSES[0] <= event.due_at - clock() <= PAUSES[0] * 1.1
    assert [each["event"] for each in logs] == ["webhook.failed"]
    assert "SECRET" not in f"{logs}{event}"
    await sender.deliver_due_events(lite)
    assert web.call_count == 1, "not before it is due"
    clock.move(seconds=6)
    await sender.deliver_due_events(lite)
    ids = {call.request.headers["webhook-id"] for call in web.calls}
    times = {call.request.headers["webhook-timestamp"] for call in web.calls}
    assert (web.call_count, len(ids), len(times)) == (2, 1, 2)
    (event,) = await events(lite)
    assert (event.state, event.problem, event.finished_at) == ("delivered", None, clock())


async def test_a_receiver_that_hangs_is_given_up_on(lite, put_lite_event, sender, web, monkeypatch):
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.01)

    async def hang(_request):
        await asyncio.Event().wait()

    web.mock(side_effect=hang)
    await put_lite_event()
    await sender.deliver_due_events(lite)
    (event,) = await events(lite)
    assert (event.state, event.problem) == ("waiting", "did not answer in 0.01 seconds")


async def test_a_receiver_that_stays_down_is_asked_less_often_and_then_no_more(
    lite, put_lite_event, sender, web, clock
):
    web.mock(return_value=httpx.Response(503))
    await put_lite_event()
    with structlog.testing.capture_logs() as logs:
        for pause in (*PAUSES, timedelta()):
            await sender.deliver_due_events(lite)
            clock.move(seconds=pause.total_seconds() * 1.1 + 1)
    (event,) = await events(lite)
    assert (event.state, event.attempts, web.call_count) == ("failed", len(PAUSES) + 1, len(PAUSES) + 1)
    assert event.problem == "answered 503 Service Unavailable"
    assert [each["event"] for each in logs] == ["webhook.failed"] * len(PAUSES) + ["webhook.given_up"]
    assert timedelta(days=3) < sum(PAUSES, timedelta()) < timedelta(days=4)


async def test_a_receiver_that_is_gone_is_not_asked_again(lite, put_lite_event, sender, web):
    web.mock(return_value=httpx.Response(410))
    await put_lite_event()
    await sender.deliver_due_events(lite)
    (event,) = await events(lite)
    assert (event.state, event.attempts) == ("failed", 1)


async def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks(lite, put_lite_event, sender, web, clock):
    web.mock(return_value=httpx.Response(429, headers={"retry-after": "900"}))
    await put_lite_event()
    await sender.deliver_due_events(lite)
    (event,) = await events(lite)
    assert event.due_at == clock() + timedelta(seconds=900)


async def test_an_attempt_whose_process_was_killed_is_made_again_after_its_claim(db, put_event, sender, web, clock):
    await put_event()
    async with db.read() as connection:
        (event,) = await outbox.list_due_events(connection, clock(), 9)
    async with db.write() as connection:
        assert await outbox.claim_event(connection, event, clock() + LEASE)
    await sender.deliver_due_events(db)
    assert web.call_count == 0
    clock.move(seconds=61)
    await sender.deliver_due_events(db)
    async with db.write() as connection:  # the first one was only slow, and notes its failure now
        await outbox.note_attempt(connection, event.id, 1, state="failed", now=clock(), problem="late")
    (event,) = await events(db)
    assert (web.call_count, event.state, event.attempts) == (1, "delivered", 2)


async def test_two_processes_never_make_the_same_attempt(db, put_event, web, clock):
    for number in range(30):
        await put_event(number)
    other = Database(db.url.render_as_string(hide_password=False))
    try:
        async with WebhookSender.open(URL, [b"x" * 32], clock, "one") as one:
            async with WebhookSender.open(URL, [b"x" * 32], clock, "two") as two:
                await asyncio.gather(one.deliver_due_events(db), two.deliver_due_events(other))
    finally:
        await other.close()
    sent = [json.loads(call.request.content)["data"]["number"] for call in web.calls]
    assert sorted(sent) == list(range(30))
    assert {each.state for each in await events(db)} == {"delivered"}


async def test_one_failure_ends_the_round_so_that_a_receiver_that_is_down_is_not_flooded(
    lite, put_lite_event, sender, web
):
    web.mock(return_value=httpx.Response(500))
    for number in range(delivery.BATCH + 5):
        await put_lite_event(number)
    await sender.deliver_due_events(lite)
    assert web.call_count == delivery.BATCH


async def test_an_event_that_was_given_up_can_be_sent_again(db, put_event, sender, web, clock):
    web.mock(return_value=httpx.Response(410))
    for number in (1, 2, 3):
        await put_event(number)
    await sender.deliver_due_events(db)
    first = (await events(db, "failed"))[-1]
    web.mock(return_value=httpx.Response(200))
    async with db.write() as connection:
        assert await outbox.retry_events(connection, [first.id, "unknown"], clock()) == {first.id}
    await sender.deliver_due_events(db)
    assert [each.id for each in await events(db, "delivered")] == [first.id]
    async with db.write() as connection:
        assert await outbox.retry_events(connection, [first.id], clock()) == set(), "a delivered one is not sent twice"
        assert len(await outbox.retry_events(connection, None, clock())) == 2
        assert await outbox.count_events(connection) == {"waiting": 2, "delivered": 1, "failed": 0}


async def test_events_are_deleted_after_a_month_delivered_or_not(db, put_event, clock):
    await put_event(1)
    clock.move(days=20)
    await put_event(2)
    clock.move(days=11)
    async with db.write() as connection:
        await outbox.delete_old_events(connection, clock() - KEPT)
    (left,) = await events(db)
    assert json.loads(left.payload)["data"] == {"number": 2}
