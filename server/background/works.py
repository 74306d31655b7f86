"""The table of background work. The loop, the ticks and the command line read it; a new work is one row here."""

from datetime import timedelta

from server.background.golden import check_golden_cases
from server.background.nights import consolidate_all, consolidate_nightly, decay_all
from server.background.observing import do_jobs
from server.background.undoing import undo_consolidation
from server.background.upkeep import (
    backfill_vectors,
    clean_up_records,
    fill_vectors,
    flush_projection,
    move_projection,
    read_entities,
    rebuild_projection,
    remove_leftovers,
    vacuum_projection,
    write_counts,
)
from server.background.webhooks import deliver_webhooks, report_usage
from server.background.work import Queue, Work

WORKS = {
    work.name: work
    for work in (
        Work(name="counts", handler=write_counts, interval=timedelta(seconds=1)),
        Work(name="vectors", handler=fill_vectors, interval=timedelta(seconds=1)),
        Work(name="jobs", handler=do_jobs, interval=timedelta(seconds=1)),
        Work(name="flush", handler=flush_projection, interval=timedelta(seconds=5)),
        Work(name="entities", handler=read_entities, interval=timedelta(seconds=5)),
        Work(name="leftovers", handler=remove_leftovers, interval=timedelta(seconds=2)),
        Work(name="vacuum", handler=vacuum_projection, interval=timedelta(seconds=2)),
        Work(name="webhooks", handler=deliver_webhooks, interval=timedelta(seconds=2)),
        Work(name="housekeeping", handler=clean_up_records, interval=timedelta(hours=1)),
        Work(
            name="decay",
            handler=decay_all,
            interval=timedelta(hours=6),
            after_midnight=timedelta(0),
            queue="short",
            help="lower the relevance of memories that nobody uses",
        ),
        Work(
            name="nightly",
            handler=consolidate_nightly,
            interval=timedelta(days=1),
            after_midnight=timedelta(hours=3),
        ),
        Work(name="usage", handler=report_usage, interval=timedelta(days=1), after_midnight=timedelta(minutes=10)),
        Work(
            name="consolidate",
            handler=consolidate_all,
            queue="short",
            help="merge the memories that belong together",
        ),
        Work(name="undo", handler=undo_consolidation, queue="short"),
        Work(name="move", handler=move_projection, queue="short"),
        Work(name="reindex", handler=rebuild_projection, queue="short"),
        Work(name="golden", handler=check_golden_cases, queue="short", needs_models=True),
        Work(name="backfill", handler=backfill_vectors, queue="model", needs_models=True),
    )
}


class UnknownWork(LookupError):  # noqa: N818 - it says what happened to the caller who asked for it
    """There is no background work of this name. The message lists the names."""


def find_work(name: str) -> Work:
    """Return the work of this name. Raises UnknownWork."""
    if name not in WORKS:
        raise UnknownWork(f"There is no background work {name!r}, only {', '.join(WORKS)}.")
    return WORKS[name]


def list_works(queue: Queue) -> list[str]:
    """Return the names of the works whose filed runs wait in this queue."""
    return [work.name for work in WORKS.values() if work.queue == queue]
