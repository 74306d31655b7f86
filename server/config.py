"""Every setting, its default and what it does: one typed table, read once by the composition root.

A setting `name` is read from `LOCI_NAME`; one marked secret also from the file that `LOCI_NAME_FILE` names.
docs/configuration.md is held against this table by a test.
"""

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "LOCI_"
#: Those of the tests, and of the hook, which may stand in the environment that a server is started from.
_OTHERS = re.compile(r"LOCI_((TEST|BENCH|HOOK)_\w+|URL|API_KEY|WORKSPACE)")
#: Of a wrong value, how much is shown.
SHOWN = 80


def _split(value: object) -> object:
    """Comma-separated text as a list, so that an environment variable can hold one."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _json(value: object) -> object:
    """JSON text as what it says; without any, nothing."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else {}
    except (ValueError, RecursionError):
        raise ValueError('must be JSON, like {"free": {"memories": 100}}') from None


class Limits(BaseModel):
    """How much an account may have by its plan; None is no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    memories: int | None = Field(default=None, ge=0, description="How many memories; null: no limit.")
    items: int | None = Field(default=None, ge=0, description="How many items of working memory; null: no limit.")
    workspaces: int | None = Field(default=None, ge=0, description="How many workspaces; null: no limit.")


#: As wide as the column.
PlanName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]


class Settings(BaseSettings):
    """The settings of one server. Frozen: a change takes a restart."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field("127.0.0.1", description="The address the server listens on.")
    port: int = Field(8080, ge=0, le=65535, description="The port the server listens on.")
    public_url: str = Field(
        "",
        description="The URL people paste, without a path. It fixes issuer, resource, hosts and origins. "
        "https unless it is loopback. Default: http://127.0.0.1:PORT.",
    )
    data_dir: Path = Field(Path("data"), description="Where the embedded stores, the models and the keys lie.")
    database_url: SecretStr = Field(
        SecretStr(""),
        description="SQL for the record, e.g. postgresql://user:password@host/loci. Default: SQLite in DATA_DIR.",
    )
    qdrant_url: str = Field("", description="A Qdrant server or cluster. Default: the embedded engine in DATA_DIR.")
    qdrant_api_key: SecretStr = Field(SecretStr(""), description="The API key of that Qdrant server.")
    embedding_url: str = Field(
        "",
        description="An OpenAI-compatible endpoint that embeds instead of a model here, e.g. "
        "http://127.0.0.1:11434/v1. https unless it is loopback. What is stored and asked is sent there.",
    )
    embedding_api_key: SecretStr = Field(SecretStr(""), description="The API key of that endpoint.")
    embedding_model: str = Field(
        "auto",
        max_length=200,
        validate_default=True,
        description="A fastembed model name; `auto` takes the first one that is here; `none` ranks by keyword only. "
        "With LOCI_EMBEDDING_URL: the name of the model there.",
    )
    embedding_dims: int = Field(
        0, ge=0, le=8192, description="How long the endpoint's vectors shall be; 0: as long as they come."
    )
    embedding_threads: int = Field(0, ge=0, le=64, description="Threads of a model that runs here; 0: one per core.")
    backfill_per_second: int = Field(
        0,
        ge=0,
        description="How many stored memories are embedded a second, at most, when vectors are missing or the model is "
        "new; 0: as fast as it goes, questions first.",
    )
    rerank_model: str = Field(
        "",
        max_length=200,
        description="A fastembed cross-encoder that looks at the best candidates of a recall once more; empty: none.",
    )
    rerank_ms: int = Field(
        200, ge=10, le=10_000, description="How long a recall waits for the cross-encoder before it goes on without."
    )
    open_workspaces: int = Field(
        128, ge=1, le=512, description="How many embedded workspaces stay open at once, in each engine process."
    )
    engine_processes: int = Field(
        0, ge=0, le=16, description="Processes for the embedded engine to work in; 0: it works in the server's own."
    )
    signup: Literal["closed", "invite", "open"] = Field("closed", description="Who may make an account.")
    secret_key: SecretStr = Field(
        SecretStr(""), description="Encrypts signing keys at rest. Default: made once and kept in DATA_DIR/secret.key."
    )
    access_token_minutes: int = Field(30, ge=1, le=60, description="How long an OAuth access token lives.")
    oauth_registration: bool = Field(
        True, description="Whether clients may register themselves (RFC 7591); most of today's clients need it."
    )
    oauth_local_documents: bool = Field(
        False, description="For tests only: allows client metadata documents on loopback addresses."
    )
    trusted_proxies: Annotated[list[str], NoDecode, BeforeValidator(_split)] = Field(
        default_factory=list, description="CIDRs whose X-Forwarded-For counts, for throttling only."
    )
    rate_limit: int = Field(
        6000, ge=0, description="Requests a minute for each credential; 0: no limit. Above it: 429 with Retry-After."
    )
    plans: Annotated[dict[PlanName, Limits], NoDecode, BeforeValidator(_json)] = Field(
        default_factory=dict[str, Limits],
        description="Plans that accounts can have, as JSON: a name, and how many memories, items and workspaces it "
        "allows; what is left out has no limit. See below.",
    )
    default_plan: str = Field("", description="The plan of accounts that were given none. Default: none, no limits.")
    undo_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="For how many days a deleted memory's text is kept, unseen, before it is overwritten.",
    )
    llm_url: str = Field(
        "",
        description="A language model that summarizes what consolidation merges, e.g. https://api.openai.com/v1 or "
        "https://api.anthropic.com. Default: none; summaries are lists of what was merged.",
    )
    llm_api_key: SecretStr = Field(SecretStr(""), description="The API key of that language model.")
    llm_model: str = Field("", description="The name of that language model; it is asked only where this is set.")
    llm_api: Literal["openai", "anthropic"] = Field("openai", description="Which API it speaks.")
    log_format: Literal["text", "json"] = Field("text", description="How log lines look.")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: list[str]) -> list[str]:
        for cidr in value:
            ipaddress.ip_network(cidr)
        return value

    @field_validator("embedding_url")
    @classmethod
    def _is_an_endpoint(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value.rstrip("/"))
        _ = parts.port  # a ValueError where it is no number
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be scheme://host[:port]/path, like https://api.openai.com/v1")
        if parts.username is not None:
            raise ValueError("must not hold a password; LOCI_EMBEDDING_API_KEY is for that")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("must be https unless it is a loopback address")
        return parts.geturl()

    @field_validator("embedding_api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr) -> SecretStr:
        if not all("!" <= character <= "~" for character in value.get_secret_value()):
            raise ValueError("must be visible ASCII without spaces")
        return value

    @field_validator("embedding_model")
    @classmethod
    def _names_the_endpoints_model(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("embedding_url") and value in {"", "auto", "none"}:
            raise ValueError("must name the model at LOCI_EMBEDDING_URL; `auto` and `none` are for models here")
        return value

    @field_validator("default_plan")
    @classmethod
    def _is_a_plan(cls, value: str, info: ValidationInfo) -> str:
        plans = info.data.get("plans")  # not there where they are wrong themselves, which is told
        if value and plans is not None and value not in plans:
            known = f"one of {', '.join(plans)}" if plans else "left out as long as LOCI_PLANS names no plan"
            raise ValueError(f"must be {known}")
        return value

    @model_validator(mode="after")
    def _public_url_is_an_origin(self) -> Self:
        url = self.public_url.rstrip("/") or f"http://127.0.0.1:{self.port}"
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.fragment:
            raise ValueError("public_url must be scheme://host[:port] without a path")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("public_url must be https unless it is a loopback address")
        object.__setattr__(self, "public_url", url)  # the model is frozen, and this is its constructor
        return self

    @property
    def sqlalchemy_url(self) -> str:
        """The record's URL, with the async driver named."""
        url = self.database_url.get_secret_value()
        if not url:
            return f"sqlite+aiosqlite:///{self.data_dir.absolute() / 'loci.db'}"
        scheme, rest = url.split("://", 1)
        drivers = {"postgres": "postgresql+asyncpg", "postgresql": "postgresql+asyncpg", "sqlite": "sqlite+aiosqlite"}
        return f"{drivers.get(scheme, scheme)}://{rest}"

    @property
    def resource(self) -> str:
        """The OAuth resource: the URL a person pastes (RFC 8707, RFC 9728)."""
        return f"{self.public_url}/mcp"


def is_loopback(host: str) -> bool:
    """Whether a host name or address never leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_secret(name: str) -> bool:
    """Whether a setting may also be read from a file, and must never be printed."""
    return Settings.model_fields[name].annotation is SecretStr


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from the environment and from the files it names.

    Raises:
        SystemExit: a setting is unknown or wrong; the message names each one.
    """
    values: dict[str, str] = {}
    problems: list[str] = []
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or _OTHERS.fullmatch(variable):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name in Settings.model_fields:
            values[name] = value
        elif (base := name.removesuffix("_file")) in Settings.model_fields and is_secret(base):
            try:
                values[base] = Path(value).read_text().strip()
            except OSError as error:
                problems.append(f"{variable}: {value}: {error.strerror}")
        else:
            problems.append(f"{variable}: there is no such setting; docs/configuration.md lists them")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_problem(each, values) for each in error.errors()]
        raise SystemExit("\n".join(problems)) from None
    if problems:
        raise SystemExit("\n".join(problems))
    return settings


_SAY = {
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "bool_parsing": "must be true or false",
    "literal_error": "must be {expected}",
    # only plans are made of these
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "extra_forbidden": f"there is no such limit; there are {', '.join(Limits.model_fields)}",
    "string_pattern_mismatch": "must be a name of 1 to 60 letters, digits and . _ - that begins with a letter or digit",
}


def _problem(error: ErrorDetails, values: Mapping[str, str]) -> str:
    """Which setting is wrong, and how. What is checked as a whole is the public URL; a secret is not shown."""
    name = str(error["loc"][0]) if error["loc"] else "public_url"
    # what has an @ in it may be a URL with a password
    is_shown = name in values and not is_secret(name) and "@" not in values[name]
    inside = ".".join(str(part) for part in error["loc"][1:] if part != "[key]")
    demand = f"{inside[:SHOWN]}: {_demand(error)}" if inside else _demand(error)
    return f"{PREFIX}{name.upper()}: {demand}" + (f"; you set {values[name][:SHOWN]!r}" if is_shown else "")


def _demand(error: ErrorDetails) -> str:
    """What a setting must be, without the words of the library that checks it."""
    template = _SAY.get(error["type"])
    if template is None:
        return error["msg"].removeprefix("Value error, ").removeprefix("public_url ")
    return template.format(**error.get("ctx", {}))
