"""The background loop: it writes its counts at the end, survives a work that fails, and cleans up."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
import structlog

from server.background.loop import repeat, run_background
from server.background.upkeep import clean_up_records
from server.observer import NOBODY
from server.store.audit.log import AuditLog
from server.store.embedding.encoder import Encoder
from server.store.embedding.local import LocalEmbeddings
from server.store.entities.known_names import KnownNames
from server.store.projection.accesses import Accesses
from server.store.projection.upkeep.backfill import Pace
from server.store.projection.vocabulary import Vocabularies
from server.store.record.people.plans import Plans
from tests.helpers.erasures import TOMBSTONES
from tools.core.limits.metering import Meter
from tools.core.limits.rate_limit import RateLimit

pytestmark = pytest.mark.anyio


class Services(SimpleNamespace):
    """The services that the loop's works use."""


@pytest.fixture
async def services(book, projection, tmp_path, clock):
    encoder = Encoder(book.db, LocalEmbeddings(tmp_path, "none", 1), clock)
    await encoder.start()
    return Services(
        db=book.db,
        projection=projection,
        accesses=Accesses(book.db, projection, clock),
        encoder=encoder,
        vocabularies=Vocabularies(book.db),
        known_names=KnownNames(),
        tombstones=TOMBSTONES,
        authenticator=SimpleNamespace(take_last_uses=dict),
        rate_limit=RateLimit(0, clock),
        audit=AuditLog(book.db, clock, "all"),
        meter=Meter(book.db, Plans({}, ""), clock),
        audit_time=timedelta(days=365),
        undo_time=timedelta(days=30),
        event_time=timedelta(days=30),
        backfill_pace=Pace(),
        is_search_embedded=True,
        now=clock,
        observer=NOBODY,
    )


async def test_what_was_counted_is_written_before_the_loop_ends_even_where_the_server_failed(services, book):
    (memory_id,) = await book.store("a")

    async def serve():
        async with run_background(services):
            services.accesses.note(book.workspace, [memory_id])
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await serve()
    assert (await book.get(memory_id)).access_count == 1


async def test_a_work_that_fails_is_logged_and_stops_no_other():
    ran = asyncio.Event()

    async def fail():
        raise ZeroDivisionError

    async def run():
        ran.set()

    with structlog.testing.capture_logs() as logs:
        tasks = [asyncio.create_task(repeat(step.__name__, timedelta(0), step)) for step in (fail, run)]
        await ran.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert {(entry["event"], entry["work"]) for entry in logs} == {("work.failed", "fail")}


async def test_housekeeping_erases_what_is_due_and_tries_again_where_embedding_failed(services, book, clock):
    (memory_id,) = await book.store("a")
    await book.delete(memory_id)
    services.encoder.filling.begin()
    services.encoder.filling.end()
    clock.move(days=30)
    await clean_up_records(services)
    assert services.encoder.filling.has_gaps
    await book.change(memory_id, deleted_at=None)
    assert (await book.get(memory_id)).content == ""
