"""The settings of the audit, a part of the table of settings."""

import ipaddress
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode

_SHAPE = "must be an IP address and a port, like 127.0.0.1:514 or [::1]:514"


def _read_address(value: object) -> object:
    """Read an address with a port; None for an empty text."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    host, colon, port = value.strip().rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError(_SHAPE) from None
    if not colon or not port.isdecimal() or not 0 < int(port) < 1 << 16 or (address.version == 6) != (host[0] == "["):  # noqa: PLR2004
        raise ValueError(_SHAPE)
    return str(address), int(port)


class AuditSettings(BaseSettings):
    """The audit of the calls. By default every call is noted, and the notes stay in the record."""

    audit: Literal["all", "changes", "off"] = Field(
        default="all",
        description="The calls that the audit notes: `all`, `changes` (not those that only read) or `off`. See "
        "[audit](audit.md).",
    )
    audit_days: int = Field(
        default=365, ge=0, le=36_500, description="For how many days entries of the audit are kept; 0: for ever."
    )
    audit_syslog: Annotated[tuple[str, int] | None, NoDecode, BeforeValidator(_read_address)] = Field(
        default=None,
        description="The IP address and the port of a syslog server that gets each entry of the audit over UDP "
        "(RFC 5424), e.g. 127.0.0.1:514. Default: none.",
    )
