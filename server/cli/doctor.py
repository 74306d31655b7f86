"""`doctor`: checks the installation, and says what to do about each problem."""

import asyncio
import shlex
import shutil
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from auth.tokens.sealing import load_secret_key
from server.checks.connection.login import CALLBACK
from server.checks.connection.replay import is_consent_next, open_visitor, replay_discovery
from server.checks.finding import Finding
from server.cli.checks.addresses import check_issuers, check_metrics, check_public_url, check_traces
from server.cli.checks.contents import check_copies, check_vectors, check_webhook
from server.cli.checks.surroundings import check_clock, check_foreign_variables, check_port
from server.cli.common import (
    CURE_OF_DAMAGE,
    AsJson,
    begin_command,
    check_database_url,
    check_qdrant_url,
    explain_store_error,
    find_store_outage,
    list_exposed_paths,
    open_record,
    print_json,
    print_line,
    stderr,
)
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.logs import configure_logs
from server.store.embedding.models.model_folder import find_model
from server.store.embedding.source import EmbeddingFailed, EmbeddingSource
from server.store.migrate import MigrationFailed, SchemaTooNew, list_missing_parts
from server.store.migrations import HEAD
from server.store.search.folder_ownership import AlreadyOwned, FolderOwnership
from server.store.search.seam import EngineDown
from server.wiring.stores import build_endpoint, build_engine, build_remote_source

LOW_DISK = 1 << 30


Check = Callable[[Settings], Awaitable[Finding]]
#: The checks that read the record. If it cannot be read, its own finding says so once.
_IN_RECORD = frozenset({"clock", "copies of the record", "vectors", "webhook"})


