"""`tick`: work that the background does at set times, done now."""

from typing import Annotated

import typer

from server.cli.common import AsJson, open_record, print_json, run_command, stderr
from server.config import Settings


def do_work_now(
    work: Annotated[
        str | None, typer.Argument(help="The work to do in every workspace. Without it, the list of them is printed.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Do background work in every workspace now, instead of waiting for the schedule.

    If a server runs on the data folder, the server does the work, and this command shows its progress.
    """
    from server.background.works import WORKS  # noqa: PLC0415 - with the works, a second of imports
    from server.cli.runs import do_work_with_bar  # noqa: PLC0415 - the same imports

    offered = {each.name: each.help for each in WORKS.values() if each.help is not None}
    if work is None and as_json:
        print_json([{"name": name, "help": help_} for name, help_ in offered.items()])
        return
    if work is None:
        for name, help_ in offered.items():
            stderr.print(f"{name}: {help_}", highlight=False)
        return
    if work not in offered:
        raise typer.BadParameter(f"{work!r} is not one of: {', '.join(offered)}.")

    async def do_work(settings: Settings) -> None:
        async with open_record(settings) as db:
            outcome = await do_work_with_bar(settings, db, work, work.capitalize())
        stderr.print(f"{outcome.workspaces} workspace(s) done.")

    run_command(do_work)
