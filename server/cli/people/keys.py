"""`key`: API keys, for scripts and for recall links."""

from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from auth.bearers.api_keys import issue_key
from auth.principal import ADMIN, IMPLIED
from server.cli.common import AsJson, find_user, open_record, print_json, print_table, run_command, stderr
from server.cli.notes import note_command
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.store.epoch import raise_epoch
from server.store.record.people import api_keys
from server.store.record.people.plans import Plans
from server.store.record.works import generations
from tools.core.store_refusals import refusals_as_failures

app = typer.Typer(help="API keys, for scripts and for recall links.", no_args_is_help=True, add_completion=False)

UserName = Annotated[str, typer.Option("--user", help="The user who owns the key.")]


@app.command("create")
def create_key(
    user: UserName,
    *,
    scopes: Annotated[str, typer.Option(help="memory:read, memory:write or admin; comma-separated.")] = "memory:read",
    name: Annotated[str, typer.Option(help="A name for the key.")] = "",
    workspace: Annotated[str | None, typer.Option(help="Let the key use this workspace only.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="The number of days until it expires.")] = None,
    per_minute: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="The calls of a minute that it may send.")
    ] = None,
    test: Annotated[bool, typer.Option("--test", help="Make a key for tests, which begins with mp_test_.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the key.")] = False,
) -> None:
    """Make a key and print it. Only its hash is stored, so it cannot be shown again."""
    wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]

    async def insert_key(settings: Settings) -> str:
        if unknown := [scope for scope in wanted if scope not in IMPLIED] or (not wanted and ["(none)"]):
            raise Failure("invalid", f"Unknown scope {unknown[0]!r}. Scopes are: {', '.join(IMPLIED)}.")
        now = utc_now()
        async with open_record(settings) as db:
            async with db.write() as connection:
                owner = await find_user(connection, user)
                if ADMIN in wanted and not owner.is_admin:
                    reason = f"{user} is not an admin, so a key of theirs cannot have the scope admin."
                    raise Failure("forbidden", f"{reason} `loci user list` shows who is one.")
                bound = None
                if workspace is not None:
                    # The generation of a running server, so that its memories have vectors from the first one on.
                    generation = await generations.find_newest_generation(connection)
                    plans = Plans(settings.plans, settings.default_plan)
                    with refusals_as_failures():
                        bound, _ = await plans.ensure_workspace(
                            connection, owner.account_id, workspace, generation, now
                        )
                secret, _ = await issue_key(
                    connection,
                    user_id=owner.id,
                    scopes=wanted,
                    name=name,
                    now=now,
                    workspace_id=None if bound is None else bound.id,
                    expires_at=None if days is None else now + timedelta(days=days),
                    is_test=test,
                    requests_per_minute=per_minute,
                )
            await note_command(settings, db, owner, "create_key", "create", None if bound is None else bound.id)
        return secret

    secret = run_command(insert_key)
    if not quiet:
        stderr.print("Keep this key now; it is not shown again:")
    print(secret)


@app.command("list")
def list_keys(user: UserName, *, as_json: AsJson = False) -> None:
    """List a user's active keys."""

    async def print_keys(settings: Settings) -> None:
        async with open_record(settings) as db:
            async with db.read() as connection:
                owner = await find_user(connection, user)
                rows = await api_keys.list_keys(connection, owner.id)
            await note_command(settings, db, owner, "list_keys", "read")
        if as_json:
            print_json([_describe_key(row) for row in rows])
            return
        table = Table(
            Column("id", no_wrap=True, min_width=36),
            Column("begins with", no_wrap=True, min_width=12),
            "name",
            "scopes",
            "workspace",
            "a minute",
            "ends",
            "last used",
        )
        for row in rows:
            ends = "" if row.expires_at is None else f"{row.expires_at:%Y-%m-%d}"
            limit = "" if row.requests_per_minute is None else str(row.requests_per_minute)
            used = "" if row.last_used_at is None else f"{row.last_used_at:%Y-%m-%d %H:%M}"
            table.add_row(row.id, row.prefix, row.name, row.scopes, row.workspace or "", limit, ends, used)
        print_table(table, f"{user} has no keys yet. `loci key create --user {user}` makes one.")

    run_command(print_keys)


def _describe_key(row: api_keys.KeyRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "prefix": row.prefix,
        "name": row.name,
        "scopes": row.scopes.split(),
        "workspace": row.workspace,
        "requests_per_minute": row.requests_per_minute,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
    }


@app.command("set-limit")
def set_limit(
    user: UserName,
    key_id: Annotated[str, typer.Argument(help="The key's id, as `loci key list` shows it.")],
    per_minute: Annotated[
        int | None,
        typer.Argument(
            min=1, max=1_000_000, help="The calls of a minute; leave out for those that LOCI_RATE_LIMIT allows."
        ),
    ] = None,
) -> None:
    """Set how many calls a minute a key may send. A running server keeps to it within a second."""

    async def change_limit(settings: Settings) -> None:
        async with open_record(settings) as db:
            async with db.write() as connection:
                owner = await find_user(connection, user)
                if not await api_keys.set_limit(connection, owner.id, key_id, per_minute):
                    raise _make_no_key(user, key_id)
                await raise_epoch(connection)
            await note_command(settings, db, owner, "set_key_limit", "update")
        stderr.print("Changed.")

    run_command(change_limit)


def _make_no_key(user: str, key_id: str) -> Failure:
    return Failure("not_found", f"{user} has no active key {key_id!r}. `loci key list --user {user}` shows them.")


@app.command("revoke")
def revoke_key(
    user: UserName, key_id: Annotated[str, typer.Argument(help="The key's id, as `loci key list` shows it.")]
) -> None:
    """Revoke a key. A running server refuses it within a second."""

    async def end_key(settings: Settings) -> None:
        async with open_record(settings) as db:
            async with db.write() as connection:
                owner = await find_user(connection, user)
                if not await api_keys.revoke_key(connection, owner.id, key_id, utc_now()):
                    raise _make_no_key(user, key_id)
                await raise_epoch(connection)
            await note_command(settings, db, owner, "revoke_key", "delete")
        stderr.print("Revoked.")

    run_command(end_key)
