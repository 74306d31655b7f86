"""`erasure`: receipts of what was erased, the proof that it is gone, and the lifting of what keeps it out."""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from server.cli.common import AsJson, fail, find_user, open_record, print_json, print_line, print_table, run_command
from server.cli.memories.looking import Look, look_into_backups, look_into_record, look_into_search_store
from server.cli.notes import note_account_command, note_command
from server.cli.record.backup import PasswordFile, read_password_file
from server.clock import utc_now
from server.config import Settings
from server.errors import Failure
from server.store.backup.known import list_known_backups
from server.store.record.erasure import receipts, tombstones
from server.store.record.erasure.receipts import Receipt

app = typer.Typer(
    help="The erasures, and the proof that the texts are gone.", no_args_is_help=True, add_completion=False
)

SHOWN = 100
ReceiptId = Annotated[str, typer.Argument(help="The receipt's id, as `loci erasure list` shows it.")]
UserName = Annotated[str, typer.Option("--user", help="The user whose account it is.")]


@app.command("list")
def list_receipts(user: UserName, *, as_json: AsJson = False) -> None:
    """List the newest receipts of a user's account."""

    async def read(settings: Settings) -> Sequence[Receipt]:
        async with open_record(settings) as db:
            async with db.read() as connection:
                owner = await find_user(connection, user)
                found = await receipts.list_receipts(connection, owner.account_id, None, None, SHOWN)
            await note_command(settings, db, owner, "list_receipts", "read")
        return found

    found = run_command(read)
    if as_json:
        print_json([_describe(each) for each in found])
        return
    table = Table("id", "erased", "what", "workspace", "by", "rows")
    for each in found:
        rows = ", ".join(f"{count} {name}" for name, count in each.counts.items())
        table.add_row(
            each.id, f"{each.erased_at:%Y-%m-%d %H:%M}", each.kind, each.workspace or "", each.person or "", rows
        )
    print_table(table, "Nothing was erased yet.")


def _describe(receipt: Receipt) -> dict[str, Any]:
    return {name: getattr(receipt, name) for name in Receipt.__slots__}


@app.command("lift")
def lift(
    user: UserName,
    tombstone: Annotated[str | None, typer.Argument(help="The tombstone's id, as the refusal names it.")] = None,
    *,
    receipt: Annotated[str | None, typer.Option("--receipt", help="All tombstones of this receipt.")] = None,
) -> None:
    """Let what was erased be stored again: one tombstone, or all of a receipt."""
    if (tombstone is None) == (receipt is None):
        fail("Name a tombstone or a --receipt, one of the two.")

    async def lift_them(settings: Settings) -> int:
        async with open_record(settings) as db:
            async with db.write() as connection:
                owner = await find_user(connection, user)
                workspace_id = await _find_workspace_id(connection, owner.account_id, tombstone, receipt)
                lifted = await tombstones.lift_tombstones(
                    connection, workspace_id, owner.id, utc_now(), tombstone_id=tombstone, receipt_id=receipt
                )
            await note_command(settings, db, owner, "lift_tombstones", "update", workspace_id)
        return lifted

    print_line(f"Lifted {run_command(lift_them)}.")


async def _find_workspace_id(
    connection: AsyncConnection, account_id: str, tombstone: str | None, receipt: str | None
) -> str:
    if tombstone is not None:
        place = await tombstones.find_place(connection, tombstone)
        if place is not None and place[0] == account_id:
            return place[1]
        raise Failure("not_found", f"There is no tombstone {tombstone} in this account.")
    found = await _find_receipt(connection, receipt or "")
    if found.account_id != account_id:
        raise Failure("not_found", f"There is no receipt {receipt} in this account.")
    return found.workspace_id or ""


async def _find_receipt(connection: AsyncConnection, receipt_id: str) -> Receipt:
    found = await receipts.find_receipt(connection, receipt_id)
    if found is None:
        raise Failure("not_found", f"There is no receipt {receipt_id}. `loci erasure list --user NAME` shows them.")
    return found


@app.command("verify")
def verify_erasure(
    receipt_id: ReceiptId,
    *,
    words: Annotated[
        bool, typer.Option("--words", help="Read the words to look for from standard input: they are kept nowhere.")
    ] = False,
    backups: Annotated[
        list[Path] | None,
        typer.Option("--backups", help="Also these backups: a file, or a folder. Those written from here are known."),
    ] = None,
    password_file: PasswordFile = None,
) -> None:
    """Look for what a receipt says was erased: in the record, every file of the data folder, Qdrant and backups.

    It ends with 1 if anything is there, or if a place could not be searched.
    """
    said = sys.stdin.read().strip() if words else ""
    if words and not said:
        fail("There are no words on standard input.")
    password = None if password_file is None else run_command(partial(_read_password, password_file))

    async def verify(settings: Settings) -> Look:
        async with open_record(settings) as db:
            async with db.read() as connection:
                receipt = await _find_receipt(connection, receipt_id)
            await note_account_command(settings, db, receipt.account_id, "verify_erasure", "read", receipt.workspace_id)
            look = Look(receipt, said)
            await look_into_record(look, settings, db)
            await look_into_search_store(look, settings, db)
            paths = [*list_known_backups(settings.data_dir), *(backups or [])]
            await asyncio.to_thread(look_into_backups, look, paths, password)
        return look

    look = run_command(verify)
    for each in look.found:
        print_line(f"  {each}")
    if look.found:
        fail(f"It is not gone: {len(look.found)} place(s).")
    if look.unread:
        fail(f"Nothing was found, but {len(look.unread)} place(s) could not be searched.")
    print_line("Gone from every place that was searched.")


async def _read_password(path: Path, _settings: Settings) -> str:
    return read_password_file(path)
