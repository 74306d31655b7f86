"""The audit of an account: who called which operation when, for its owner."""

from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any, Literal, Self

import sqlalchemy as sa
from pydantic import AfterValidator, BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.principal import ADMIN
from server.errors import STATUS, Failure
from server.memory.models import Timestamp
from server.store.audit.chain import verify_chain
from server.store.audit.entry import ABANDONED, ERROR, OK, DoorName, EffectName, Via
from server.store.record import audit
from server.store.record.audit import REFUSED, AuditFilter
from server.store.record.people import accounts
from server.store.record.people.rights import Right
from tools.core.arguments import WorkspaceName
from tools.core.call import AccountCall
from tools.core.cursor import Cursor, Places
from tools.core.fields import Id, Moment, Name
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.standing import check_credential
from tools.people.accounts import OfAccount, choose_account

_PLACES = Places("audit", tuple[str, Annotated[int, Field(ge=0, lt=2**63)]])
#: How many entries are read in one transaction for the whole list.
STEP = 1_000
OUTCOMES = (OK, REFUSED, ERROR, ABANDONED, *STATUS)


def _check_outcome(value: str) -> str:
    if value not in OUTCOMES:
        raise ValueError(f"must be ok, refused, error, abandoned, or the code of a refusal: {', '.join(STATUS)}")
    return value


