"""`account`: the accounts of teams, and their members."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.accounts.account_names import check_name, taken_name_as_failure
from auth.accounts.team_invitations import LIFETIME, LONGEST, make_team_invitation
from server.cli.common import (
    AsJson,
    check_port_known,
    find_user,
    open_record,
    print_json,
    print_line,
    print_table,
    run_command,
    stderr,
)
from server.cli.notes import note_account_command
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.store.record.people import members
from server.store.record.people.accounts import list_accounts
from server.store.record.people.invitations import OPERATOR
from server.store.record.people.members import LastOwner, Member
from server.store.record.people.rights import ROLES, Role, list_usable_names
from tools.people.accounts import make_last_owner_failure

app = typer.Typer(help="The accounts of teams, and their members.", no_args_is_help=True, add_completion=False)

AccountName = Annotated[str, typer.Argument(help="The account's name.")]
PersonName = Annotated[str, typer.Argument(help="The user's name.")]
RoleName = Annotated[Role, typer.Option("--role", help="owner, admin, member or reader.")]


async def _find_team(connection: AsyncConnection, name: str) -> str:
    found = await members.find_team(connection, name)
    if found is None:
        raise Failure("not_found", f"There is no team's account named {name!r}. `loci account list` shows them.")
    return found


@app.command("create")
def create_account(
    name: AccountName, owner: Annotated[str, typer.Option("--owner", help="The user who owns it.")]
) -> None:
    """Make an account for a team, with one member: its owner."""

    async def insert_account(settings: Settings) -> None:
        check_name(name)
        async with open_record(settings) as db:
            async with db.write() as connection:
                user = await find_user(connection, owner)
                with taken_name_as_failure(name):
                    made = await members.create_account(connection, name, user.id, utc_now())
            await note_account_command(settings, db, made.id, "create_account", "create")
        stderr.print(f"The account [bold]{name}[/bold] was made. Its owner is {user.name}.")

    run_command(insert_account)


@app.command("list")
def print_accounts(*, as_json: AsJson = False) -> None:
    """List the accounts of teams, with the number of their members."""

    async def read_accounts(settings: Settings) -> list[tuple[str, list[Member]]]:
        async with open_record(settings) as db, db.read() as connection:
            every = sorted((await list_accounts(connection)).items())
            return [
                (name, await members.list_members(connection, account_id))
                for name, account_id in every
                if await members.find_team(connection, name) is not None
            ]

    found = run_command(read_accounts)
    if as_json:
        print_json([{"name": name, "members": len(mine)} for name, mine in found])
        return
    table = Table("name", "members", "owners")
    for name, mine in found:
        table.add_row(name, str(len(mine)), ", ".join(each.name for each in mine if each.role == "owner"))
    print_table(table, "There are no accounts of teams yet. `loci account create NAME --owner USER` makes one.")


@app.command("members")
def print_members(name: AccountName, *, as_json: AsJson = False) -> None:
    """List the members of an account."""

    async def read_members(settings: Settings) -> list[Member]:
        async with open_record(settings) as db:
            async with db.read() as connection:
                team = await _find_team(connection, name)
                found = await members.list_members(connection, team)
            await note_account_command(settings, db, team, "list_members", "read")
        return found

    found = run_command(read_members)
    if as_json:
        print_json([{"name": each.name, "role": each.role, "since": each.created_at} for each in found])
        return
    table = Table("name", "role", "since", "disabled")
    for each in found:
        table.add_row(each.name, each.role, f"{each.created_at:%Y-%m-%d}", "yes" if each.is_disabled else "")
    print_table(table, f"{name} has no members.")


@app.command("set-role")
def set_role(name: AccountName, person: PersonName, *, role: RoleName = "member") -> None:
    """Give a user a role in an account. A user who is not in it yet is added."""

    async def put_role(settings: Settings) -> None:
        if role not in ROLES:
            raise Failure("invalid", f"The role must be one of {', '.join(ROLES)}.")
        async with open_record(settings) as db:
            async with db.write() as connection:
                account, user = await _find_team(connection, name), await find_user(connection, person)
                await members.hold_account(connection, account)
                if await members.get_member(connection, account, user.id) is None:
                    await members.put_member(connection, account, user.id, role, utc_now())
                else:
                    try:
                        await members.set_role(connection, account, user.id, role)
                    except LastOwner:
                        raise make_last_owner_failure(name) from None
            await note_account_command(settings, db, account, "set_member_role", "update")
        stderr.print(f"{user.name} is {role} of [bold]{name}[/bold].")

    run_command(put_role)


@app.command("invite")
def print_invitation(
    name: AccountName,
    *,
    role: RoleName = "member",
    person: Annotated[str | None, typer.Option("--for", help="The only user who may accept it, by name.")] = None,
    days: Annotated[int, typer.Option(min=1, max=LONGEST.days, help="The days until it ends.")] = LIFETIME.days,
) -> None:
    """Print a link by which one person becomes a member. Somebody new makes an account with it. It works once."""

    async def insert_invitation(settings: Settings) -> str:
        check_port_known(settings)
        async with open_record(settings) as db:
            async with db.write() as connection:
                account = await _find_team(connection, name)
                url, _ = await make_team_invitation(
                    connection,
                    settings.public_url,
                    utc_now,
                    account_id=account,
                    role=role,
                    name=person,
                    made_by=OPERATOR,
                    lifetime=timedelta(days=days),
                )
            await note_account_command(settings, db, account, "create_invitation", "create")
        return url

    print(run_command(insert_invitation))


@app.command("remove")
def remove_member(name: AccountName, person: PersonName) -> None:
    """Take a user out of an account, at once. Their memories stay in it."""

    async def delete_member(settings: Settings) -> list[str]:
        async with open_record(settings) as db:
            async with db.write() as connection:
                account, user = await _find_team(connection, name), await find_user(connection, person)
                await members.hold_account(connection, account)
                if await members.get_member(connection, account, user.id) is None:
                    raise Failure("not_found", f"{person} is not in the account {name!r}.")
                try:
                    await members.remove_member(connection, account, user.id)
                except LastOwner:
                    raise make_last_owner_failure(name) from None
                left = await list_usable_names(connection, account, user.id)
            await note_account_command(settings, db, account, "remove_member", "delete")
        stderr.print(f"{user.name} is not in [bold]{name}[/bold] any more.")
        return left

    if left := run_command(delete_member):
        shared = f"These workspaces are shared with them, and stay so: {', '.join(left)}."
        print_line(f"{shared} `loci workspace unshare` ends that.", "yellow")
