"""The metrics that are read from the collaborators when Prometheus asks.

If a store is down, the figures that come from it are left out, and its `up` is 0. The page answers within seconds.
"""

import asyncio
import platform
from collections.abc import Awaitable, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from sqlalchemy.exc import SQLAlchemyError

from auth.server import AuthorizationServer
from server import __version__
from server.background.works import WORKS
from server.store.projection.upkeep.lag import measure_lag
from server.store.record.works import runs, ticks
from server.store.search.seam import EngineDown
from server.telemetry.metric_table import METRICS
from tools.core.services import Services

#: How many seconds a store may take over its answer.
PATIENCE = 2.0
DATABASE_ERRORS = ("down", "full", "damaged", "other")
REFUSALS = ("wrong_password", "too_many_tries", "upstream")

#: The value of each series of a metric, by the values of its labels.
Series = Mapping[tuple[str, ...], float]
Figures = dict[str, Series]


async def read_families(services: Services, auth: AuthorizationServer) -> list[Family]:
    """Return the metrics as they are now."""
    figures = _read_counts(services, auth)
    figures |= await _read_in_time(_read_engine(services)) or {"loci_engine_up": {(): 0}}
    figures |= await _read_in_time(_read_record(services)) or {"loci_record_up": {(): 0}}
    return [_make_family(name, series) for name, series in figures.items()]


async def _read_in_time(reading: Awaitable[Figures]) -> Figures | None:
    """Return the figures of a store; None if it is down or too slow."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await reading
    except (TimeoutError, EngineDown, SQLAlchemyError, OSError):
        return None


async def _read_engine(services: Services) -> Figures:
    """Return the figures that the search engine gives."""
    await services.projection.ping()
    return {"loci_engine_up": {(): 1}}


async def _read_record(services: Services) -> Figures:
    """Return the figures that are read from the record."""
    lag = await measure_lag(services.db, services.projection.list_projected())
    async with services.db.read() as connection:
        now = services.now()
        counts = await runs.count_runs(connection)
        due = {work.name: work.find_last_due(now) for work in WORKS.values() if work.after_midnight is not None}
        found = {name: await ticks.read_figures(connection, name, at, now) for name, at in due.items()}
    ends = {name: each.last_success for name, each in found.items()}
    return {
        "loci_record_up": {(): 1},
        "loci_projection_lag_revisions": {(): lag.revisions},
        "loci_projection_workspaces_behind": {(): lag.workspaces},
        "loci_runs": {(state,): count for state, count in counts.items()},
        "loci_tick_due": {(name,): each.is_due for name, each in found.items()},
        "loci_tick_running": {(name,): each.is_running for name, each in found.items()},
        "loci_tick_failed_workspaces": {(name,): each.failed_workspaces for name, each in found.items()},
        "loci_tick_last_success_timestamp_seconds": {
            (name,): end.timestamp() for name, end in ends.items() if end is not None
        },
    }


def _read_counts(services: Services, auth: AuthorizationServer) -> Figures:
    """Return the figures that this process has in memory."""
    db, encoder = services.db, services.encoder
    pool, source = db.read_pool_figures(), encoder.source.read_figures()
    search = "embedded" if services.is_search_embedded else "server"
    build = (__version__, platform.python_version(), "sqlite" if db.is_sqlite else "postgres", search)
    open_collections = [each for each in services.projection.list_projected().values() if each is not None]
    principals = services.authenticator
    return {
        "loci_build_info": {build: 1},
        "loci_record_connections": {(): pool.in_use},
        "loci_record_connections_limit": {(): pool.limit},
        "loci_record_errors_total": {(kind,): db.errors[kind] for kind in DATABASE_ERRORS},
        "loci_engine_collections_open": {(): len(open_collections)},
        "loci_embedding_ready": {(): encoder.is_ready},
        "loci_embedding_queue": {(): source.waiting},
        "loci_access_queue": {(): services.accesses.size},
        "loci_logins_refused_total": {(reason,): auth.refused_logins[reason] for reason in REFUSALS},
        "loci_rate_limited_requests_total": {(): services.rate_limit.refused},
        "loci_cache_hits_total": {("questions",): source.hits, ("principals",): principals.cache_hits},
        "loci_cache_misses_total": {("questions",): source.misses, ("principals",): principals.cache_misses},
    }


def _make_family(name: str, series: Series) -> Family:
    metric = METRICS[name]
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(name, metric.meaning, labels=metric.labels)
    for labels, value in series.items():
        family.add_metric(labels, float(value))
    return family
