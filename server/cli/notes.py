"""The entries of the audit for commands that change what belongs to a person."""

from server.clock import utc_now
from server.config import Settings
from server.ids import new_id
from server.store.audit.entry import EffectName, Entry
from server.store.db import Database
from server.store.record.people.accounts import User
from server.store.record.workspaces import Workspace
from server.wiring.audit import open_audit
from server.wiring.webhooks import build_outbox

#: The person of these entries: whoever may run commands on the server.
OPERATOR = "operator"


async def note_command(
    settings: Settings, db: Database, user: User, operation: str, effect: EffectName, workspace_id: str | None = None
) -> None:
    """Note in a user's audit that the server's operator ran a command on what is theirs."""
    await note_account_command(settings, db, user.account_id, operation, effect, workspace_id)


async def note_workspace_command(
    settings: Settings, db: Database, workspace: Workspace, operation: str, effect: EffectName, count: int = 1
) -> None:
    """Note in the audit of a workspace's account that the server's operator ran a command on it."""
    await note_account_command(settings, db, workspace.account_id, operation, effect, workspace.id, count)


async def note_account_command(
    settings: Settings,
    db: Database,
    account_id: str,
    operation: str,
    effect: EffectName,
    workspace_id: str | None = None,
    count: int = 1,
) -> None:
    """Note in an account's audit that the server's operator ran a command on it."""
    now = utc_now()
    entry = Entry(
        account_id=account_id,
        at=now,
        request_id=new_id(now),
        user_id=OPERATOR,
        credential_id=OPERATOR,
        client_id=None,
        via="command",
        door="command",
        workspace_id=workspace_id,
        operation=operation,
        effect=effect,
        outcome="ok",
        count=count,
    )
    async with open_audit(settings, db, utc_now, build_outbox(settings, utc_now)) as audit:
        if audit.wants(is_read=effect == "read"):
            await audit.write(entry)
