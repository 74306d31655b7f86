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
    monthly_requests: int | None = Field(
        default=None, ge=0, description="The requests of a month after which nothing is stored; null: no limit."
    )
    monthly_tokens: int | None = Field(
        default=None,
        ge=0,
        description="The tokens of the language model in a month after which nothing is stored; null: no limit.",
    )

    @property
    def has_monthly(self) -> bool:
        """Whether they limit what an account may use in a month."""
        return self.monthly_requests is not None or self.monthly_tokens is not None
