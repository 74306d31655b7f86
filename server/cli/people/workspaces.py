"""`workspace`: the workspaces of people and teams, and whom they are shared with."""

from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from server.cli.common import AsJson, open_record, print_json, print_table, run_command, stderr
from server.cli.memories.places import find_addressed_workspace
from server.cli.notes import OPERATOR, note_account_command
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.ids import new_id
from server.names import fold_name
from server.store.record import workspaces
from server.store.record.journal import Actor, journal_change
from server.store.record.people import accounts, shares
from server.store.record.people.shares import Share
from server.store.record.workspaces import Workspace
from tools.people.shares import find_receiver

app = typer.Typer(
    help="Workspaces, and the people whom they are shared with.", no_args_is_help=True, add_completion=False
)

Address = Annotated[str, typer.Argument(help="The workspace: account/name, or with --user its name.")]
Owner = Annotated[str | None, typer.Option("--user", help="The user whose workspace it is.")]
Receiver = Annotated[str, typer.Option("--with", help="The name of a user, or of a team's account.")]


@app.command("list")
def print_workspaces(*, as_json: AsJson = False) -> None:
    """List all workspaces, each with the people and accounts that it is shared with."""

    async def read_workspaces(settings: Settings) -> list[tuple[str, list[Share]]]:
        async with open_record(settings) as db, db.read() as connection:
            every = sorted((await accounts.list_accounts(connection)).items())
            return [
                (f"{name}/{each.name}", await shares.list_shares(connection, each.id))
                for name, account_id in every
                for each in await workspaces.list_workspaces(connection, account_id)
            ]

    found = run_command(read_workspaces)
    if as_json:
        print_json(
            [
                {
                    "address": address,
                    "shares": [{"with": each.user or each.account, "may_write": each.may_write} for each in mine],
                }
                for address, mine in found
            ]
        )
        return
    table = Table("workspace", "shared with")
    for address, mine in found:
        told = [f"{each.user or each.account} ({'writes' if each.may_write else 'reads'})" for each in mine]
        table.add_row(address, ", ".join(told))
    print_table(table, "There are no workspaces yet: the first memory makes one.")


@app.command("share")
def share_workspace(
    address: Address,
    receiver: Receiver,
    *,
    user: Owner = None,
    read: Annotated[bool, typer.Option("--read", help="They may read only.")] = False,
) -> None:
    """Share a workspace with a user or a team, to read and write; with --read, to read only."""

    async def put_share(settings: Settings) -> None:
        now = utc_now()
        async with open_record(settings) as db:
            async with db.write() as connection:
                workspace = await find_addressed_workspace(connection, address, user)
                wanted = await find_receiver(connection, workspace, receiver)
                await _journal(connection, workspace, "share_workspace", wanted.user_id or wanted.account_id or "")
                await shares.put_share(connection, workspace.id, wanted, OPERATOR, now, may_write=not read)
            account = workspace.account_id
            await note_account_command(settings, db, account, "share_workspace", "create", workspace.id)
        stderr.print(f"{receiver} may {'read' if read else 'read and write'} [bold]{address}[/bold].")

    run_command(put_share)


@app.command("unshare")
def unshare_workspace(address: Address, receiver: Receiver, *, user: Owner = None) -> None:
    """End the share of a workspace with a user or a team, at once."""

    async def delete_share(settings: Settings) -> None:
        async with open_record(settings) as db:
            async with db.write() as connection:
                workspace = await find_addressed_workspace(connection, address, user)
                mine = await shares.list_shares(connection, workspace.id)
                key = fold_name(receiver)
                found = next((each for each in mine if fold_name(each.user or each.account or "") == key), None)
                if found is None:
                    raise Failure("not_found", f"{address} is not shared with {receiver!r}.")
                await _journal(connection, workspace, "unshare_workspace", found.id)
                await shares.delete_share(connection, workspace.id, found.id)
            account = workspace.account_id
            await note_account_command(settings, db, account, "unshare_workspace", "delete", workspace.id)
        stderr.print(f"[bold]{address}[/bold] is not shared with {receiver} any more.")

    run_command(delete_share)


async def _journal(connection: AsyncConnection, workspace: Workspace, operation: str, share: str) -> None:
    actor = Actor("loci", "loci", operation, new_id(utc_now()))
    await journal_change(connection, workspace.id, actor, utc_now(), {"share": share})
