"""An account's usage and limits, as answers show them."""

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.limits import Limits
from server.store.record.people.plans import Plans


class QuotaUsage(BaseModel):
    """The number of things of one kind, and its limit."""

    current: int = Field(description="The number that the account has.")
    limit: int | None = Field(default=None, description="The largest number that it may have; null: no limit.")


class Quota(BaseModel):
    """An account's usage in all of its workspaces, and the limits of its plan."""

    plan: str | None = Field(default=None, description="The account's plan; null if there is none.")
    notice: str | None = Field(default=None, description="A fact to know about the plan.")
    memories: QuotaUsage = Field(description="Its memories: all but deleted ones.")
    items: QuotaUsage = Field(description="Its items of working memory: all but archived ones.")
    workspaces: QuotaUsage = Field(description="Its workspaces.")


class LimitsView(BaseModel):
    """The limits of a plan."""

    memories: int | None = Field(default=None, description="The most memories; null: no limit.")
    items: int | None = Field(default=None, description="The most items of working memory; null: no limit.")
    workspaces: int | None = Field(default=None, description="The most workspaces; null: no limit.")
    monthly_requests: int | None = Field(
        default=None, description="The requests of a month after which nothing is stored; null: no limit."
    )
    monthly_tokens: int | None = Field(
        default=None, description="The same for tokens of the language model; null: no limit."
    )

    @classmethod
    def from_limits(cls, limits: Limits) -> "LimitsView":
        """Return the limits of a plan as an answer shows them."""
        return cls.model_validate(limits.model_dump())


async def read_quota(connection: AsyncConnection, plans: Plans, account_id: str) -> Quota:
    """Read an account's usage and limits."""
    standing = await plans.read_standing(connection, account_id)
    used = await plans.count_usage(connection, account_id)
    limits = standing.limits
    lost = f"{standing.lost} is not a plan of this server any more; the default plan applies" if standing.lost else None
    return Quota(
        plan=standing.plan,
        notice=lost,
        memories=QuotaUsage(current=used["memories"], limit=limits.memories),
        items=QuotaUsage(current=used["items"], limit=limits.items),
        workspaces=QuotaUsage(current=used["workspaces"], limit=limits.workspaces),
    )
