"""`golden`: whether recall still brings up what the owners of workspaces have pinned."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import typer
from rich.progress import Progress

from server.cli.common import fail, record, run, stderr
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.logs import configure
from server.store.db import Database
from server.store.record import golden as cases
from server.store.record import runs
from server.store.record.golden import Place
from server.store.record.people import accounts
from server.store.search.owner import AlreadyOwned, Owner

POLL_SECONDS = 0.5


def golden(
    workspace: Annotated[
        str | None, typer.Option(help="Only this workspace: account/name, or with --user its name.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Only the workspaces of this user.")] = None,
) -> None:
    """Try all golden cases, and print those that fail. Exit code 1 where one does.

    Where a server runs on the data folder, it does the work, and this follows its progress.
    """

    async def command(settings: Settings) -> list[dict[str, Any]]:
        async with record(settings) as db:
            places = await _places(db, workspace, user)
            if not places:
                return []
            async with _worker(settings):
                return await _tried(db, places)

    reports = run(command)
    passed, failed = (sum(report[key] for report in reports) for key in ("passed", "failed"))
    for notice in {report["meta"]["notice"] for report in reports} - {None}:
        stderr.print(notice, style="yellow", markup=False, highlight=False, soft_wrap=True)
    for report in reports:
        _print_failing(report["place"], report["cases"])
    if failed:
        fail(f"{failed} of {passed + failed} golden cases failed.")
    stderr.print(f"All {passed} golden cases passed." if passed else "There are no golden cases.")


def _print_failing(place: str, tried: Iterable[dict[str, Any]]) -> None:
    for case in tried:
        if not case["passed"]:
            meant = case["memory_id"] or repr(case["text"])
            wanted = "recalled" if case["expect"] == "recalled" else "not recalled"
            rank = "not found" if case["rank"] is None else f"rank {case['rank']}, score {case['score']:g}"
            print(f"{place}: {case['query']!r}: {meant} should be {wanted} within {case['within']}; {rank}")


async def _places(db: Database, workspace: str | None, user: str | None) -> list[Place]:
    """The workspaces that are meant and have cases. Raises `invalid` for a name without an account, and `not_found`."""
    account, slash, name = (workspace or "").rpartition("/")
    if workspace is not None and not slash and user is None:
        raise Failure("invalid", f"Whose workspace is {workspace!r}? Say account/{workspace}, or --user as well.")
    async with db.read() as connection:
        account_id = None
        if user is not None:
            owner = await accounts.user_named(connection, user)
            if owner is None:
                raise Failure("not_found", f"There is no user named {user!r}.")
            account_id = owner.account_id
            mine = await accounts.member_accounts(connection, owner.id)
        else:
            mine = await accounts.all_accounts(connection)
        if slash:
            if account not in mine:
                raise Failure("not_found", f"There is no account named {account!r} here, or not that user's.")
            account_id = mine[account]
        return await cases.places(connection, account_id, name or None)


@asynccontextmanager
async def _worker(settings: Settings) -> AsyncGenerator[None]:
    """Have the runs done by this process for as long as the block lasts, unless a server does them."""
    if _is_served(settings):
        yield
        return
    from server.app import open_services  # noqa: PLC0415 - with what it serves, a second of imports
    from server.background.loop import do_runs  # noqa: PLC0415 - as above

    configure(settings.log_format)  # else what is logged would stand on stdout, among the cases
    async with open_services(settings) as (services, _):
        await services.start_models()

        async def work() -> None:
            while True:
                await do_runs(services, ("golden",))
                await asyncio.sleep(POLL_SECONDS)

        working = asyncio.create_task(work())
        try:
            yield
        finally:
            working.cancel()


def _is_served(settings: Settings) -> bool:
    if settings.qdrant_url:
        return False
    try:
        with Owner.of(settings.data_dir):
            return False
    except AlreadyOwned:
        return True


async def _tried(db: Database, places: list[Place]) -> list[dict[str, Any]]:
    """File a run for each workspace, and follow them to their ends; what came of each, with the workspace's name."""
    async with db.write() as connection:
        filed = [await runs.file_run(connection, "golden", place.workspace_id, utc_now()) for place in places]
    reports: list[dict[str, Any]] = []
    with Progress(console=stderr, transient=True) as bar:
        task = bar.add_task("Golden cases", total=sum(place.cases for place in places))
        before = 0
        for place, run_id in zip(places, filed, strict=True):
            while (at := await _look(db, run_id)).state not in {"done", "failed"}:
                bar.update(task, completed=before + at.done, description=f"Golden cases ({place.name}: {at.state})")
                await asyncio.sleep(POLL_SECONDS)
            if at.state == "failed":
                raise Failure("unavailable", f"{place.name}: {at.problem}")
            before += place.cases
            async with db.write() as connection:
                reports.append(await runs.take_result(connection, run_id) | {"place": place.name})
    return reports


async def _look(db: Database, run_id: str) -> runs.Run:
    async with db.read() as connection:
        return await runs.find_run(connection, run_id)
