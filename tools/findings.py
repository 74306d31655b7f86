"""What `loci doctor` finds, and more, from inside the running server: each finding in words, with what to do."""

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from server.checks.finding import Finding
from server.store.record.capture import jobs
from server.store.record.works import outbox, runs
from server.store.search.seam import EngineDown
from tools.core.arguments import NoArgs
from tools.core.call import AccountCall
from tools.core.operation import Effect, Operation
from tools.core.server_admin import check_server_admin
from tools.core.services import Services

_REFUSAL = "What the server finds about itself is for its administrators, with a key that is not bound to a workspace."
_DOCTOR = "Run `loci doctor` on the server: it says more, also about settings, disk space and the public URL."


class FindingView(BaseModel):
    """The result of one check."""

    subject: str = Field(description="What was looked at.")
    state: Literal["ok", "warn", "fail"] = Field(description="warn: not as it should be, and the server works.")
    detail: str = Field(description="What was found, in a sentence.")
    cure: str | None = Field(default=None, description="What to do about it; null if it is ok.")


class FindingList(BaseModel):
    """What the server finds about itself."""

    findings: list[FindingView] = Field(description="One for each thing that was looked at, the record first.")


async def list_findings(services: Services, call: AccountCall, args: NoArgs) -> FindingList:  # noqa: ARG001 - a handler's signature
    """Return the findings. Raises `forbidden` if the caller does not administer the server."""
    async with services.db.read() as connection:
        await check_server_admin(connection, call.principal, _REFUSAL)
    found = [await check(services) for check in _CHECKS]
    return FindingList(
        findings=[
            FindingView(subject=each.subject, state=each.state, detail=each.detail, cure=each.cure or None)
            for each in found
        ]
    )


def _good(subject: str, detail: str) -> Finding:
    return Finding(subject, is_ok=True, detail=detail)


def _bad(subject: str, detail: str, cure: str, *, is_warning: bool = False) -> Finding:
    return Finding(subject, is_ok=False, detail=detail, cure=cure, is_warning=is_warning)


async def _check_record(services: Services) -> Finding:
    try:
        await services.db.check_write()
    except (SQLAlchemyError, OSError) as error:
        detail = f"it cannot be written: {type(error).__name__}"
        return _bad("record", detail, f"Nothing is stored until it can be. {_DOCTOR}")
    kind = "SQLite" if services.db.is_sqlite else "Postgres"
    return _good("record", f"{kind} answers and can be written")


async def _check_search(services: Services) -> Finding:
    try:
        await services.projection.ping()
    except EngineDown:
        cure = "Recall searches by words in the record meanwhile. Check that Qdrant runs, and LOCI_QDRANT_URL."
        return _bad("search store", "it does not answer", cure)
    return _good("search store", "the embedded engine works" if services.is_search_embedded else "Qdrant answers")


async def _check_model(services: Services) -> Finding:
    source = services.encoder.source
    name = "none" if source.model is None else source.model.name
    match source.state:
        case "ready":
            return _good("embedding model", f"{name} is ready: recall is by words and meaning")
        case "absent":
            cure = "That may be wanted. Else run `loci model pull`, or set LOCI_EMBEDDING_MODEL."
            return _bad("embedding model", "there is none: recall is by words alone", cure, is_warning=True)
        case "loading":
            return _bad("embedding model", f"{name} is loading", "Wait for a minute.", is_warning=True)
        case _:
            detail = f"it does not work: {source.reason or source.state}. Recall is by words alone"
            return _bad("embedding model", detail, f"Check the settings LOCI_EMBEDDING_…. {_DOCTOR}")


async def _check_vectors(services: Services) -> Finding:
    if not services.encoder.generation:
        return _good("vectors", "there is no model that makes them")
    counts = await services.gap_counts.count_vectors(None)
    detail = f"{counts.filled} of {counts.filled + counts.missing} memories are found by meaning"
    if not counts.missing:
        return _good("vectors", detail)
    cure = "The others get theirs while the server runs; `loci backfill` shows the progress."
    return _bad("vectors", detail, cure, is_warning=True)


async def _check_jobs(services: Services) -> Finding:
    async with services.db.read() as connection:
        counts = await jobs.count_jobs(connection)
    detail = f"{counts['queued']} wait, {counts['processing']} are being done, {counts['failed']} failed"
    if counts["failed"]:
        cure = "The page of jobs says why, and does them again."
        return _bad("jobs", detail, cure, is_warning=True)
    return _good("jobs", detail)


async def _check_runs(services: Services) -> Finding:
    async with services.db.read() as connection:
        counts = await runs.count_runs(connection)
    detail = f"{counts['filed']} wait, {counts['running']} are being done, {counts['failed']} failed"
    if counts["failed"]:
        return _bad("background work", detail, "The log says why: look for `run.failed`.", is_warning=True)
    return _good("background work", detail)


async def _check_webhook(services: Services) -> Finding:
    if services.outbox is None:
        return _good("webhook", "none is set")
    async with services.db.read() as connection:
        counts = await outbox.count_events(connection)
    detail = f"{counts['delivered']} events delivered, {counts['waiting']} wait, {counts['failed']} were given up"
    if counts["failed"]:
        cure = "`loci webhook list --state failed` shows why; `loci webhook retry --failed` sends them again."
        return _bad("webhook", detail, cure)
    return _good("webhook", detail)


async def _check_audit(services: Services) -> Finding:
    audit = services.audit
    if audit.lost:
        detail = f"{audit.lost} entries of this process were given up, as the record could not be written"
        return _bad("audit", detail, "The log says `audit.not_written`, and why.")
    if not audit.wants(is_read=False):
        return _bad("audit", "it is off", "Set LOCI_AUDIT to `all`, if you want it.", is_warning=True)
    return _good(
        "audit", "each call is noted" if audit.wants(is_read=True) else "each call that changes something is noted"
    )


async def _check_usage(services: Services) -> Finding:
    meter = services.meter
    if not meter.is_on:
        return _good("usage", "it is not counted: LOCI_METERING is off, and no plan limits a month")
    if not meter.is_complete:
        cure = "Nobody is refused meanwhile, and it is written later. The log says `usage.not_written`, and why."
        return _bad("usage", "the counts cannot be read or written now", cure)
    return _good("usage", "every call is counted")


_CHECKS: tuple[Callable[[Services], Awaitable[Finding]], ...] = (
    _check_record,
    _check_search,
    _check_model,
    _check_vectors,
    _check_jobs,
    _check_runs,
    _check_webhook,
    _check_audit,
    _check_usage,
)


OPERATIONS = (
    Operation(
        name="list_findings",
        description="For administrators: what the server finds about itself, in words, and what to do about it.",
        routes=(("GET", "/v1/admin/findings"),),
        scope="memory:read",
        effect=Effect.READ,
        args=NoArgs,
        returns=FindingList,
        handler=list_findings,
        is_listed=False,
    ),
)
