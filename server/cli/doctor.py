"""`doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import typer
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from server.cli.common import check_database_url, check_qdrant_url, record, stderr, why
from server.clock import utc_now
from server.config import Settings, is_loopback, load
from server.errors import Failure
from server.store.embedding.endpoint import EndpointEmbeddings
from server.store.embedding.model_folder import find_model
from server.store.embedding.source import EmbeddingFailed
from server.store.migrate import SchemaTooNew
from server.store.search.owner import AlreadyOwned, Owner
from server.store.search.seam import EngineDown
from server.wiring import endpoint_of, search_engine

LOW_DISK = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `cure` says what to do about it."""

    what: str
    is_ok: bool
    detail: str
    cure: str = ""


Check = Callable[[Settings], Awaitable[Finding]]


def doctor() -> None:
    """Check settings, stores, model and public URL. Exit code 1 where something is wrong."""
    settings = load()
    checks: dict[str, Check] = {
        "data folder": _folder,
        "record": _record,
        "search store": _search,
        "embedding model": _model,
        "cross-encoder": _reranker,
        "public URL": _public_url,
    }

    async def examine() -> list[Finding]:
        return [Finding("settings", is_ok=True, detail="each one is known and valid")] + [
            await _try(what, check, settings) for what, check in checks.items()
        ]

    findings = asyncio.run(examine())
    for finding in findings:
        mark = "[green]ok  [/green]" if finding.is_ok else "[red]FAIL[/red]"
        told = f"{mark} [bold]{finding.what}[/bold]: {escape(finding.detail)}"
        stderr.print(told, highlight=False, soft_wrap=True)
        if finding.cure and not finding.is_ok:
            stderr.print(f"     {finding.cure}", markup=False, highlight=False, soft_wrap=True)
    if not all(finding.is_ok for finding in findings):
        raise typer.Exit(1)


async def _try(what: str, check: Check, settings: Settings) -> Finding:
    """A check that cannot be made has found something wrong."""
    try:
        return await check(settings)
    except Failure as error:
        return Finding(what, is_ok=False, detail=str(error))
    except (DBAPIError, OSError) as error:
        return Finding(what, is_ok=False, detail=why(error, settings))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other checks still help; its text may be a secret
        kind = type(error).__name__
        return Finding(what, is_ok=False, detail=f"cannot be checked ({kind})", cure="`serve` may tell more.")


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
    check_database_url(settings)
    kind = "SQLite" if settings.sqlalchemy_url.startswith("sqlite") else "Postgres"
    try:
        async with record(settings) as db:
            await db.ping()
    except SchemaTooNew as error:
        return Finding(
            "record", is_ok=False, detail=str(error), cure="Run the newer version, or restore a copy from before it."
        )
    return Finding("record", is_ok=True, detail=f"{kind} answers, and its schema is current")


async def _search(settings: Settings) -> Finding:
    if not settings.qdrant_url:
        try:
            with Owner.of(settings.data_dir):
                return Finding("search store", is_ok=True, detail="embedded; no server runs on it now")
        except AlreadyOwned as error:
            return Finding("search store", is_ok=True, detail=f"embedded; process {error.pid} serves it")
    check_qdrant_url(settings)
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
    if settings.embedding_url:
        return await _endpoint(settings)
    if settings.embedding_model == "none":
        return Finding("embedding model", is_ok=True, detail="none is wanted; recall ranks by keyword")
    model = find_model(settings.data_dir / "models", settings.embedding_model)
    if model is None:
        cure = "Run `python -m server model pull`. Until then recall ranks by keyword."
        return Finding("embedding model", is_ok=False, detail=f"{settings.embedding_model}: not here", cure=cure)
    return Finding("embedding model", is_ok=True, detail=f"{model.name}, {model.dims} dimensions")


async def _endpoint(settings: Settings) -> Finding:
    embeddings = EndpointEmbeddings(endpoint_of(settings), utc_now)
    embeddings.start()
    try:
        await embeddings.wait_ready()
        dims = 0 if embeddings.model is None else embeddings.model.dims
    except EmbeddingFailed as error:
        cure = f"Check LOCI_EMBEDDING_URL ({settings.embedding_url}). Until it answers recall ranks by keyword."
        return Finding("embedding model", is_ok=False, detail=str(error), cure=cure)
    finally:
        await embeddings.close()
    detail = f"{settings.embedding_model} at {settings.embedding_url}, {dims} dimensions"
    return Finding("embedding model", is_ok=True, detail=detail)


async def _reranker(settings: Settings) -> Finding:
    if not settings.rerank_model:
        return Finding("cross-encoder", is_ok=True, detail="none is wanted")
    model = find_model(settings.data_dir / "models", settings.rerank_model)
    if model is None:
        cure = "Run `python -m server model pull`. Until then recall goes without."
        return Finding("cross-encoder", is_ok=False, detail=f"{settings.rerank_model}: not here", cure=cure)
    return Finding("cross-encoder", is_ok=True, detail=model.name)


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