def run_doctor(
    *,
    connection: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Check instead how a client connects to the server of this URL, hop by hop, up to the consent page.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check settings, stores, models and public URL. The exit code is 1 if something is wrong."""
    settings = begin_command()
    configure_logs(settings.log_format, find_store_outage)  # standard output is for the findings
    findings = asyncio.run(_examine_connection(connection, settings) if connection else _examine(settings))
    if as_json:
        shown = ("subject", "state", "detail", "cure")
        print_json([{name: getattr(each, name) for name in shown} for each in findings])
    else:
        for finding in findings:
            _print_finding(finding)
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(1)


async def _examine(settings: Settings) -> list[Finding]:
    checks: dict[str, Check] = {
        "other variables": check_foreign_variables,
        "data folder": _check_folder,
        "secret key": _check_secret_key,
        "record": _check_record,
        "copies of the record": check_copies,
        "clock": check_clock,
        "search store": _check_search,
        "embedding model": _check_model,
        "vectors": check_vectors,
        "cross-encoder": _check_reranker,
        "metrics": check_metrics,
        "traces": check_traces,
        "webhook": check_webhook,
        "port": check_port,
        "public URL": check_public_url,
    }
    if settings.auth_issuer or settings.enterprise_issuer or settings.login_oidc_issuer:
        checks["issuers"] = check_issuers
    findings = {"settings": Finding("settings", is_ok=True, detail="each one is known and valid")}
    for subject, check in checks.items():
        if subject not in _IN_RECORD or findings["record"].is_ok:
            findings[subject] = await _run_check(subject, check, settings)
    return list(findings.values())


async def _examine_connection(url: str, settings: Settings) -> list[Finding]:
    """Replay what a client of the server of a URL does, up to the consent page."""
    async with open_visitor(url, settings.ca_file) as visitor:
        findings = await replay_discovery(visitor)
        if is_consent_next(findings):
            detail = f"a person has to go on from here: {visitor.url}{CALLBACK} in a browser takes the last hops"
            findings.append(Finding("consent", is_ok=True, detail=detail))
    return findings


def _print_finding(finding: Finding) -> None:
    mark = {"ok": "[green]ok  [/green]", "warn": "[yellow]warn[/yellow]", "fail": "[red]FAIL[/red]"}[finding.state]
    line = f"{mark} [bold]{finding.subject}[/bold]: {escape(finding.detail)}"
    stderr.print(line, highlight=False, soft_wrap=True)
    if finding.cure and finding.state != "ok":
        print_line(f"     {finding.cure}")


async def _run_check(subject: str, check: Check, settings: Settings) -> Finding:
    """Return the finding of a check. A check that fails with an error is a finding, too."""
    try:
        return await check(settings)
    except Failure as error:
        return Finding(subject, is_ok=False, detail=str(error))
    except (DBAPIError, OSError) as error:
        return Finding(subject, is_ok=False, detail=explain_store_error(error, settings))
    except Exception as error:  # noqa: BLE001 - the other checks still help; the text of the error may hold a secret
        kind = type(error).__name__
        return Finding(subject, is_ok=False, detail=f"cannot be checked ({kind})", cure="`serve` may say more.")


async def _check_folder(settings: Settings) -> Finding:
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
    if exposed := await asyncio.to_thread(list_exposed_paths, settings):
        return Finding(
            "data folder",
            is_ok=False,
            detail=f"other users of this machine may use {len(exposed)} of its folders and files, like {exposed[0]}",
            cure=f"Start the server, which changes that, or run: chmod -R go= {shlex.quote(str(folder))}",
        )
    detail = f"{folder}, {free / 1e9:.1f} GB free, closed to other users"
    return Finding("data folder", is_ok=free > LOW_DISK, detail=detail, cure="Make room: less than 1 GB is free.")


async def _check_secret_key(settings: Settings) -> Finding:
    path = settings.data_dir / "secret.key"
    given = settings.secret_key.get_secret_value()
    if not given and not path.exists():
        return Finding("secret key", is_ok=True, detail="the first start makes it")
    load_secret_key(given, path)
    return Finding("secret key", is_ok=True, detail="LOCI_SECRET_KEY has it" if given else f"{path} has it")


async def _check_record(settings: Settings) -> Finding:
    check_database_url(settings)
    kind = "SQLite" if settings.sqlalchemy_url.startswith("sqlite") else "Postgres"
    try:
        async with open_record(settings) as db:
            await db.check_write()
            damages = await db.find_damage()
            missing = [] if damages else await list_missing_parts(db)
    except MigrationFailed as error:
        return Finding("record", is_ok=False, detail=str(error), cure=CURE_OF_DAMAGE)
    except SchemaTooNew as error:
        return Finding(
            "record", is_ok=False, detail=str(error), cure="Run the newer version, or restore a copy from before it."
        )
    if damages:
        return Finding("record", is_ok=False, detail=f"damaged: {'; '.join(damages)}", cure=CURE_OF_DAMAGE)
    if missing:
        detail = f"lacks what a record of schema {HEAD} has: {', '.join(missing)}"
        return Finding("record", is_ok=False, detail=detail, cure=CURE_OF_DAMAGE)
    return Finding("record", is_ok=True, detail=f"{kind} answers, can be written and is whole; schema {HEAD}")


async def _check_search(settings: Settings) -> Finding:
    if not settings.qdrant_url:
        try:
            with FolderOwnership.acquire(settings.data_dir):
                return Finding("search store", is_ok=True, detail="embedded; no server runs on it now")
        except AlreadyOwned as error:
            return Finding("search store", is_ok=True, detail=f"embedded; process {error.pid} serves it")
    check_qdrant_url(settings)
    engine = build_engine(settings)
    try:
        await engine.ping()
    except EngineDown as error:
        return Finding(
            "search store", is_ok=False, detail=str(error), cure="Check LOCI_QDRANT_URL and LOCI_QDRANT_API_KEY."
        )
    finally:
        await engine.close()
    return Finding("search store", is_ok=True, detail="the Qdrant server answers")


async def _check_model(settings: Settings) -> Finding:
    source = build_remote_source(settings, utc_now)
    if source is not None:
        return await _check_provider(settings, source)
    if settings.embedding_model == "none":
        return Finding("embedding model", is_ok=True, detail="none is set; recall ranks by keyword")
    model = find_model(settings.models, settings.embedding_model)
    if model is None:
        cure = "Run `loci model pull`. Until then recall ranks by keyword."
        return Finding("embedding model", is_ok=False, detail=f"{settings.embedding_model}: not pulled yet", cure=cure)
    return Finding("embedding model", is_ok=True, detail=f"{model.name}, {model.dims} dimensions")


async def _check_provider(settings: Settings, source: EmbeddingSource) -> Finding:
    endpoint = build_endpoint(settings)
    place = settings.chosen_provider if endpoint is None else endpoint.url
    source.start()
    try:
        await source.wait_ready()
        model = source.model
    except EmbeddingFailed as error:
        cure = f"Check the settings LOCI_EMBEDDING_… ({place}). Until it answers recall ranks by keyword."
        return Finding("embedding model", is_ok=False, detail=str(error), cure=cure)
    finally:
        await source.close()
    detail = place if model is None else f"{model.name} at {place}, {model.dims} dimensions"
    return Finding("embedding model", is_ok=True, detail=detail)


async def _check_reranker(settings: Settings) -> Finding:
    if not settings.rerank_model:
        return Finding("cross-encoder", is_ok=True, detail="none is set")
    model = find_model(settings.models, settings.rerank_model)
    if model is None:
        cure = "Run `loci model pull`. Until then recall does without it."
        return Finding("cross-encoder", is_ok=False, detail=f"{settings.rerank_model}: not pulled yet", cure=cure)
    return Finding("cross-encoder", is_ok=True, detail=model.name)
