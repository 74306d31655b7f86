"""The settings of metrics and traces, a part of the table of settings."""

from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings


class TelemetrySettings(BaseSettings):
    """The reports of the server to Prometheus and to a collector of traces. By default there are none."""

    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="The port of a listener of its own for `/metrics`, in Prometheus' format; 0: there is none. "
        "Each process of several needs its own. See docs/operations.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="The address of that listener. It asks for no login, so let only Prometheus reach it.",
    )
    traces_endpoint: str = Field(
        default="",
        description="The collector that traces are sent to, in OpenTelemetry's protocol over HTTP, e.g. "
        "http://127.0.0.1:4318. `/v1/traces` is added to a URL without a path. Default: no traces.",
    )
    traces_sample: float = Field(
        default=1.0, ge=0, le=1, description="The share of the requests that are traced, from 0 to 1."
    )

    @field_validator("metrics_host")
    @classmethod
    def _check_metrics_host(cls, value: str) -> str:
        return value.removeprefix("[").removesuffix("]")  # as IPv6 addresses stand in URLs

    @field_validator("traces_endpoint")
    @classmethod
    def _check_traces_endpoint(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value.rstrip("/"))
        _ = parts.port  # raises ValueError if it is not a number
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be scheme://host[:port], like http://127.0.0.1:4318")
        if parts.username is not None:
            raise ValueError("must not contain a password; let a collector on this machine add it")
        return parts._replace(path=parts.path or "/v1/traces").geturl()
