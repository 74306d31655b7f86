"""Every setting, its default and its effect: one typed table, read once by the composition root.

The setting `name` is read from the variable `LOCI_NAME`, in the environment or in `loci.env`. A secret can also be read
from the file that `LOCI_NAME_FILE` names. A test compares docs/configuration.md with this table.
"""

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict

from server.limits import Limits
from server.network.origins import normalize_origin
from server.places import find_data_folder
from server.secret_strength import LEAST_BYTES, is_patterned
from server.settings.audit import AuditSettings
from server.settings.checks import check_api_key, check_endpoint_url, check_public_url
from server.settings.embedding import EmbeddingSettings
from server.settings.given import GivenSettings
from server.settings.issuers import IssuerSettings
from server.settings.logins import LoginSettings
from server.settings.problems import describe_problem
from server.settings.search import SearchSettings
from server.settings.telemetry import TelemetrySettings
from server.settings.values import TextList, make_json_parser
from server.variables import PREFIX, Given, read_variables
from server.webhook_secret import COMMAND as WEBHOOK_SECRET_COMMAND
from server.webhook_secret import read_webhook_secret

#: Prints a new secret.
_COMMAND = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


#: At most 60 characters, like the column in the database.
PlanName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]


class Settings(
    LoginSettings, IssuerSettings, SearchSettings, EmbeddingSettings, TelemetrySettings, AuditSettings, GivenSettings
):
    """The settings of one server. Frozen: a changed setting takes effect at the next start."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(default="127.0.0.1", description="The address the server listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="The port the server listens on.")
    public_url: str = Field(
        default="",
        validate_default=True,
        description="The URL that people paste into their client, without a path. Issuer, resource, hosts and origins "
        "follow from it. It must be https, except on a loopback address. "
        "Default: the loopback address of HOST, with PORT, in most cases http://127.0.0.1:PORT.",
    )
    data_dir: Path = Field(
        default_factory=find_data_folder,
        description="The folder of the embedded stores, the models and the keys. Default: `data` beside the Makefile; "
        "for a package of pipx or uv `~/.local/share/loci`.",
    )
    models_dir: Path | None = Field(
        default=None, description="The folder of the models, if they are not in DATA_DIR. Default: DATA_DIR/models."
    )
    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="The SQL database of the record, e.g. postgresql://user:password@host/loci. Default: SQLite in "
        "DATA_DIR.",
    )
    rerank_model: str = Field(
        default="",
        max_length=200,
        description="A fastembed cross-encoder that ranks the best candidates of a recall a second time; empty: none.",
    )
    rerank_ms: int = Field(
        default=200,
        ge=10,
        le=10_000,
        description="How many milliseconds a recall waits for the cross-encoder before it answers without it.",
    )
    open_workspaces: int = Field(
        default=128,
        ge=1,
        le=512,
        description="How many workspaces the embedded engine keeps open, in each engine process.",
    )
    engine_processes: int = Field(
        default=0,
        ge=0,
        le=16,
        description="The number of processes for the embedded engine; 0: it works inside the server's process.",
    )
    consolidation: Literal["off", "duplicates", "tags"] = Field(
        default="duplicates",
        description="The merges of the night in workspaces that have not set it: `off` (nothing), `duplicates` "
        "(memories that say the same in the same words) or `tags` (with them, those that share a tag, are close in "
        "meaning, and are a week old).",
    )
    signup: Literal["closed", "invite", "open"] = Field(
        default="closed",
        description="Sign-up for new accounts: `closed` (use `loci user add`), `invite` (with an "
        "invitation link from `loci user invite`) or `open` (for everybody).",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="Encrypts the stored signing keys; at least 32 random bytes. Default: made once and kept in "
        "DATA_DIR/secret.key.",
    )
    access_token_minutes: int = Field(
        default=30, ge=1, le=60, description="How many minutes an OAuth access token is valid."
    )
    refresh_grace_minutes: int = Field(
        default=60,
        ge=0,
        le=1440,
        description="For how many minutes a used refresh token can be used again, because several windows of an app "
        "often share one; 0: once only.",
    )
    oauth_registration: bool = Field(
        default=True, description="Whether clients may register themselves (RFC 7591). Most clients need this today."
    )
    oauth_local_documents: bool = Field(
        default=False, description="For tests only: client metadata documents may be on loopback addresses."
    )
    trusted_proxies: TextList = Field(
        default_factory=list,
        description="The address ranges (CIDRs) of proxies whose X-Forwarded-For header is used, for throttling only. "
        "The number of their connections is not limited.",
    )
    cors_origins: TextList = Field(
        default_factory=list,
        description="The origins, like https://app.example, whose pages may call this server from a browser, with a "
        "bearer. The metadata and /openapi.json can be read by pages of every origin.",
    )
    rate_limit: int = Field(
        default=6000,
        ge=0,
        description="The requests per minute that each credential may send; 0: no limit. Each window of a long text "
        "that is stored, and each case of a golden run, counts as a request. Requests above the limit get 429 with "
        "Retry-After.",
    )
    metering: bool = Field(
        default=False,
        description="Whether the usage of each account is counted by month: requests, events, memories and tokens. It "
        "is counted anyway if a plan limits what a month allows. See [limits](limits.md).",
    )
    plans: Annotated[
        dict[PlanName, Limits], NoDecode, BeforeValidator(make_json_parser('{"free": {"memories": 100}}'))
    ] = Field(
        default_factory=dict[str, Limits],
        description="The plans that accounts can have, as JSON: for each name the memories, items, workspaces, "
        "monthly_requests and monthly_tokens that the plan allows. A number that is left out means no limit. See "
        "below.",
    )
    default_plan: str = Field(
        default="", description="The plan of accounts without a plan of their own. Default: no plan, no limits."
    )
    undo_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        description="For how many days the text of a deleted memory is kept, hidden, before it is overwritten. The "
        "same holds for everything in a deleted workspace.",
    )
    event_days: int = Field(
        default=30, ge=1, le=3650, description="For how many days events that agents report are kept; memories stay."
    )
    webhook_url: str = Field(
        default="",
        description="The URL that gets events: new accounts, new plans, reached limits and the daily usage, e.g. "
        "https://billing.example.com/loci. It must be https, except on a loopback address. Default: none.",
    )
    webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        validate_default=True,
        description="Signs the events: `whsec_` and base64 of 24 to 64 random bytes. Of two with a space between them "
        "both sign, so that the receiver can change over.",
    )
    audit_webhook: bool = Field(
        default=False,
        description="Whether LOCI_WEBHOOK_URL gets the entries of the audit as well, as events `audit.entries`.",
    )
    llm_url: str = Field(
        default="",
        description="The API of a language model that finds memories in transcripts and in the reports of agents, and "
        "writes the summaries of merged memories, e.g. https://api.openai.com/v1, https://api.anthropic.com or "
        "https://generativelanguage.googleapis.com/v1beta. It must be https, except on a loopback address. Default: "
        "none; rules then find memories in reports, and a summary is a list of the merged texts.",
    )
    llm_api_key: SecretStr = Field(default=SecretStr(""), description="The API key of that language model.")
    llm_model: str = Field(default="", description="The name of that language model. Without a name no model is asked.")
    llm_api: Literal["openai", "anthropic", "gemini"] = Field(
        default="openai", description="The kind of that API: `openai`, `anthropic` or `gemini`."
    )
    llm_daily_tokens: int = Field(
        default=1_000_000,
        ge=0,
        description="The most tokens of the language model that an account may spend on one day on the reports of its "
        "agents; above it, rules read them. 0: no bound.",
    )
    log_format: Literal["text", "json"] = Field(default="text", description="The form of log lines: `text` or `json`.")

    @field_validator("host")
    @classmethod
    def _check_host(cls, value: str) -> str:
        return value.removeprefix("[").removesuffix("]")  # as IPv6 addresses stand in URLs

    @field_validator("data_dir", "models_dir")
    @classmethod
    def _expand_home(cls, value: Path | None) -> Path | None:
        try:
            return value and value.expanduser()  # no shell does it for `loci.env` and for container platforms
        except RuntimeError:
            raise ValueError("begins with the home of a user who is not here") from None

    @field_validator("secret_key")
    @classmethod
    def _check_strength(cls, value: SecretStr) -> SecretStr:
        secret = value.get_secret_value().encode()
        if 0 < len(secret) < LEAST_BYTES:
            raise ValueError(f"must be at least {LEAST_BYTES} bytes long, like the output of {_COMMAND}")
        if secret and is_patterned(secret):
            raise ValueError(f"must be random and not a pattern; take the output of {_COMMAND}")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: list[str]) -> list[str]:
        for cidr in value:
            ipaddress.ip_network(cidr)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: list[str]) -> list[str]:
        try:
            return [normalize_origin(each.rstrip("/")) for each in value]
        except ValueError:
            raise ValueError("must be origins, like https://app.example, with commas between them") from None

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str, info: ValidationInfo) -> str:
        # If LOCI_PORT is wrong, it is not in info.data, and has its own message.
        return check_public_url(value, info.data["host"], info.data.get("port", 0))

    @field_validator("webhook_url")
    @classmethod
    def _check_webhook_url(cls, value: str) -> str:
        return check_endpoint_url(value, "LOCI_WEBHOOK_SECRET", "https://billing.example.com/loci") if value else value

    @field_validator("webhook_secret")
    @classmethod
    def _check_webhook_secret(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        secrets = value.get_secret_value().split()
        if not secrets and info.data.get("webhook_url"):
            raise ValueError(f"must be set, because LOCI_WEBHOOK_URL is; take the output of {WEBHOOK_SECRET_COMMAND}")
        for each in secrets:
            read_webhook_secret(each)
        return value

    @field_validator("audit_webhook")
    @classmethod
    def _check_audit_webhook(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        if value and info.data.get("webhook_url", "wrong") == "":
            raise ValueError("must be left out, because LOCI_WEBHOOK_URL is not set")
        return value

    @field_validator("llm_url")
    @classmethod
    def _check_llm_url(cls, value: str) -> str:
        return check_endpoint_url(value, "LOCI_LLM_API_KEY", "https://api.openai.com/v1") if value else value

    @field_validator("llm_api_key", "qdrant_api_key")
    @classmethod
    def _check_api_key(cls, value: SecretStr) -> SecretStr:
        check_api_key(value.get_secret_value())
        return value

    @field_validator("default_plan")
    @classmethod
    def _check_default_plan(cls, value: str, info: ValidationInfo) -> str:
        plans = info.data.get("plans")  # None if LOCI_PLANS is wrong; that has its own message
        if value and plans is not None and value not in plans:
            known = f"one of {', '.join(plans)}" if plans else "left out because LOCI_PLANS names no plan"
            raise ValueError(f"must be {known}")
        return value

    def with_port(self, port: int) -> "Settings":
        """Return these settings for another port. A public URL that is the default has that port, too."""
        return Settings.model_validate(self.model_dump(exclude_unset=True) | {"port": port})

    @property
    def models(self) -> Path:
        """The folder of the models."""
        return self.models_dir or self.data_dir / "models"

    @property
    def sqlalchemy_url(self) -> str:
        """The record's URL for SQLAlchemy, with the name of the async driver in it."""
        url = self.database_url.get_secret_value()
        if not url:
            return f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'loci.db'}"
        scheme, rest = url.split("://", 1)
        drivers = {"postgres": "postgresql+asyncpg", "postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
        return f"{drivers.get(scheme, scheme)}://{rest}"

    @property
    def resource(self) -> str:
        """The OAuth resource: the URL that a person pastes into a client (RFC 8707, RFC 9728)."""
        return f"{self.public_url}/mcp"


def is_secret(name: str) -> bool:
    """Whether a setting is a secret: it can also be read from a file, and is never printed."""
    return Settings.model_fields[name].annotation is SecretStr


def _place_value(name: str, given: Given) -> str | Path:
    """Return the text of a setting. A relative path in the file of settings begins at the folder of that file."""
    annotation = Settings.model_fields[name].annotation
    is_path = Path in (annotation, *get_args(annotation))
    return given.folder / given.text if is_path and not given.text.startswith("~") else given.text


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the file of settings and from the environment, which wins.

    Raises:
        SystemExit: at least one setting is unknown or wrong; the message names each of them.
    """
    given, problems = read_variables(environ, {name: is_secret(name) for name in Settings.model_fields})
    try:
        settings = Settings.model_validate({name: _place_value(name, each) for name, each in given.items()})
    except ValidationError as error:
        secrets = {name for name in Settings.model_fields if is_secret(name)}
        problems += [describe_problem(each, given, secrets) for each in error.errors()]
        raise SystemExit("\n".join(problems)) from None
    if problems:
        raise SystemExit("\n".join(problems))
    return settings
