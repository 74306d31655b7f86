"""The composition root of everything below the doors: settings → collaborators."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from argon2 import PasswordHasher

from auth.accounts.passwords import Passwords
from auth.server import AuthorizationServer
from server.clock import Clock, utc_now
from server.config import Settings
from server.observer import NOBODY, Observer
from server.store.db import Database
from server.store.directory import Directory
from server.store.epoch import Epoch
from server.store.migrate import migrate
from server.store.projection.accesses import Accesses
from server.store.projection.upkeep.backfill import Pace
from server.store.projection.upkeep.gap_counts import GapCounts
from server.store.projection.vocabulary import Vocabularies
from server.store.record.people.plans import Plans
from server.wiring.audit import open_audit
from server.wiring.auth import open_auth
from server.wiring.erasure import build_tombstones
from server.wiring.exports import build_export_key
from server.wiring.metering import open_meter
from server.wiring.stores import build_reranker, open_encoder, open_llm, open_projection
from server.wiring.webhooks import build_outbox, open_webhook
from tools.core.conversations import Conversations
from tools.core.limits.rate_limit import RateLimit
from tools.core.services import Services


@asynccontextmanager
async def open_services(
    settings: Settings, now: Clock = utc_now, hasher: PasswordHasher | None = None, observer: Observer = NOBODY
) -> AsyncGenerator[tuple[Services, AuthorizationServer]]:
    """Open every collaborator, and close them when the block ends. No model is loaded, and no background work runs.

    Raises:
        AlreadyOwned: another process has the data folder's embedded engine.
        SchemaTooNew: the record was written by a newer version.
    """
    async with AsyncExitStack() as stack:
        db = Database(settings.sqlalchemy_url)
        stack.push_async_callback(db.close)
        await migrate(db)
        if observer.watches_statements:
            db.watch_statements(observer.note_statement)
        epoch = Epoch(db, now)
        projection = await stack.enter_async_context(open_projection(settings, db, observer))
        outbox = build_outbox(settings, now)
        audit = await stack.enter_async_context(open_audit(settings, db, now, outbox))
        opening = open_auth(settings, db, epoch, now, Passwords(hasher or PasswordHasher()), outbox, audit)
        authenticator, auth = await stack.enter_async_context(opening)
        plans = Plans(settings.plans, settings.default_plan, outbox)
        llm = await stack.enter_async_context(open_llm(settings))
        encoder = await stack.enter_async_context(open_encoder(settings, db, now, observer))
        stack.push_async_callback((reranker := build_reranker(settings)).close)
        services = Services(
            now=now,
            db=db,
            projection=projection,
            vocabularies=Vocabularies(db),
            encoder=encoder,
            gap_counts=GapCounts(db, encoder, now),
            reranker=reranker,
            directory=Directory(db, now, epoch, plans),
            plans=plans,
            accesses=Accesses(db, projection, now),
            tombstones=build_tombstones(settings),
            export_key=build_export_key(settings),
            audit=audit,
            authenticator=authenticator,
            rate_limit=RateLimit(settings.rate_limit, now, shared=bool(settings.qdrant_url)),
            meter=await stack.enter_async_context(open_meter(settings, db, plans, now)),
            conversations=Conversations(),
            outbox=outbox,
            webhook=await stack.enter_async_context(open_webhook(settings, now)),
            llm=llm,
            llm_daily_tokens=settings.llm_daily_tokens,
            observer=observer,
            public_url=settings.public_url,
            consolidation=settings.consolidation,
            signup=settings.signup,
            login=settings.login,
            undo_time=timedelta(days=settings.undo_days),
            audit_time=timedelta(days=settings.audit_days) if settings.audit_days else None,
            event_time=timedelta(days=settings.event_days),
            backfill_pace=Pace(settings.backfill_per_second),
            is_search_embedded=not settings.qdrant_url,
        )
        yield services, auth
