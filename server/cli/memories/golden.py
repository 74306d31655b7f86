"""`golden`: checks the golden cases of all workspaces."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from server.cli.common import fail, find_user, make_bar, open_record, print_line, run_command, stderr
from server.cli.memories.places import find_account
from server.cli.notes import note_workspace_command
from server.config import Settings
from server.errors import Failure
from server.store.db import Database
from server.store.record import golden as golden_store
from server.store.record import workspaces
from server.store.record.golden import GoldenWorkspace

_NO_CASES = "There are no golden cases yet. An agent or a script makes them: POST /v1/golden; docs/api.md has examples."


def check_golden(
    workspace: Annotated[
        str | None, typer.Option(help="Only this workspace: account/name, or with --user its name.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Only the workspaces of this user.")] = None,
) -> None:
    """Check all golden cases, and print those that fail. The exit code is 1 if one fails.

    If a server runs on the data folder, the server does the work, and this command shows its progress.
    """

    async def check_cases(settings: Settings) -> list[dict[str, Any]]:
        async with open_record(settings) as db:
            places = await _find_workspaces(db, workspace, user)
            reports = await _check_cases(settings, db, places) if places else []
            for each in places:
                async with db.read() as connection:
                    found = await workspaces.get_workspace(connection, each.workspace_id)
                if found is not None:
                    await note_workspace_command(settings, db, found, "run_golden", "read", each.cases)
        return reports

    reports = run_command(check_cases)
    passed, failed = (sum(report[key] for report in reports) for key in ("passed", "failed"))
    for notice in {report["meta"]["notice"] for report in reports} - {None}:
        print_line(notice, "yellow")
    for report in reports:
        _print_failing(report["place"], report["cases"])
    if failed:
        fail(f"{failed} of {passed + failed} golden cases failed.")
    stderr.print(f"All {passed} golden cases passed." if passed else _NO_CASES)


def _print_failing(place: str, cases: Iterable[dict[str, Any]]) -> None:
    for case in cases:
        if not case["passed"]:
            expected = case["memory_id"] or repr(case["text"])
            wanted = "recalled" if case["expect"] == "recalled" else "not recalled"
            rank = "not found" if case["rank"] is None else f"rank {case['rank']}, score {case['score']:g}"
            print(f"{place}: {case['query']!r}: {expected} should be {wanted} within {case['within']}; {rank}")


async def _find_workspaces(db: Database, workspace: str | None, user: str | None) -> list[GoldenWorkspace]:
    """Return the workspaces that the options name and that have cases.

    Raises:
        Failure: `invalid` for a name without an account, `not_found`.
    """
    account, slash, name = (workspace or "").rpartition("/")
    if workspace is not None and not slash and user is None:
        raise Failure("invalid", f"Whose workspace is {workspace!r}? Say account/{workspace}, or --user as well.")
    async with db.read() as connection:
        owner = None if user is None else await find_user(connection, user)
        account_id = None if owner is None else owner.account_id
        if slash:
            account_id = await find_account(connection, owner, account)
        return await golden_store.list_workspaces_with_cases(connection, account_id, name or None)


async def _check_cases(settings: Settings, db: Database, places: list[GoldenWorkspace]) -> list[dict[str, Any]]:
    """Check the cases of each workspace, and return the reports, each with the name of its workspace as `place`."""
    from server.cli.runs import do_works  # noqa: PLC0415 - with the works, a second of imports

    current = places[0]
    with make_bar() as bar:
        task = bar.add_task("Golden cases", total=sum(place.cases for place in places))

        def show(number: int, state: str, done: int, _total: int | None) -> None:
            nonlocal current
            current = places[number]
            before = sum(place.cases for place in places[:number])
            bar.update(task, completed=before + done, description=f"Golden cases ({current.name}: {state})")

        try:
            outcomes = await do_works(settings, db, "golden", [place.workspace_id for place in places], show)
        except Failure as error:
            raise Failure(error.code, f"{current.name}: {error}") from None
    return [(outcome.report or {}) | {"place": place.name} for place, outcome in zip(places, outcomes, strict=True)]
