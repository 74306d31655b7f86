"""The limits of an account, as the setting LOCI_PLANS gives them."""

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """The limits that a plan sets for an account. None means no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    memories: int | None = Field(default=None, ge=0, description="The number of memories allowed; null: no limit.")
    items: int | None = Field(
        default=None, ge=0, description="The number of items allowed in working memory; null: no limit."
    )
    workspaces: int | None = Field(default=None, ge=0, description="The number of workspaces allowed; null: no limit.")
