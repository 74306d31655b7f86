"""`doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import typer
from sqlalchemy.exc import DBAPIError

from server.cli.common import record, stderr, why
from server.config import Settings, is_loopback, load
from server.store.migrate import SchemaTooNew
from server.store.model_folder import find
from server.store.search import EngineDown
from server.store.search.owner import AlreadyOwned, Owner
from server.stores import search_engine

LOW_DISK = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `cure` says what to do about it."""

    what: str
    is_ok: bool
    detail: str
    cure: str = ""


def doctor() -> None:
    """Check settings, stores, model and public URL. Exit code 1 where something is wrong."""
    settings = load()
    checks: tuple[Callable[[Settings], Awaitable[Finding]], ...] = (_folder, _record, _search, _model, _public_url)

    async def examine() -> list[Finding]:
        return [Finding("settings", is_ok=True, detail="each one is known and valid")] + [
            await _try(check, settings) for check in checks
        ]

    findings = asyncio.run(examine())
    for finding in findings:
        mark = "[green]ok  [/green]" if finding.is_ok else "[red]FAIL[/red]"
        stderr.print(f"{mark} [bold]{finding.what}[/bold]: {finding.detail}", highlight=False)
        if not finding.is_ok:
            stderr.print(f"     {finding.cure}", highlight=False)
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(1)


async def _try(check: Callable[[Settings], Awaitable[Finding]], settings: Settings) -> Finding:
    """A check that cannot be made has found something wrong."""
    try:
        return await check(settings)
    except OSError as error:
        return Finding(check.__name__.strip("_").replace("_", " "), is_ok=False, detail=str(error), cure=why(error))


async def _folder(settings: Settings) -> Finding:
    folder = settings.data_dir.absolute()
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(
            "data folder",
            is_ok=False,
            detail=f"{folder}: {error.strerror}",
            cure="Set LOCI_DATA_DIR to a folder you may write to.",
        )
    detail = f"{folder}, {free / 1e9:.1f} GB free"
    return Finding("data folder", is_ok=free > LOW_DISK, detail=detail, cure="Make room: less than 1 GB is free.")


async def _record(settings: Settings) -> Finding:
    kind = "SQLite" if settings.sqlalchemy_url.startswith("sqlite") else "Postgres"
    try:
        async with record(settings) as db:
            await db.ping()
    except SchemaTooNew as error:
        return Finding(
            "record", is_ok=False, detail=str(error), cure="Run the newer version, or restore a copy from before it."
        )
    except (DBAPIError, OSError) as error:
        reason = str(getattr(error, "orig", error))
        return Finding(
            "record",
            is_ok=False,
            detail=f"{kind}: {reason}",
            cure="Check LOCI_DATABASE_URL and that the database runs.",
        )
    return Finding("record", is_ok=True, detail=f"{kind} answers, and its schema is current")


async def _search(settings: Settings) -> Finding:
    if not settings.qdrant_url:
        try:
            with Owner.of(settings.data_dir):
                return Finding("search store", is_ok=True, detail="embedded; no server runs on it now")
        except AlreadyOwned as error:
            return Finding("search store", is_ok=True, detail=f"embedded; process {error.pid} serves it")
    engine = search_engine(settings)
    try:
        await engine.ping()
    except EngineDown as error:
        return Finding(
            "search store", is_ok=False, detail=str(error), cure="Check LOCI_QDRANT_URL and LOCI_QDRANT_API_KEY."
        )
    finally:
        await engine.close()
    return Finding("search store", is_ok=True, detail="the Qdrant server answers")


async def _model(settings: Settings) -> Finding:
    if settings.embedding_model == "none":
        return Finding("embedding model", is_ok=True, detail="none is wanted; recall ranks by keyword")
    model = find(settings.data_dir / "models", settings.embedding_model)
    if model is None:
        cure = "Run `python -m server model pull`. Until then recall ranks by keyword."
        return Finding("embedding model", is_ok=False, detail=f"{settings.embedding_model}: not here", cure=cure)
    return Finding("embedding model", is_ok=True, detail=f"{model.name}, {model.dims} dimensions")


async def _public_url(settings: Settings) -> Finding:
    url = settings.public_url
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(f"{url}/.well-known/oauth-protected-resource/mcp")
        is_us = answer.is_success and answer.json().get("resource") == settings.resource
    except httpx.HTTPError as error:
        hint = (
            "Start it with `make serve`."
            if is_loopback(httpx.URL(url).host)
            else "Start it; check DNS, TLS and the proxy."
        )
        return Finding("public URL", is_ok=False, detail=f"{url} does not answer ({type(error).__name__})", cure=hint)
    except ValueError:
        is_us = False
    cure = "Something else answers there, or LOCI_PUBLIC_URL of the server that runs is another one."
    return Finding("public URL", is_ok=is_us, detail=f"{url} {'answers' if is_us else 'is not this server'}", cure=cure)
