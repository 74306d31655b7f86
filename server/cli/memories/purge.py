"""`purge`: everything that a workspace or one of its projects remembers is erased for good."""

from typing import Annotated

import typer

from server.cli.common import AsJson, fail, find_user, open_record, print_json, print_line, run_command
from server.cli.memories.places import find_workspace
from server.cli.notes import note_workspace_command
from server.clock import utc_now
from server.config import Settings
from server.ids import new_id
from server.store.epoch import raise_epoch
from server.store.lifecycle.forgetting import ErasedWorkspace, purge_place, tell_counts
from server.store.record.journal import Actor
from server.store.record_copies import RecordCopy, list_record_copies, tell_end
from server.wiring.erasure import build_tombstones


def purge(
    workspace: Annotated[str, typer.Argument(help="The workspace: its name, or account/name.")],
    *,
    user: Annotated[str, typer.Option("--user", help="The user whose workspace it is.")],
    project: Annotated[str | None, typer.Option("--project", help="Only the memories of this project.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the counts, and erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase all memories of a workspace, or of one of its projects, in one step. It cannot be undone.

    Erased text is not stored again until a person lifts that. A running server removes it from the search store
    within seconds.
    """
    if not dry_run and not yes and not typer.confirm(f"Erase everything in {workspace!r} for good?", err=True):
        fail("Nothing was erased.")

    async def erase(settings: Settings) -> tuple[dict[str, int], str, list[str]]:
        tombstones, now, copies = build_tombstones(settings), utc_now(), list[RecordCopy]()
        async with open_record(settings) as db:
            async with db.read() as connection:
                owner, found = await find_user(connection, user), await find_workspace(connection, user, workspace)
            place, actor = (
                ErasedWorkspace(found.account_id, found.id),
                Actor(owner.id, "loci", "purge_memories", new_id(now)),
            )
            async with db.write() as connection:
                counts, receipt = await purge_place(connection, tombstones, place, project, actor, now, dry_run=dry_run)
                if not dry_run:
                    await raise_epoch(connection)
            if not dry_run:
                await db.empty_log()
                copies = await list_record_copies(db)
            await note_workspace_command(settings, db, found, "purge_memories", "read" if dry_run else "delete")
        return tell_counts(counts), receipt, [tell_end(each) for each in copies]

    counts, receipt, kept = run_command(erase)
    if as_json:
        print_json([{"dry_run": dry_run, "receipt": receipt or None, "counts": counts, "kept": kept}])
        return
    for name, count in counts.items():
        print_line(f"{count} {name}")
    print_line("Nothing was erased: this was a dry run." if dry_run else f"Erased. The receipt is {receipt}.")
    for each in kept:
        print_line(f"It is still in a file: {each}", "yellow")
