"""The audit of this process: entries wait in memory, and are written together.

An entry is written within a second. A caller may wait until it is on the disk: it shares one transaction with all that
wait at that moment. If the record cannot be written, entries stay in memory and nobody is refused because of them.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Literal

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.clock import Clock
from server.store.audit.chain import append_entries
from server.store.audit.entry import Entry, describe_entry
from server.store.audit.syslog import Syslog
from server.store.db import Database
from server.store.record.works.outbox import Outbox

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

Scope = Literal["all", "changes", "off"]

#: The most entries that wait. More would fill the memory while the record is down; the oldest are given up.
MOST_WAITING = 20_000
#: How many entries may wait before they are written at once.
SOON = 500
#: The most entries in one event of the webhook.
IN_EVENT = 50


class AuditLog:
    """Takes the entries of this process.

    Args:
        db: the record.
        now: the clock.
        scope: which calls are noted: all, those that change something, or none.
        outbox: gets the entries as events, in the transaction that writes them; None: nobody wants them.
        syslog: gets the entries when they are written; None: nobody wants them.
    """

    def __init__(
        self, db: Database, now: Clock, scope: Scope, outbox: Outbox | None = None, syslog: Syslog | None = None
    ) -> None:
        self._db = db
        self.now = now
        self._scope = scope
        self._outbox = outbox
        self._syslog = syslog
        self._waiting: deque[Entry] = deque()
        self._writing: set[asyncio.Task[None]] = set()
        self._has_failed = False
        #: The number of entries that were written, and of those that were given up.
        self.written = 0
        self.lost = 0

    @property
    def waiting_count(self) -> int:
        """The number of entries that are not written yet."""
        return len(self._waiting)

    def wants(self, *, is_read: bool) -> bool:
        """Whether a call that reads, or one that changes something, is noted."""
        return self._scope == "all" or (self._scope == "changes" and not is_read)

    def note(self, entry: Entry) -> None:
        """Note a call. It is written within a second."""
        self._waiting.append(entry)
        if len(self._waiting) >= SOON and not self._has_failed:
            self._start_writing()
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self.lost += 1

    async def write(self, entry: Entry) -> None:
        """Note a call, and return when it is on the disk, or when it could not be written and waits."""
        self.note(entry)
        await self.settle()

    async def settle(self) -> None:
        """Write the entries that wait, and wait for those that are being written.

        A caller that is cancelled takes none of them with it.
        """
        if self._waiting:
            self._start_writing()
        if self._writing:
            await asyncio.wait(set(self._writing))

    def _start_writing(self) -> None:
        batch = list(self._waiting)
        self._waiting.clear()
        task = asyncio.ensure_future(self._write_batch(batch))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def finish(self) -> None:
        """Write what waits, and wait for what is being written. For the end of the process."""
        await self.settle()
        while self._writing:
            await asyncio.wait(self._writing)

    async def _write_batch(self, batch: list[Entry]) -> None:
        try:
            await self._db.write_together(self._write_all, batch)
        except BaseException as error:
            self._waiting.extendleft(reversed(batch))
            if not isinstance(error, Exception):
                raise
            if not self._has_failed:
                log.warning("audit.not_written", waiting=len(self._waiting), error=type(error).__name__)
            self._has_failed = True
            return
        if self._has_failed:
            log.info("audit.written_again", lost=self.lost)
        self._has_failed = False
        self.written += len(batch)
        if self._syslog is not None:
            self._syslog.send(batch)

    async def _write_all(self, connection: AsyncConnection, batches: Sequence[list[Entry]]) -> list[None]:
        entries = [each for batch in batches for each in batch]
        await append_entries(connection, entries)
        if self._outbox is not None:
            for start in range(0, len(entries), IN_EVENT):
                told = [describe_entry(each) for each in entries[start : start + IN_EVENT]]
                await self._outbox.put(connection, "audit.entries", {"entries": told})
        return [None] * len(batches)
