"""The settings of the search store, a part of the table of settings."""

from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings


class SearchSettings(BaseSettings):
    """Where memories are searched, and how a Qdrant server keeps them. By default the embedded engine does it."""

    qdrant_url: str = Field(
        default="", description="A Qdrant server or cluster. Default: the embedded engine in DATA_DIR."
    )
    qdrant_api_key: SecretStr = Field(default=SecretStr(""), description="The API key of that Qdrant server.")
    qdrant_timeout_seconds: int = Field(
        default=10, ge=1, le=300, description="How many seconds a request to the Qdrant server may take."
    )
    qdrant_shards: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Into how many shards the Qdrant server divides a new collection; 0: as it is configured. This "
        "and the next four settings count when a collection is made; `loci reindex` makes all "
        "collections again.",
    )
    qdrant_replicas: int = Field(
        default=0,
        ge=0,
        le=100,
        description="On how many nodes of a cluster each shard of a new collection is; 0: as the cluster is "
        "configured.",
    )
    qdrant_write_consistency: int = Field(
        default=0,
        ge=0,
        le=100,
        description="How many replicas must confirm a write to a new collection; 0: as the cluster is configured.",
    )
    qdrant_on_disk: bool = Field(
        default=False,
        description="Whether new collections keep vectors and payloads on the disk and not in memory.",
    )
    qdrant_quantization: Literal["none", "scalar", "binary"] = Field(
        default="none",
        description="How new collections shorten their vectors in memory: `none`, `scalar` (int8, a quarter of the "
        "size) or `binary` (a bit for each number, a 32nd of the size; for vectors of 1024 numbers and more). The "
        "candidates are scored again with the whole vectors.",
    )

    layout: Literal["workspace", "shared"] = Field(
        default="workspace",
        description="The layout of the collections: `workspace` gives each workspace a collection of its own; with "
        "`shared` all workspaces share collections, for a Qdrant server with more than some hundreds of workspaces. It "
        "holds for new workspaces; `loci migrate-store` moves the others. See [scaling](scaling.md).",
    )

    @field_validator("layout")
    @classmethod
    def _check_layout(cls, value: str, info: ValidationInfo) -> str:
        if value == "shared" and not info.data.get("qdrant_url"):
            raise ValueError("must be workspace without LOCI_QDRANT_URL; the embedded engine shares no collections")
        return value

    @field_validator("qdrant_write_consistency")
    @classmethod
    def _check_write_consistency(cls, value: int, info: ValidationInfo) -> int:
        replicas = info.data.get("qdrant_replicas", 0)
        if replicas and value > replicas:
            raise ValueError(f"must be at most LOCI_QDRANT_REPLICAS ({replicas}), or no write could succeed")
        return value
