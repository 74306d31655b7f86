"""The works that keep the record and the search store complete, current and clean."""

import asyncio
from time import monotonic

import structlog

from server.background.work import Outcome
from server.progress import Progress, ignore_progress
from server.store.audit import chain
from server.store.entities.reading import catch_up
from server.store.lifecycle.due import erase_due_memories
from server.store.projection.upkeep.backfill import FOLLOW_SECONDS, BackfillFailed, fill_gaps, follow_backfill
from server.store.projection.upkeep.moving import move_collections
from server.store.projection.upkeep.reindex import reindex
from server.store.projection.upkeep.removal import rebuild_erased_collections
from server.store.record import connection_sessions, rate_buckets
from server.store.record.capture.erasing import delete_old_reports
from server.store.record.entities import mentions
from server.store.record.notes import skip_list
from server.store.record.oauth.garbage import collect_garbage
from server.store.record.people import api_keys
from server.store.record.works import outbox
from server.store.record_copies import remove_old_copies
from server.store.search.seam import EngineDown
from server.store.webhooks.delivery import KEPT
from tools.core.services import Services

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The seconds that a vacuum takes at most without a pause after it. A longer one is followed by a pause of this many
#: times its length, up to so many seconds.
QUICK_VACUUM, VACUUM_PAUSE, LONGEST_VACUUM_PAUSE = 1.0, 9, 58.0

#: The events that are deleted in one transaction.
PAGE = 1_000


async def write_counts(services: Services, _argument: str | None = None, _progress: Progress = ignore_progress) -> None:
    """Write to SQL what is kept in memory: accesses, last uses of keys, spent rate limits, usage, the audit."""
    await services.accesses.drain()
    used = services.authenticator.take_last_uses()
    if used:
        async with services.db.write() as connection:
            await api_keys.mark_used(connection, used)
    await services.rate_limit.settle(services.db)
    await services.meter.settle()
    await services.audit.settle()


async def fill_vectors(services: Services, _argument: str | None = None, _progress: Progress = ignore_progress) -> None:
    """Embed the memories that have no vectors of the current model. Return at once if others are doing that."""
    await fill_gaps(services.db, services.encoder, services.projection, services.now, services.backfill_pace)


async def backfill_vectors(services: Services, _argument: str | None, progress: Progress) -> None:
    """Look for memories without vectors anew, and return when they have them.

    Raises:
        BackfillFailed: there is no model, it has stopped answering, or the search store is down.
    """
    following = asyncio.create_task(follow_backfill(services.encoder, progress))
    try:
        while not following.done():
            await fill_vectors(services)
            await asyncio.wait({following}, timeout=FOLLOW_SECONDS)
        await following
    except EngineDown as error:
        raise BackfillFailed(str(error)) from None
    finally:
        following.cancel()


async def flush_projection(services: Services, _argument: str | None, _progress: Progress) -> None:
    """Have the search store write its files to the disk."""
    await services.projection.flush()


async def rebuild_projection(services: Services, argument: str | None, progress: Progress) -> Outcome:
    """Build the collection of the workspace with this id anew, or all collections. Raises ReindexFailed."""
    return Outcome(workspaces=await reindex(services.db, services.projection, argument, progress))


async def move_projection(services: Services, _argument: str | None, progress: Progress) -> Outcome:
    """Move all collections to the search store and the layout of the settings, and compare them with the record.

    Raises:
        MoveFailed: the search store is down, or a collection differs from the record.
    """
    move = await move_collections(services.db, services.projection, progress)
    return Outcome(workspaces=move.workspaces, report={"repaired": move.repaired})


async def read_entities(
    services: Services, _argument: str | None = None, _progress: Progress = ignore_progress
) -> None:
    """Read the memories that changed for the entities that they name, in all workspaces."""
    async with services.db.read() as connection:
        behind = await mentions.list_behind(connection)
    for workspace_id in behind:
        await catch_up(services.db, services.known_names, workspace_id, services.now)


async def remove_leftovers(
    services: Services, _argument: str | None = None, _progress: Progress = ignore_progress
) -> None:
    """Remove the texts of deleted and replaced rows from SQLite's log.

    While somebody reads from the log, for example a backup, that fails: it is logged, and the loop tries it again.
    """
    if not await services.db.remove_leftovers():
        log.warning("record.log_held", file=services.db.log_name)


async def vacuum_projection(
    services: Services, _argument: str | None = None, _progress: Progress = ignore_progress
) -> None:
    """Remove erased memories from the files of the embedded engine. A Qdrant server does that for its own files."""
    if not services.is_search_embedded:
        return
    began = monotonic()
    await rebuild_erased_collections(services.db, services.projection)
    took = monotonic() - began
    if (
        took > QUICK_VACUUM
    ):  # many texts may be erased one after the other: large collections are not built all the time
        await asyncio.sleep(min(took * VACUUM_PAUSE, LONGEST_VACUUM_PAUSE))


async def clean_up_records(
    services: Services, _argument: str | None = None, _progress: Progress = ignore_progress
) -> None:
    """Erase the memories deleted long ago, delete what has expired, and have missing vectors looked for again."""
    now = services.now()
    for name in await remove_old_copies(services.db, now):
        log.info("record.copy_removed", file=name)
    services.encoder.filling.note_gaps()
    if await erase_due_memories(services.db, services.tombstones, now, services.undo_time):
        services.encoder.source.forget_queries()
        services.vocabularies.forget()
        services.known_names.forget()
    deleted = PAGE
    while deleted == PAGE:
        async with services.db.write() as connection:
            deleted = await delete_old_reports(connection, now - services.event_time, PAGE)
    await delete_old_audit(services)
    async with services.db.write() as connection:
        await collect_garbage(connection, now)
        await outbox.delete_old_events(connection, now - KEPT)
        await skip_list.purge_expired(connection, now)
        await rate_buckets.delete_idle_buckets(connection, now)
        await connection_sessions.delete_old_sessions(connection, now)


async def delete_old_audit(services: Services) -> None:
    """Delete the entries of the audit that were kept for long enough."""
    if services.audit_time is None:
        return
    before = services.now() - services.audit_time
    async with services.db.read() as connection:
        accounts = await chain.list_chains(connection)
    for account_id in accounts:
        deleted = chain.STEP
        while deleted == chain.STEP:
            async with services.db.write() as connection:
                deleted = await chain.delete_old_entries(connection, account_id, before)
