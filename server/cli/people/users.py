"""`user`: the people who can log in."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import typer
from argon2 import PasswordHasher
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.accounts.account_names import check_name, failure_from_taken_name, taken_name_as_failure
from auth.accounts.password_changes import change_password, make_reset_link
from auth.accounts.passwords import Passwords, check_password
from auth.accounts.signup_links import make_invite_link
from server.cli.common import (
    AsJson,
    ask_new_password,
    check_port_known,
    find_user,
    open_record,
    print_json,
    print_table,
    run_command,
    stderr,
)
from server.cli.notes import note_command
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.small_files import MOST_SECRET_BYTES
from server.store.audit.entry import EffectName
from server.store.epoch import raise_epoch
from server.store.record.people import accounts, shutting_out
from server.store.record.people.accounts import User
from server.store.record.people.plans import Plans
from server.store.record.people.shutting_out import OwnsAlone
from server.variables import has_foreign_bytes
from server.wiring.webhooks import build_outbox
from tools.core.fields import check_zone
from tools.core.store_refusals import refusals_as_failures
from tools.people.users import (
    make_no_passwords_failure,
    make_owner_failure,
    make_removed_failure,
    make_shut_out_failure,
)

app = typer.Typer(help="The people who can log in.", no_args_is_help=True, add_completion=False)

Name = Annotated[str, typer.Argument(help="The user's name.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def _read_password(*, from_stdin: bool) -> str:
    try:
        if from_stdin:
            # some programs write a byte order mark first, which is no part of the password
            password = sys.stdin.buffer.readline(MOST_SECRET_BYTES).decode("utf-8-sig").rstrip("\r\n")
        else:
            password = ask_new_password("Password", "--password-stdin")
    except UnicodeDecodeError:
        raise Failure("invalid", "The password is not UTF-8 text. Send it in UTF-8.") from None
    if has_foreign_bytes(password):
        raise Failure("invalid", "The password is not UTF-8 text. Set your terminal to UTF-8.")
    check_password(password)
    return password


@app.command("add")
def add_user(
    name: Name,
    *,
    admin: Annotated[bool, typer.Option("--admin", help="The user may administer this server.")] = False,
    password_stdin: PasswordStdin = False,
) -> None:
    """Make a user with an account of their own."""

    async def insert_user(settings: Settings) -> None:
        wanted = name.strip()
        check_name(wanted)
        async with open_record(settings) as db:
            async with db.read() as connection:
                if await accounts.find_user(connection, wanted) is not None:
                    raise failure_from_taken_name(wanted)
            hashed = await Passwords(PasswordHasher()).hash(_read_password(from_stdin=password_stdin))
            async with db.write() as connection:
                with taken_name_as_failure(wanted):
                    user = await accounts.create_user(
                        connection,
                        name=wanted,
                        password_hash=hashed,
                        is_admin=admin,
                        now=utc_now(),
                        outbox=build_outbox(settings, utc_now),
                    )
            await note_command(settings, db, user, "add_user", "create")
        stderr.print(f"User [bold]{wanted}[/bold] was made.")

    run_command(insert_user)


@app.command("list")
def list_users(*, as_json: AsJson = False) -> None:
    """List the users."""

    async def print_users(settings: Settings) -> None:
        plans = Plans(settings.plans, settings.default_plan)
        async with open_record(settings) as db, db.read() as connection:
            users = [
                (user, (await plans.read_standing(connection, user.account_id)).plan)
                for user in await accounts.list_users(connection)
            ]
        if as_json:
            print_json([_describe_user(user, plan) for user, plan in users])
            return
        table = Table("name", "admin", "plan", "made", "disabled")
        for user, plan in users:
            disabled = "" if user.disabled_at is None else f"{user.disabled_at:%Y-%m-%d}"
            made = f"{user.created_at:%Y-%m-%d}"
            table.add_row(user.name, "yes" if user.is_admin else "", plan or "", made, disabled)
        print_table(table, "There are no users yet. `loci user add NAME --admin` makes the first one.")

    run_command(print_users)


def _describe_user(user: accounts.User, plan: str | None) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "is_admin": user.is_admin,
        "plan": plan,
        "time_zone": user.time_zone,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
    }


@app.command("set-password")
def set_password(name: Name, *, password_stdin: PasswordStdin = False) -> None:
    """Set a user's password and end their browser sessions. Connected apps and keys keep working."""

    async def replace_password(settings: Settings) -> None:
        async with open_record(settings) as db:
            async with db.read() as connection:
                user = await find_user(connection, name)
            hashed = await Passwords(PasswordHasher()).hash(_read_password(from_stdin=password_stdin))
            async with db.write() as connection:
                await change_password(connection, user.id, hashed)
            await note_command(settings, db, user, "set_password", "update")
        stderr.print(f"The password of [bold]{name}[/bold] is changed.")

    run_command(replace_password)


