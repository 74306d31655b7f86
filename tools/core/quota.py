"""How much an account has and may have, as answers tell it."""

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.limits import Limits
from server.store.record.people.plans import Plans


class Use(BaseModel):
    """How much there is of something, and may be."""

    current: int = Field(description="How many the account has.")
    limit: int | None = Field(default=None, description="How many it may have; null: no limit.")


class Quota(BaseModel):
    """What an account has in all of its workspaces, against what its plan allows."""

    plan: str | None = Field(default=None, description="The account's plan; null where there is none.")
    notice: str | None = Field(default=None, description="What to know about the plan.")
    memories: Use = Field(description="Its memories: all but deleted ones.")
    items: Use = Field(description="Its items of working memory: all but archived ones.")
    workspaces: Use = Field(description="Its workspaces.")


class LimitsView(BaseModel):
    """What a plan allows."""

    memories: int | None = Field(default=None, description="How many memories; null: no limit.")
    items: int | None = Field(default=None, description="How many items of working memory; null: no limit.")
    workspaces: int | None = Field(default=None, description="How many workspaces; null: no limit.")

    @classmethod
    def of(cls, limits: Limits) -> "LimitsView":
        """A plan's limits."""
        return cls(memories=limits.memories, items=limits.items, workspaces=limits.workspaces)


async def quota_of(connection: AsyncConnection, plans: Plans, account_id: str) -> Quota:
    """How much an account has, and may have."""
    standing = await plans.of(connection, account_id)
    used = await plans.usage(connection, account_id)
    limits = standing.limits
    lost = f"{standing.lost} is none of this server's plans any more; the default holds" if standing.lost else None
    return Quota(
        plan=standing.plan,
        notice=lost,
        memories=Use(current=used["memories"], limit=limits.memories),
        items=Use(current=used["items"], limit=limits.items),
        workspaces=Use(current=used["workspaces"], limit=limits.workspaces),
    )
