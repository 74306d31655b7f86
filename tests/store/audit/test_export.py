"""The audit goes elsewhere as it is written: as events for the webhook, and as datagrams for syslog."""

import json
import socket
from dataclasses import replace

import pytest

from server.store.audit.entry import Entry
from server.store.audit.log import IN_EVENT, AuditLog
from server.store.audit.syslog import Syslog
from server.store.record.works import outbox
from server.store.record.works.outbox import Outbox

pytestmark = pytest.mark.anyio

SECONDS = 30


@pytest.fixture
def entry(clock):
    return Entry("a", clock(), "r", "u", "k", None, "api_key", "rest", "w", "recent", "read", "ok", 3)


async def test_the_webhook_gets_every_entry_in_events_of_a_bounded_size(lite, clock, entry):
    log = AuditLog(lite, clock, "all", Outbox(clock))
    for _ in range(IN_EVENT + 1):
        log.note(entry)
    await log.settle()
    async with lite.read() as connection:
        events = [json.loads(each.payload) for each in await outbox.list_events(connection, None, 10)]
    assert {each["type"] for each in events} == {"audit.entries"}
    assert sorted(len(each["data"]["entries"]) for each in events) == [1, IN_EVENT]
    assert events[0]["data"]["entries"][0] == {
        "account_id": "a",
        "at": "2026-11-21T12:00:00.000+00:00",
        "request_id": "r",
        "user_id": "u",
        "credential_id": "k",
        "client_id": None,
        "via": "api_key",
        "door": "rest",
        "workspace_id": "w",
        "operation": "recent",
        "effect": "read",
        "outcome": "ok",
        "count": 3,
    }


async def test_syslog_gets_a_message_for_each_entry_and_may_be_away(lite, clock, entry):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(SECONDS)
        syslog = Syslog(*receiver.getsockname())
        log = AuditLog(lite, clock, "all", syslog=syslog)
        await log.write(entry)
        await log.write(replace(entry, outcome="forbidden"))
        messages = [receiver.recv(10_000).decode() for _ in range(2)]
    assert messages[0].startswith("<110>1 2026-11-21T12:00:00.000+00:00 ")
    assert messages[1].startswith("<109>1 ")
    assert json.loads(messages[1].partition(" audit - ")[2])["outcome"] == "forbidden"
    await log.write(entry)
    assert log.written == 3
    syslog.close()
