"""The plan of an account: how much it may store."""

import structlog
from pydantic import BaseModel, Field

from server.errors import Failure
from server.store.record.people import accounts
from tools.core.arguments import Args
from tools.core.call import AccountCall
from tools.core.fields import Id, Word
from tools.core.limits.quota import LimitsView
from tools.core.operation import Effect, Operation
from tools.core.server_admin import check_server_admin
from tools.core.services import Services

log = structlog.get_logger(__name__)


class SetPlan(Args):
    """The arguments of `set_plan`."""

    plan: Word | None = Field(description="One of the server's plans; null for the default one.")
    user_id: Id | None = Field(default=None, description="The user whose account gets it. Default: your own.")


class AccountPlan(BaseModel):
    """The account's plan from now on."""

    user_id: str = Field(description="The user whose account it is.")
    plan: str | None = Field(default=None, description="Its plan; null if there is no default.")
    is_default: bool = Field(description="Whether the account has the default plan.")
    limits: LimitsView = Field(description="The limits of the plan.")


async def set_plan(services: Services, call: AccountCall, args: SetPlan) -> AccountPlan:
    """Give an account a plan. It limits the next write; the account keeps everything that it has already.

    Raises `forbidden` if the caller is no administrator of the server or has a key that is bound to a workspace,
    `invalid` for an unknown plan, and `not_found` for an unknown user.
    """
    principal = call.principal
    async with services.db.write() as connection:
        await check_server_admin(
            connection, principal, "Plans are set by an administrator of this server, with a key that is not bound."
        )
        user = await accounts.get_user(connection, args.user_id or principal.user_id)
        if user is None:
            raise Failure("not_found", f"There is no user {args.user_id}.", field="user_id")
        call.note_account(user.account_id)
        standing = await services.plans.set_plan(connection, user.account_id, args.plan)
    log.info("plan.set", user=user.id, plan=args.plan, by=principal.user_id)
    limits = LimitsView.from_limits(standing.limits)
    return AccountPlan(user_id=user.id, plan=standing.plan, is_default=args.plan is None, limits=limits)


OPERATIONS = (
    Operation(
        name="set_plan",
        description=(
            "For the administrator: give an account one of the server's plans, which limits its number of memories, "
            "items and workspaces. The account keeps everything that it already has."
        ),
        routes=(("PUT", "/v1/admin/plan"),),
        scope="admin",
        effect=Effect.UPDATE,
        args=SetPlan,
        returns=AccountPlan,
        handler=set_plan,
        is_listed=False,
    ),
)