@app.command("reset-link")
def print_reset_link(name: Name) -> None:
    """Print a link with which a user sets a new password. It works once, for a day; an earlier one ends now."""

    async def make_link(settings: Settings) -> str:
        if settings.login == "upstream":
            raise make_no_passwords_failure()
        check_port_known(settings)
        async with _hold_user(settings, name, "create_reset_link", "create") as (connection, user):
            if user.disabled_at is not None:
                raise make_shut_out_failure(user.name)
            return (await make_reset_link(connection, settings.public_url, user.id, utc_now()))[0]

    print(run_command(make_link))


@asynccontextmanager
async def _hold_user(
    settings: Settings, name: str, operation: str, effect: EffectName = "update"
) -> AsyncGenerator[tuple[AsyncConnection, User]]:
    """Yield a transaction and the user of that name; when it is committed, note in the audit what was done to them."""
    async with open_record(settings) as db:
        async with db.write() as connection:
            user = await find_user(connection, name)
            yield connection, user
        await note_command(settings, db, user, operation, effect)


@app.command("disable")
def disable_user(name: Name) -> None:
    """Shut a user out: their sessions, apps and keys end at once. Their memories stay."""

    async def shut_out(settings: Settings) -> None:
        async with _hold_user(settings, name, "disable_user") as (connection, user):
            await shutting_out.disable_user(connection, user.id, utc_now())
        stderr.print(f"[bold]{name}[/bold] is shut out. `loci user enable {name}` lets them log in again.")

    run_command(shut_out)


@app.command("enable")
def enable_user(name: Name) -> None:
    """Let a user who was shut out log in again. Apps and keys are connected anew."""

    async def let_in(settings: Settings) -> None:
        async with _hold_user(settings, name, "enable_user") as (connection, user):
            if not await shutting_out.enable_user(connection, user.id):
                raise make_removed_failure(name)
        stderr.print(f"[bold]{name}[/bold] may log in.")

    run_command(let_in)


@app.command("remove")
def remove_user(name: Name) -> None:
    """Shut a user out for good, and take them out of every account. Their memories stay, under their name."""

    async def delete_user(settings: Settings) -> None:
        async with _hold_user(settings, name, "remove_user", "delete") as (connection, user):
            try:
                await shutting_out.remove_user(connection, user.id, utc_now())
            except OwnsAlone as error:
                raise make_owner_failure(error) from None
        stderr.print(f"[bold]{name}[/bold] is removed.")

    run_command(delete_user)


@app.command("set-plan")
def set_plan(
    name: Name, plan: Annotated[str | None, typer.Argument(help="One of LOCI_PLANS; leave out for the default.")] = None
) -> None:
    """Give a user's account a plan, which limits how much it may store. It applies at once; nothing is deleted."""

    async def change_plan(settings: Settings) -> None:
        plans = Plans(settings.plans, settings.default_plan, build_outbox(settings, utc_now))
        async with _hold_user(settings, name, "set_plan") as (connection, user):
            with refusals_as_failures():
                standing = await plans.set_plan(connection, user.account_id, plan)
        stderr.print(f"The plan of [bold]{name}[/bold] is {standing.plan or 'none: nothing is limited'}.")

    run_command(change_plan)


@app.command("set-time-zone")
def set_time_zone(
    name: Name,
    zone: Annotated[
        str | None, typer.Argument(help="Of the IANA database, like Europe/Berlin; leave out for UTC.")
    ] = None,
) -> None:
    """Set the time zone by which a user's days begin: "yesterday" in a question and in a memory."""

    async def change_time_zone(settings: Settings) -> None:
        if zone is not None:
            try:
                check_zone(zone)
            except ValueError as error:
                raise Failure("invalid", f"The time zone {error}.") from None
        async with _hold_user(settings, name, "set_preferences") as (connection, user):
            await accounts.set_time_zone(connection, user.id, zone)
            await raise_epoch(connection)
        stderr.print(f"The time zone of [bold]{name}[/bold] is {zone or 'UTC'}.")

    run_command(change_time_zone)


@app.command("invite")
def print_invite_link() -> None:
    """Print a link with which one person can make an account, if LOCI_SIGNUP is invite. It works once, for a day."""

    async def make_link(settings: Settings) -> str:
        if settings.signup != "invite":
            raise Failure("forbidden", f"LOCI_SIGNUP is {settings.signup}. Set it to `invite`, and restart the server.")
        check_port_known(settings)
        async with open_record(settings) as db:
            return await make_invite_link(db, settings.public_url, utc_now())

    print(run_command(make_link))
