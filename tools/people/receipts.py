"""Receipts of erasures, and the tombstones that keep what was erased from coming back."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from auth.principal import ADMIN, Principal
from server.errors import Failure
from server.memory.models import Timestamp
from server.store.record.erasure import receipts, tombstones
from server.store.record.erasure.receipts import Receipt
from server.store.record.journal import journal_change
from server.store.record.people.rights import Right, find_account_right, find_workspace_right
from tools.core.access import find_workspace_by_id
from tools.core.answers import Answer
from tools.core.arguments import Args, InWorkspace
from tools.core.call import AccountCall, Call
from tools.core.cursor import Cursor, Places, RowId
from tools.core.fields import Id
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.people.accounts import OfAccount, choose_account

_RECEIPTS = Places("receipts", tuple[str, RowId])
_TOMBSTONES = Places("tombstones", tuple[str, RowId])
#: The ids of memories that an answer tells; the receipt has all of them.
TOLD_IDS = 1_000

Limit = Annotated[int, Field(ge=1, le=500)]


class ReceiptView(BaseModel):
    """The receipt of one erasure. It holds no content."""

    id: str = Field(description="The receipt's id.")
    kind: Literal["memory", "project", "workspace", "account"] = Field(description="The extent of the erasure.")
    erased_at: Timestamp = Field(description="When.")
    user_id: str = Field(description="By whom.")
    person: str | None = Field(default=None, description="The name of that person now; null if there is none.")
    workspace_id: str | None = Field(default=None, description="The workspace; null for an account.")
    workspace: str | None = Field(default=None, description="The name of that workspace now.")
    counts: dict[str, int] = Field(description="The number of rows that were erased, by table.")
    memory_ids: list[str] = Field(description=f"The memories that were erased: at most the first {TOLD_IDS}.")


class ListReceipts(OfAccount):
    """The arguments of `list_receipts`."""

    limit: Limit = Field(default=50, description="The most receipts.")
    cursor: Cursor | None = Field(default=None, description="The `next_cursor` of the page before.")


class ReceiptPage(BaseModel):
    """A page of receipts."""

    receipts: list[ReceiptView] = Field(description="The receipts, newest first.")
    next_cursor: str | None = Field(default=None, description="Gives the next page; null if there is none.")


class ReceiptRef(Args):
    """The arguments of `read_receipt`."""

    id: Id = Field(description="The receipt's id.")


class ListTombstones(InWorkspace):
    """The arguments of `list_tombstones`."""

    receipt: Id | None = Field(default=None, description="Only those of this receipt.")
    limit: Limit = Field(default=50, description="The most tombstones.")
    cursor: Cursor | None = Field(default=None, description="The `next_cursor` of the page before.")


class TombstoneView(BaseModel):
    """Something that was erased, and is not stored again. Only a keyed hash of it is kept."""

    id: str = Field(description="The tombstone's id.")
    receipt: str = Field(description="The receipt of the erasure.")
    kind: Literal["text", "origin"] = Field(description="A text, or the report of an agent that it came with (origin).")
    made_at: Timestamp = Field(description="When it was erased.")
    lifted_at: Timestamp | None = Field(default=None, description="When a person let it be stored again.")
    lifted_by: str | None = Field(default=None, description="The id of that person.")


class TombstonePage(Answer):
    """A page of tombstones."""

    tombstones: list[TombstoneView] = Field(description="The tombstones, newest first.")
    next_cursor: str | None = Field(default=None, description="Gives the next page; null if there is none.")


class LiftTombstones(Args):
    """The arguments of `lift_tombstones`."""

    id: Id | None = Field(default=None, description="One tombstone.")
    receipt: Id | None = Field(default=None, description="All tombstones of this receipt.")

    @model_validator(mode="after")
    def _refuse_both(self) -> Self:
        if (self.id is None) == (self.receipt is None):
            raise ValueError("send id or receipt, and not both")
        return self


class LiftedTombstones(BaseModel):
    """The text that may be stored again."""

    lifted: int = Field(description="The number of tombstones that were lifted now.")


async def list_receipts(services: Services, call: AccountCall, args: ListReceipts) -> ReceiptPage:
    """Return a page of the receipts of the caller's account, newest first; a bound key sees those of its workspace."""
    place, principal = _RECEIPTS.decode(args.cursor), call.principal
    before = None if place is None else place[0]
    async with services.db.read() as connection:
        account_id = await choose_account(connection, call, args.account, Right.READ)
        found = await receipts.list_receipts(connection, account_id, principal.workspace_id, before, args.limit + 1)
    page = found[: args.limit]
    more = _RECEIPTS.encode((page[-1].id,)) if len(found) > args.limit else None
    return ReceiptPage(receipts=[_to_view(each) for each in page], next_cursor=more)


