"""The settings of the embeddings, a part of the table of settings."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from server.embedding_providers import ENDPOINT, LOCAL, PRESETS, find_custom_provider, list_providers
from server.settings.checks import check_api_key, check_endpoint_url


class EmbeddingSettings(BaseSettings):
    """The model that embeds texts, and the provider of that model. By default it is a model on this machine."""

    embedding_provider: str = Field(
        default="",
        max_length=100,
        description="The place in which texts are embedded: `local` (a model on this machine), `openai`, `cohere`, "
        "`voyage`, `ollama`, `endpoint` (LOCI_EMBEDDING_URL, OpenAI-compatible), or the name of a provider that an "
        "installed package brings. Default: `endpoint` if LOCI_EMBEDDING_URL is set, else `local`. See below.",
    )
    embedding_url: str = Field(
        default="",
        validate_default=True,
        description="The URL of the provider, e.g. http://127.0.0.1:11434/v1; `openai`, `cohere`, `voyage` and "
        "`ollama` have one of their own. It must be https, except on a loopback address. The text of every memory and "
        "of every question is sent there.",
    )
    embedding_api_key: SecretStr = Field(
        default=SecretStr(""), validate_default=True, description="The API key of the provider."
    )
    embedding_model: str = Field(
        default="auto",
        max_length=200,
        validate_default=True,
        description="The name of a fastembed model. `auto` takes the first model that is on this machine. "
        "`multilingual` is one of some 50 languages. With `none` recall ranks by keyword only. With another provider: "
        "the name of its model; `auto` is the provider's usual one.",
    )
    embedding_dims: int = Field(
        default=0, ge=0, le=8192, description="The vector length to ask the provider for; 0: the model's own."
    )
    embedding_threads: int = Field(
        default=0, ge=0, le=64, description="The number of threads of a model on this machine; 0: one per core."
    )
    backfill_per_second: int = Field(
        default=0,
        ge=0,
        description="The most stored memories to embed per second if vectors are missing or the model is new; 0: no "
        "limit. Questions are always embedded first.",
    )

    @field_validator("embedding_provider")
    @classmethod
    def _check_embedding_provider(cls, value: str) -> str:
        if value and value not in {LOCAL, *PRESETS} and find_custom_provider(value) is None:
            raise ValueError(f"must be one of {', '.join(list_providers())}")
        return value

    @field_validator("embedding_url")
    @classmethod
    def _check_embedding_url(cls, value: str, info: ValidationInfo) -> str:
        provider = info.data.get("embedding_provider", "")
        if not value:
            if provider == ENDPOINT:
                raise ValueError("must be set, because LOCI_EMBEDDING_PROVIDER is endpoint")
            return value
        if provider == LOCAL:
            raise ValueError("must be left out, because LOCI_EMBEDDING_PROVIDER is local")
        return check_endpoint_url(value, "LOCI_EMBEDDING_API_KEY", "https://api.openai.com/v1")

    @field_validator("embedding_api_key")
    @classmethod
    def _check_embedding_api_key(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        key, provider = value.get_secret_value(), info.data.get("embedding_provider", "")
        preset = PRESETS.get(provider)
        # Somebody who sets a URL may have a proxy there, which adds the key.
        if not key and preset is not None and preset.needs_key and not info.data.get("embedding_url"):
            raise ValueError(f"must be set, because LOCI_EMBEDDING_PROVIDER is {provider}")
        check_api_key(key)
        return value

    @field_validator("embedding_model")
    @classmethod
    def _check_embedding_model(cls, value: str, info: ValidationInfo) -> str:
        provider = info.data.get("embedding_provider") or (ENDPOINT if info.data.get("embedding_url") else LOCAL)
        if provider != LOCAL and value == "none":
            raise ValueError("must not be none; leave LOCI_EMBEDDING_PROVIDER and LOCI_EMBEDDING_URL out instead")
        if provider != LOCAL and value == "multilingual":
            raise ValueError("must name a model of the provider; `multilingual` is one on this machine")
        if provider == ENDPOINT and value in {"", "auto"}:
            raise ValueError("must name the model at LOCI_EMBEDDING_URL; `auto` is for a provider with a usual model")
        return value

    @property
    def chosen_provider(self) -> str:
        """The provider of embeddings: `local`, a preset's name, or a name that an installed package brings."""
        return self.embedding_provider or (ENDPOINT if self.embedding_url else LOCAL)
