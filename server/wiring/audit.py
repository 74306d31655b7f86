"""The composition root of the audit."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from server.clock import Clock
from server.config import Settings
from server.store.audit.log import AuditLog
from server.store.audit.syslog import Syslog
from server.store.db import Database
from server.store.record.works.outbox import Outbox


@asynccontextmanager
async def open_audit(settings: Settings, db: Database, now: Clock, outbox: Outbox | None) -> AsyncGenerator[AuditLog]:
    """Open the audit that the settings ask for. Entries that wait are written when the block ends."""
    syslog = None if settings.audit_syslog is None else Syslog(*settings.audit_syslog)
    audit = AuditLog(db, now, settings.audit, outbox if settings.audit_webhook else None, syslog)
    try:
        yield audit
    finally:
        await audit.finish()
        if syslog is not None:
            syslog.close()