async def read_receipt(services: Services, call: AccountCall, args: ReceiptRef) -> ReceiptView:
    """Return one receipt. Raises `not_found`, also for another account's."""
    async with services.db.read() as connection:
        return _to_view(await _find_receipt(connection, call.principal, args.id))


async def list_tombstones(services: Services, call: Call, args: ListTombstones) -> TombstonePage:
    """Return a page of the tombstones of the workspace, newest first."""
    place = _TOMBSTONES.decode(args.cursor)
    before = None if place is None else place[0]
    async with services.db.read() as connection:
        found = await tombstones.list_tombstones(connection, call.id_for_reading, args.receipt, before, args.limit + 1)
    page = found[: args.limit]
    more = _TOMBSTONES.encode((page[-1].id,)) if len(found) > args.limit else None
    views = [
        TombstoneView(
            id=each.id,
            receipt=each.receipt_id,
            kind=each.kind,
            made_at=each.made_at,
            lifted_at=each.lifted_at,
            lifted_by=each.lifted_by,
        )
        for each in page
    ]
    return TombstonePage(meta=call.meta, tombstones=views, next_cursor=more)


async def lift_tombstones(services: Services, call: AccountCall, args: LiftTombstones) -> LiftedTombstones:
    """Let what was erased be stored again.

    Raises:
        Failure: `forbidden` for an app, since a person decides that, and for who may only read the workspace;
            `not_found`.
    """
    principal, now = call.principal, services.now()
    if principal.via != "browser" and ADMIN not in principal.scopes:
        message = "A person lifts a tombstone: with `loci erasure lift`, or with a key that has the scope admin."
        raise Failure("forbidden", message)
    async with services.db.read() as connection:
        workspace_id = await _find_workspace_id(connection, principal, args)
    await find_workspace_by_id(services, call, workspace_id, Right.WRITE)
    async with services.db.write() as connection:
        lifted = await tombstones.lift_tombstones(
            connection, workspace_id, principal.user_id, now, tombstone_id=args.id, receipt_id=args.receipt
        )
        if lifted:
            what = {"lifted": str(lifted), "tombstone": args.id or "", "receipt": args.receipt or ""}
            await journal_change(connection, workspace_id, call.actor, now, what)
    return LiftedTombstones(lifted=lifted)


async def _find_workspace_id(connection: AsyncConnection, principal: Principal, args: LiftTombstones) -> str:
    if args.id is None:
        receipt = await _find_receipt(connection, principal, args.receipt or "", "receipt")
        return receipt.workspace_id or ""
    place = await tombstones.find_place(connection, args.id)
    if place is None or not await _may_see(connection, principal, *place):
        raise Failure("not_found", f"There is no tombstone {args.id}.", field="id")
    return place[1]


async def _find_receipt(
    connection: AsyncConnection, principal: Principal, receipt_id: str, field: str = "id"
) -> Receipt:
    found = await receipts.find_receipt(connection, receipt_id)
    if found is None or not await _may_see(connection, principal, found.account_id, found.workspace_id):
        raise Failure("not_found", f"There is no receipt {receipt_id}.", field=field)
    return found


async def _may_see(
    connection: AsyncConnection, principal: Principal, account_id: str, workspace_id: str | None
) -> bool:
    if principal.workspace_id not in {None, workspace_id}:
        return False
    if account_id == principal.account_id:
        return True
    if workspace_id is not None:
        return await find_workspace_right(connection, workspace_id, principal.user_id) is not None
    return await find_account_right(connection, account_id, principal.user_id) is not None


def _to_view(receipt: Receipt) -> ReceiptView:
    fields = {name: getattr(receipt, name) for name in ReceiptView.model_fields}
    return ReceiptView.model_validate(fields | {"memory_ids": receipt.memory_ids[:TOLD_IDS]})


OPERATIONS = (
    Operation(
        name="list_receipts",
        description="List the receipts of what was erased in the account: when, by whom and how much. No content.",
        routes=(("GET", "/v1/receipts"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListReceipts,
        returns=ReceiptPage,
        handler=list_receipts,
        is_listed=False,
    ),
    Operation(
        name="read_receipt",
        description="Read the receipt of one erasure by its id.",
        routes=(("GET", "/v1/receipts/{id}"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ReceiptRef,
        returns=ReceiptView,
        handler=read_receipt,
        is_listed=False,
    ),
    Operation(
        name="list_tombstones",
        description="List what was erased in the workspace and is not stored again. Only hashes of it are kept.",
        routes=(("GET", "/v1/tombstones"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListTombstones,
        returns=TombstonePage,
        handler=list_tombstones,
        is_listed=False,
    ),
    Operation(
        name="lift_tombstones",
        description="For a person: let something that was erased be stored again, or everything of one receipt.",
        routes=(("POST", "/v1/tombstones/lift"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=LiftTombstones,
        returns=LiftedTombstones,
        handler=lift_tombstones,
        is_listed=False,
    ),
)
