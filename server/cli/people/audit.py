"""`audit`: whether the audit is as it was written."""

from typing import Annotated

import typer

from server.cli.common import AsJson, fail, find_user, open_record, print_json, print_line, run_command
from server.config import Settings
from server.store.audit.chain import Verified, list_chains, verify_chain
from server.store.record.people import accounts

app = typer.Typer(help="The audit of calls.", no_args_is_help=True, add_completion=False)


@app.command("verify")
def verify_audit(
    *,
    user: Annotated[str | None, typer.Option("--user", help="Only the audit of this user's account.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read the audit, and say whether an entry was changed, removed or inserted since it was written, and which."""

    async def verify(settings: Settings) -> list[Verified]:
        async with open_record(settings) as db, db.read() as connection:
            wanted = await list_chains(connection) if user is None else [(await find_user(connection, user)).account_id]
            names = {each: name for name, each in (await accounts.list_accounts(connection)).items()}
            found = [await verify_chain(connection, each) for each in wanted]
        if as_json:
            print_json([_describe(each, names.get(each.account_id)) for each in found])
        else:
            for each in found:
                _print_result(each, names.get(each.account_id, each.account_id))
            if not found:
                print_line("There is no audit yet.")
        return found

    if faults := sum(len(each.faults) for each in run_command(verify)):
        fail(f"The audit is not as it was written: {faults} fault(s).")


def _print_result(result: Verified, account: str) -> None:
    state = "as it was written" if not result.faults else "NOT as it was written"
    print_line(f"{account}: {result.entries} entries, {state}; the newest is {result.number} {result.hash}")
    for each in result.faults:
        print_line(f"  entry {each.number} {each.text}")


def _describe(result: Verified, account: str | None) -> dict[str, object]:
    return {
        "account": account,
        "account_id": result.account_id,
        "entries": result.entries,
        "number": result.number,
        "hash": result.hash,
        "faults": [{"number": each.number, "text": each.text} for each in result.faults],
    }
