"""One issuer, as this process knows it: its metadata and keys are fetched when they are needed, and remembered.

Requests never wait for a refresh of keys that are known. They wait only for a key that is not: then all of them wait
for one fetch. Fetches begin at most every few seconds, whatever tokens come. If the issuer is down, what was fetched
before stays good for a day.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from auth.issuers.discovery import TOTAL_SECONDS, IssuerState, UnusableIssuerError
from auth.issuers.keys import VerifyingKey
from server.clock import Clock
from server.errors import Failure

#: The shortest time between the starts of two fetches.
FETCH_INTERVAL = timedelta(seconds=10)
#: For how long keys stay good after the last fetch that succeeded.
LONGEST_STALE = timedelta(hours=24)
#: The most keys that are tried for one token: two may have one id.
MAX_TRIED = 4

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: Fetches what an issuer publishes; raises `UnusableIssuerError`.
FetchState = Callable[[str], Awaitable[IssuerState]]


class Issuer:
    """One issuer."""

    def __init__(self, url: str, fetch_state: FetchState, now: Clock, seconds: float = TOTAL_SECONDS) -> None:
        self.url = url
        self._fetch_state = fetch_state
        self._now = now
        self._seconds = seconds
        self._state: IssuerState | None = None
        self._fetched_at: datetime | None = None
        self._started_at: datetime | None = None
        self._has_failed = False
        self._fetching: asyncio.Task[None] | None = None

    async def find_keys(self, kid: str | None, algorithm: str) -> list[VerifyingKey]:
        """Return the keys that may have signed a token with this `kid` and `alg`. The list is empty if there is none.

        Raises:
            Failure: `unavailable`, the keys cannot be fetched, so nobody can say whether there is one.
        """
        found = self._match_keys(kid, algorithm)
        if found:
            if self._is_due():
                self._begin_fetch()
            return found
        await self._wait_for_fetch()
        found = self._match_keys(kid, algorithm)
        if not found and (self._has_failed or self._find_state() is None):
            raise self._make_unavailable()
        return found

    async def get_metadata(self) -> dict[str, Any]:
        """Return the issuer's metadata, as they were read.

        Raises:
            Failure: `unavailable`, they cannot be fetched.
        """
        if self._find_state() is None:
            await self._wait_for_fetch()
        elif self._is_due():
            self._begin_fetch()
        state = self._find_state()
        if state is None:
            raise self._make_unavailable()
        return state.metadata

    @property
    def is_fetching(self) -> bool:
        """Whether a fetch is under way."""
        return self._fetching is not None and not self._fetching.done()

    async def close(self) -> None:
        """End a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    def _match_keys(self, kid: str | None, algorithm: str) -> list[VerifyingKey]:
        state = self._find_state()
        fitting = [key for key in state.keys if algorithm in key.algorithms] if state is not None else []
        if kid is None:
            # RFC 7515 leaves `kid` out if the key is clear without it.
            return fitting if len(fitting) == 1 else []
        return [key for key in fitting if key.kid == kid][:MAX_TRIED]

    def _find_state(self) -> IssuerState | None:
        """Return what was fetched, unless that is too old."""
        is_good = self._fetched_at is not None and self._now() - self._fetched_at <= LONGEST_STALE
        return self._state if is_good else None

    def _is_due(self) -> bool:
        if self._state is None or self._fetched_at is None:
            return True
        # The clock may have been set back.
        return not timedelta() <= self._now() - self._fetched_at < self._state.lifetime

    async def _wait_for_fetch(self) -> None:
        self._begin_fetch()
        if self._fetching is not None:
            # A request that goes away does not end the fetch: others wait for it, too.
            await asyncio.shield(self._fetching)

    def _begin_fetch(self) -> None:
        """Begin a fetch, unless one is under way or has begun a moment ago."""
        now = self._now()
        # The clock may have been set back.
        is_recent = self._started_at is not None and timedelta() <= now - self._started_at < FETCH_INTERVAL
        if self.is_fetching or is_recent:
            return
        self._started_at = now
        self._fetching = asyncio.create_task(self._fetch())

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                state = await self._fetch_state(self.url)
        except (UnusableIssuerError, TimeoutError) as error:
            self._has_failed = True
            reason = str(error) or "It does not answer in time."
            log.warning("issuer.unusable", issuer=self.url, reason=reason, has_keys=self._find_state() is not None)
        else:
            if self._has_failed or self._state is None:
                log.info("issuer.usable", issuer=self.url, keys=len(state.keys))
            self._has_failed = False
            self._state, self._fetched_at = state, self._now()

    def _make_unavailable(self) -> Failure:
        message = (
            f"The issuer {self.url} does not publish its keys right now, so its tokens cannot be checked. "
            "Try again in a few seconds. An API key works without it."
        )
        return Failure("unavailable", message, retry_after=int(FETCH_INTERVAL.total_seconds()))
