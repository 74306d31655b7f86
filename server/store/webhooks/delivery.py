"""The delivery of events to a webhook: at least once, by any process, and again with growing pauses if it fails.

An attempt is claimed in SQL for a minute. If its process dies, another attempt is made after that. So a receiver may
get an event twice, with the same `webhook-id`, and events may come in another order than they happened.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import structlog

from server.clock import Clock
from server.network.http import open_http_client
from server.network.http_status import describe_status
from server.network.retry_after import read_retry_after
from server.store.db import Database
from server.store.record.works import outbox
from server.store.record.works.outbox import Event
from server.store.webhooks.signature import sign_message

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The pauses after the first, the second, … failed attempt. After the last one an event is given up: three days.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
#: An attempt ends after so many seconds. Its claim lasts longer.
TIMEOUT_SECONDS = 20.0
LEASE = timedelta(minutes=1)
LONGEST_RETRY_AFTER = 24 * 3600.0
#: Events are deleted so long after they happened, delivered or not.
KEPT = timedelta(days=30)
BATCH, AT_ONCE = 20, 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: `problem` is empty if the event was taken.

    Attributes:
        problem: why it was not taken, as a sentence without a subject.
        is_final: whether no other attempt is wanted.
        retry_after: the seconds for which the receiver asked to be left alone; 0 if it did not ask.
    """

    problem: str = ""
    is_final: bool = False
    retry_after: float = 0.0


class WebhookSender:
    """Sends events to one URL.

    Args:
        client: the HTTP client.
        url: the webhook.
        secrets: the secrets to sign with; a receiver accepts any of the signatures.
        now: the clock.
    """

    def __init__(self, client: httpx.AsyncClient, url: str, secrets: Sequence[bytes], now: Clock) -> None:
        self._client = client
        self._url = url
        self._secrets = secrets
        self._now = now

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, secrets: Sequence[bytes], now: Clock, user_agent: str, ca_file: Path | None = None
    ) -> AsyncGenerator["WebhookSender"]:
        """Open a sender, and close it when the block ends.

        `ca_file` has certificates of authorities that are trusted beside the usual ones.
        """
        # The URL is the operator's own. A redirect would send the event to one that nobody has chosen.
        headers = {"content-type": "application/json", "user-agent": user_agent}
        async with open_http_client(url, ca_file, headers=headers, timeout=TIMEOUT_SECONDS) as client:
            yield cls(client, url, secrets, now)

    async def deliver_due_events(self, db: Database) -> None:
        """Send the events that are due. Return when none is, or after a batch in which one could not be delivered."""
        has_failed = False
        while not has_failed:
            async with db.read() as connection:
                due = await outbox.list_due_events(connection, self._now(), BATCH)
            if not due:
                return
            room = asyncio.Semaphore(AT_ONCE)

            async def deliver(event: Event, room: asyncio.Semaphore = room) -> bool:
                async with room:
                    return await self._deliver_event(db, event)

            has_failed = not all(await asyncio.gather(*map(deliver, due)))

    async def send(self, event: Event) -> Outcome:
        """Make one attempt to send an event."""
        now = self._now()
        timestamp = int(now.timestamp())
        headers = {
            "webhook-id": event.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign_message(self._secrets, event.id, timestamp, event.payload),
        }
        try:
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                # The body of the answer is not read: it may be anything.
                self._client.stream("POST", self._url, content=event.payload.encode(), headers=headers) as answer,
            ):
                return _judge_answer(answer, now)
        except TimeoutError:
            return Outcome(f"did not answer in {TIMEOUT_SECONDS:g} seconds")
        except httpx.HTTPError as error:
            return Outcome(f"cannot be reached ({type(error).__name__})")

    async def _deliver_event(self, db: Database, event: Event) -> bool:
        """Send an event if no other process does. Return False if it could not be delivered."""
        async with db.write() as connection:
            if not await outbox.claim_event(connection, event, self._now() + LEASE):
                return True
        attempt = event.attempts + 1
        outcome = await self.send(event)
        now = self._now()
        is_last = outcome.is_final or attempt > len(PAUSES)
        due_at = None if is_last or not outcome.problem else now + _find_pause(event.id, attempt, outcome.retry_after)
        async with db.write() as connection:
            await outbox.note_attempt(
                connection,
                event.id,
                attempt,
                state="delivered" if not outcome.problem else "failed" if is_last else "waiting",
                now=now,
                due_at=due_at,
                problem=outcome.problem or None,
            )
        if not outcome.problem:
            return True
        reason = outcome.problem
        if is_last:
            log.warning("webhook.given_up", webhook_event=event.id, type=event.type, attempts=attempt, reason=reason)
        else:
            log.warning("webhook.failed", webhook_event=event.id, type=event.type, attempts=attempt, reason=reason)
        return False


def _judge_answer(answer: httpx.Response, now: datetime) -> Outcome:
    if answer.is_success:
        return Outcome()
    status = f"answered {describe_status(answer.status_code)}"
    if answer.is_redirect:
        return Outcome(f"{status}; redirects are not followed")
    return Outcome(
        status,
        is_final=answer.status_code == HTTPStatus.GONE,
        retry_after=read_retry_after(answer.headers.get("retry-after", ""), now, LONGEST_RETRY_AFTER),
    )


def _find_pause(event_id: str, attempt: int, retry_after: float) -> timedelta:
    """Return the pause after a failed attempt: up to a tenth longer than the table says, so that events spread."""
    share = int(event_id[-2:], 16) / 0xFF
    return max(PAUSES[attempt - 1] * (1 + share / 10), timedelta(seconds=retry_after))
