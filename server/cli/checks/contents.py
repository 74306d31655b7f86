"""Checks of what the record holds: the vectors beside the model in the settings, and the events of the webhook."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.checks.finding import Finding
from server.cli.common import open_record
from server.config import Settings
from server.embedding_providers import LOCAL
from server.store.embedding.models.model_folder import find_model
from server.store.record import vectors
from server.store.record.works import generations, outbox
from server.store.record_copies import list_record_copies, tell_end
from server.store.tables.accounts import workspaces
from server.store.tables.memories import generations as generations_table
from server.wiring.stores import build_endpoint


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of stored vectors, and the number of workspaces that are searched by them."""

    model: str
    dims: int
    workspaces: int


async def check_vectors(settings: Settings) -> Finding:
    """Compare the model in the settings with the models and the lengths of the stored vectors."""
    async with open_record(settings) as db, db.read() as connection:
        kinds = await _list_kinds(connection)
        newest = await generations.find_newest_generation(connection)
        coverage = await vectors.count_vectors(connection, newest)
        name = await generations.find_newest_model(connection)
        dims = await generations.find_dims(connection, newest)
    if name is None or not coverage.filled + coverage.missing:
        return Finding("vectors", is_ok=True, detail="none are stored yet")
    wanted = _find_wanted_model(settings)
    stored = (
        f"{coverage.filled} of {coverage.filled + coverage.missing} memories have vectors of {name}, {dims} dimensions"
    )
    is_other = wanted is not None and (wanted[0] != name or wanted[1] not in {0, dims})
    old = [each for each in kinds if (each.model, each.dims) != (name, dims)]
    if is_other or old:
        others = "; ".join(f"{each.workspaces} workspaces are searched by {each.model}, {each.dims}" for each in old)
        change = f"LOCI_EMBEDDING_MODEL is {wanted[0]} now" if is_other and wanted is not None else ""
        cure = (
            "Nothing is lost: while the server runs, everything is embedded anew, and the old vectors stay until then. "
            "`loci backfill` shows the progress."
        )
        detail = "; ".join(filter(None, (stored, others, change)))
        return Finding("vectors", is_ok=False, is_warning=True, detail=detail, cure=cure)
    if coverage.missing:
        cure = "They get theirs while the server runs and the model is there; `loci backfill` shows it."
        return Finding("vectors", is_ok=False, is_warning=True, detail=stored, cure=cure)
    return Finding("vectors", is_ok=True, detail=stored)


async def check_webhook(settings: Settings) -> Finding:
    """Look for events that could not be delivered."""
    async with open_record(settings) as db, db.read() as connection:
        counts = await outbox.count_events(connection)
    if not settings.webhook_url:
        return Finding("webhook", is_ok=True, detail="none is set")
    detail = f"{settings.webhook_url}: {counts['delivered']} events delivered, {counts['waiting']} wait"
    if counts["failed"]:
        cure = "`loci webhook list --state failed` shows why; `webhook retry --failed` sends them again."
        return Finding("webhook", is_ok=False, detail=f"{detail}, {counts['failed']} were given up", cure=cure)
    return Finding("webhook", is_ok=True, detail=detail)


async def check_copies(settings: Settings) -> Finding:
    """Look for copies of the record: they hold what was erased since."""
    async with open_record(settings) as db:
        copies = await list_record_copies(db)
    detail = " ".join(map(tell_end, copies)) or "none"
    cure = "They hold what was erased since. Delete the file when you do not need the earlier record any more."
    is_ok = all(each.ends_at is not None for each in copies)
    return Finding("copies of the record", is_ok=is_ok, is_warning=True, detail=detail, cure=cure)


async def _list_kinds(connection: AsyncConnection) -> list[_Kind]:
    query = (
        sa.select(generations_table.c.model, generations_table.c.dims, sa.func.count())
        .join(workspaces, workspaces.c.generation == generations_table.c.id)
        .where(workspaces.c.deleted_at.is_(None))
        .group_by(generations_table.c.id, generations_table.c.model, generations_table.c.dims)
    )
    return [_Kind(*row) for row in await connection.execute(query)]


def _find_wanted_model(settings: Settings) -> tuple[str, int] | None:
    """Return the name of the model in the settings and its vector length, 0 if unknown; None if there is none."""
    endpoint = build_endpoint(settings)
    if endpoint is not None:
        return endpoint.model, endpoint.dims
    if settings.chosen_provider != LOCAL or settings.embedding_model == "none":
        return None
    model = find_model(settings.models, settings.embedding_model)
    return None if model is None else (model.name, model.dims)
