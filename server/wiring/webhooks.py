"""The composition root of the webhook. It loads no store, so that commands which need no more start at once."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from server import __version__
from server.clock import Clock
from server.config import Settings
from server.store.record.works.outbox import Outbox
from server.store.webhooks.delivery import WebhookSender
from server.webhook_secret import read_webhook_secret


def build_outbox(settings: Settings, now: Clock) -> Outbox | None:
    """Return the outbox of the webhook that the settings name, None if they name none: then nobody wants events."""
    return Outbox(now) if settings.webhook_url else None


@asynccontextmanager
async def open_webhook(settings: Settings, now: Clock) -> AsyncGenerator[WebhookSender | None]:
    """Open the sender to the webhook that the settings name, None if they name none."""
    if not settings.webhook_url:
        yield None
        return
    secrets = [read_webhook_secret(each) for each in settings.webhook_secret.get_secret_value().split()]
    user_agent = f"loci/{__version__}"
    async with WebhookSender.open(settings.webhook_url, secrets, now, user_agent, settings.ca_file) as sender:
        yield sender
