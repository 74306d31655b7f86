"""The settings of a workspace, with their bounds and defaults."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.memory.languages import Language

SkipEnforcement = Literal["annotate", "withhold"]
CredentialRule = Literal["notice", "refuse", "redact"]
Consolidation = Literal["off", "duplicates", "tags"]
#: In lower case, as the analyzer sees words.
StopWord = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=100)]
MemoryType = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Days = Annotated[float, Field(gt=0, le=36_500, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class WorkspaceSettings(BaseModel):
    """A workspace's settings. Each has a default, so only the values that somebody set are stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recall_alpha: Share = Field(default=0.5, description="The share of the words in a memory's score, 0 to 1.")
    recall_threshold: Share = Field(
        default=0.0,
        description="How sure recall must be that a memory fits before it answers, 0 to 1; 0 turns this off.",
    )
    language: Language = Field(default="english", description="The language whose words are stemmed.")
    stop_words: Annotated[list[StopWord], Field(max_length=200)] = Field(
        default=[], description="Up to 200 words that recall ignores, in addition to the language's own."
    )
    skip_enforcement: SkipEnforcement = Field(
        default="annotate",
        description="The treatment of a recalled memory that matches the skip list: annotate or withhold.",
    )
    prompt_tokens: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=800,
        description="The most tokens of memories that a hook adds to a prompt; 0 for none.",
    )
    half_life_days: Days = Field(
        default=7.0,
        description="The number of days in which an unused memory's relevance halves; more than 0, up to 36500.",
    )
    half_lives: Annotated[dict[MemoryType, Days], Field(max_length=50)] = Field(
        default={}, description='Other half-lives, in days, for up to 50 types of memories: {"fact": 30}.'
    )
    consolidation: Consolidation = Field(
        default="duplicates",
        description="The merges of the night: off (nothing), duplicates (memories that say the same in the same words) "
        "or tags (with them, those that share a tag, are close in meaning, and are a week old).",
    )
    consolidation_share: Share = Field(
        default=0.5,
        description="A consolidation stops if it would change more than this share of the workspace, 0 to 1. While "
        "this is not set, up to twenty memories are always allowed.",
    )
    secrets: CredentialRule = Field(
        default="notice",
        description="The treatment of a text that looks like a credential when it is stored: notice, refuse or redact.",
    )

    @property
    def chosen_share(self) -> float | None:
        """`consolidation_share` if it was set, else None."""
        return self.consolidation_share if "consolidation_share" in self.model_fields_set else None


DEFAULTS = WorkspaceSettings()
