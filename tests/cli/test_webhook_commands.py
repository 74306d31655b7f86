"""The commands for the events of a webhook."""

import json

import httpx
import respx

from tests.helpers.programs.commands import PASSWORD

WEBHOOK = {
    "LOCI_WEBHOOK_URL": "https://billing.test/loci",
    "LOCI_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "LOCI_PLANS": '{"free": {}, "pro": {"memories": 5}}',
}


def test_the_events_of_a_webhook_are_listed_retried_and_tried(cli, monkeypatch):
    assert "LOCI_WEBHOOK_URL is not set" in cli("webhook", "test").stderr
    for name, value in WEBHOOK.items():
        monkeypatch.setenv(name, value)
    assert cli("user", "add", "ann", "--password-stdin", stdin=PASSWORD).exit_code == 0
    assert cli("user", "set-plan", "ann", "pro").exit_code == 0
    changed, created = json.loads(cli("webhook", "list", "--json").stdout)
    assert (created["type"], changed["type"]) == ("account.created", "plan.changed")
    assert (created["state"], created["attempts"], created["problem"]) == ("waiting", 0, None)
    listed = cli("webhook", "list", "--state", "waiting")
    assert created["id"] in listed.stdout
    assert "2 waiting, 0 delivered, 0 failed" in listed.stderr
    assert json.loads(cli("webhook", "list", "--state", "failed", "--json").stdout) == []
    assert "--state: must be waiting, delivered or failed" in cli("webhook", "list", "--state", "lost").stderr
    assert "1 events will be sent again" in cli("webhook", "retry", created["id"]).stderr
    assert "0 events will be sent again" in cli("webhook", "retry", "--failed").stderr
    for arguments in ((), (created["id"], "--failed")):
        assert "Name the ids of events, or use --failed" in cli("webhook", "retry", *arguments).stderr
    with respx.mock:
        route = respx.post(WEBHOOK["LOCI_WEBHOOK_URL"]).mock(return_value=httpx.Response(200))
        assert "took the event" in " ".join(cli("webhook", "test").stderr.split())
        assert json.loads(route.calls[0].request.content)["type"] == "webhook.test"
        route.mock(return_value=httpx.Response(404))
        refused = cli("webhook", "test")
        assert (refused.exit_code, "answered 404 Not Found" in refused.stderr) == (1, True)
    assert len(json.loads(cli("webhook", "list", "--json").stdout)) == 2