class AuditArgs(OfAccount):
    """The entries that are wanted."""

    since: Moment | None = Field(default=None, description="Only entries from this time on. ISO 8601.")
    until: Moment | None = Field(default=None, description="Only entries from before this time. ISO 8601.")
    person: Name | None = Field(default=None, description="Only calls of this person: a name or a user id.")
    app: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None, description="Only calls by this app: the name or the id of an API key or of an OAuth client."
    )
    workspace: WorkspaceName | None = Field(
        default=None, description="Only calls in this workspace, which may be deleted: its name."
    )
    operation: Annotated[str, Field(min_length=1, max_length=60)] | None = Field(
        default=None, description="Only calls of this operation, e.g. store_memory."
    )
    outcome: Annotated[str, AfterValidator(_check_outcome)] | None = Field(
        default=None,
        json_schema_extra={"enum": list(OUTCOMES)},
        description="Only calls with this outcome: ok, refused (all that were not answered), error, abandoned, or the "
        "code of a refusal.",
    )
    request_id: Id | None = Field(default=None, description="Only calls of this request.")

    @model_validator(mode="after")
    def _refuse_no_time(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("since must be before until")
        return self


class ListAudit(AuditArgs):
    """The arguments of `list_audit`."""

    limit: int = Field(default=100, ge=1, le=STEP, description="The largest number of entries.")
    cursor: Cursor | None = Field(default=None, description="The next_cursor of the page before this one.")
    format: Literal["json"] | None = Field(
        default=None, description="json. Over REST csv gives the whole list as a file instead of a page."
    )


class AuditEntry(BaseModel):
    """One call. Names are those of now; ids are those of then."""

    number: int = Field(description="The entry's number in the account's chain.")
    at: Timestamp = Field(description="When the call ended.")
    request_id: str = Field(description="The id of the request: x-request-id of the answer.")
    user_id: str = Field(description="The person's id.")
    person: str | None = Field(default=None, description="The person's name.")
    credential_id: str = Field(description="The id of the API key or of the grant.")
    client_id: str | None = Field(default=None, description="The OAuth client; null for an API key.")
    app: str | None = Field(default=None, description="The name of the OAuth client or of the API key.")
    via: Via = Field(description="The kind of credential.")
    door: DoorName = Field(
        description="rest, mcp, console (a page), oauth (the endpoint of tokens), or command (of the operator)."
    )
    workspace_id: str | None = Field(default=None, description="The workspace's id; null: none.")
    workspace: str | None = Field(default=None, description="The workspace's name.")
    operation: str = Field(description="The operation.")
    effect: EffectName = Field(description="The change that the operation makes; read: none.")
    outcome: str = Field(description="ok, the code of the refusal, error, or abandoned.")
    count: int | None = Field(
        default=None, description="The number of memories or other things in the answer; null if there is no answer."
    )
    hash: str = Field(description="SHA-256 over this entry and the hash of the one before it.")


class AuditPage(BaseModel):
    """A page of an account's audit."""

    audit: list[AuditEntry] = Field(description="The entries, newest first.")
    next_cursor: str | None = Field(default=None, description="Gives the next page; null if there is none.")


COLUMNS = tuple(AuditEntry.model_fields)


async def list_audit(services: Services, call: AccountCall, args: ListAudit) -> AuditPage:
    """Return a page of the caller's account's audit, newest first. The calls of the last second may be missing.

    Raises `forbidden` if the caller does not own the account, `not_found` for an unknown workspace, and `invalid`.
    """
    place = _PLACES.decode(args.cursor)
    rows = await _read_page(services, call, args, None if place is None else place[0], args.limit + 1)
    page, more = rows[: args.limit], len(rows) > args.limit
    entries = [_to_entry(row) for row in page]
    next_cursor = _PLACES.encode((entries[-1].number,)) if more else None
    return AuditPage(audit=entries, next_cursor=next_cursor)


async def stream_audit(services: Services, call: AccountCall, args: AuditArgs) -> AsyncGenerator[AuditEntry]:
    """Yield the whole audit of the caller's account, newest first. Raises what `list_audit` raises."""
    before: int | None = None
    while True:
        rows = await _read_page(services, call, args, before, STEP)
        for row in rows:
            yield _to_entry(row)
        if len(rows) < STEP:
            return
        before = rows[-1].number
        await check_credential(services, call.principal)


async def _read_page(
    services: Services, call: AccountCall, args: AuditArgs, before: int | None, limit: int
) -> Sequence[sa.Row[Any]]:
    async with services.db.read() as connection:
        account_id = await _find_audit(connection, call, args.account)
        ids = await _find_workspaces(connection, call, account_id, args)
        wanted = AuditFilter(
            args.since, args.until, args.person, args.app, ids, args.operation, args.outcome, args.request_id
        )
        return await audit.list_entries(connection, account_id, wanted, before, limit)


async def _find_audit(connection: AsyncConnection, call: AccountCall, asked: str | None) -> str:
    """Return the account whose audit is wanted. Raises `forbidden` and `not_found`."""
    account_id = await choose_account(connection, call, asked, Right.OWN)
    role = await accounts.find_role(connection, account_id, call.principal.user_id)
    if role != "owner" and ADMIN not in call.principal.scopes:
        raise Failure("forbidden", "The audit of an account is for its owner, or for a key with the scope admin.")
    return account_id


async def _find_workspaces(
    connection: AsyncConnection, call: AccountCall, account_id: str, args: AuditArgs
) -> Sequence[str] | None:
    """Return the ids of the workspaces that are wanted; None: all. A key that is bound sees its workspace alone."""
    bound = call.principal.workspace_id
    if args.workspace is None:
        return None if bound is None else [bound]
    ids = await audit.list_workspace_ids(connection, account_id, args.workspace)
    ids = [each for each in ids if bound in (None, each)]
    if not ids:
        message = f"There is no workspace {args.workspace!r} in your account. Send its name without the account."
        raise Failure("not_found", message, field="workspace")
    return ids


def _to_entry(row: sa.Row[Any]) -> AuditEntry:
    return AuditEntry.model_validate({name: getattr(row, name) for name in COLUMNS})


class FaultView(BaseModel):
    """One place at which the audit is not as it was written."""

    number: int = Field(description="The number of the entry.")
    text: str = Field(description="What is wrong with it, as the rest of a sentence.")


class VerifiedAudit(BaseModel):
    """The result of a verification of an account's audit."""

    is_whole: bool = Field(description="Whether each entry is as it was written, and none is missing.")
    entries: int = Field(description="How many entries were read.")
    number: int = Field(description="The number of the newest entry; 0 if there is none.")
    hash: str = Field(description="Its hash. Keep it elsewhere: who may write to the database can make a new chain.")
    faults: list[FaultView] = Field(description="The first faults.")


async def verify_audit(services: Services, call: AccountCall, args: OfAccount) -> VerifiedAudit:
    """Read an account's whole audit and say whether it is as it was written. Raises what `list_audit` raises."""
    async with services.db.read() as connection:
        account_id = await _find_audit(connection, call, args.account)
        if call.principal.workspace_id is not None:
            raise Failure("forbidden", "A key that is bound to a workspace sees a part of the audit only.")
        found = await verify_chain(connection, account_id)
    return VerifiedAudit(
        is_whole=not found.faults,
        entries=found.entries,
        number=found.number,
        hash=found.hash,
        faults=[FaultView(number=each.number, text=each.text) for each in found.faults],
    )


OPERATIONS = (
    Operation(
        name="list_audit",
        description=(
            "List the audit of the account, newest first: who called which operation when, through which app, and the "
            "outcome. It holds no content. For the account's owner."
        ),
        routes=(("GET", "/v1/audit"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListAudit,
        returns=AuditPage,
        handler=list_audit,
        is_listed=False,
    ),
    Operation(
        name="verify_audit",
        description="Read the whole audit of the account, and say whether an entry was changed, removed or inserted.",
        routes=(("GET", "/v1/audit/verify"),),
        scope="memory:read",
        effect=Effect.READ,
        args=OfAccount,
        returns=VerifiedAudit,
        handler=verify_audit,
        is_listed=False,
    ),
)
