"""The types of arguments that several subjects share. Each refuses a wrong value with a sentence."""

from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from server.memory.models import EARLIEST, LATEST, read_moment
from server.names import find_name_fault

CONTENT_BYTES = 32 * 1024
METADATA_BYTES = 16 * 1024
QUERY_CHARACTERS = 100_000
#: The most other workspaces that a call can name.
MAX_PEEKED_WORKSPACES = 5


def _parse_time(value: object) -> datetime:
    """Read a date or date-time in ISO 8601, to the millisecond. Without a zone it is UTC."""
    moment = _read_moment(value)
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"must lie between {EARLIEST.date()} and {LATEST.date()}")
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def _parse_end(value: object) -> datetime | None:
    """Read the time at which something ends; None, so never, for "never" and for the last days of the calendar."""
    if isinstance(value, str) and value.strip().casefold() == "never":
        return None
    return None if value is None or _read_moment(value) > LATEST else _parse_time(value)


def _parse_as_of(value: object) -> datetime:
    """Read a date or date-time; a date alone is its end, so that it is meant with all that happened on it."""
    moment = _parse_time(value)
    is_day = isinstance(value, str) and len(value.strip()) == len("2026-11-21")
    return moment + timedelta(days=1, milliseconds=-1) if is_day else moment


def _read_moment(value: object) -> datetime:
    if isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, str):
        raise ValueError("must be a date or date-time as text, like 2026-11-21T09:30:00Z")  # noqa: TRY004 - pydantic reports ValueError
    try:
        return read_moment(value)
    except ValueError:
        raise ValueError("must be a date or date-time in ISO 8601, like 2026-11-21 or 2026-11-21T09:30:00Z") from None


def _check_content(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    size = len(value.encode())
    if size > CONTENT_BYTES:
        raise ValueError(
            f"must be at most {CONTENT_BYTES} bytes of UTF-8; this is {size}. Split it into several memories"
        )
    return value


def _check_size(value: str) -> str:
    size = len(value.encode())
    if size > CONTENT_BYTES:
        raise ValueError(f"must be at most {CONTENT_BYTES} bytes of UTF-8; this is {size}. Shorten it")
    return value


def _check_not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def check_zone(value: str) -> str:
    """Return the name of a time zone; raise ValueError if the IANA database does not have it."""
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("must be a time zone of the IANA database, like Europe/Berlin, or UTC") from None
    return value


def check_seen(value: str) -> str:
    """Return a name; raise ValueError if it has something that cannot be seen."""
    if (fault := find_name_fault(value)) is not None:
        raise ValueError(fault)
    return value


def _check_workspace_count(value: list[str]) -> list[str]:
    if len(value) > MAX_PEEKED_WORKSPACES:
        raise ValueError(
            f"Too many workspaces: at most {MAX_PEEKED_WORKSPACES} can be looked into; you named {len(value)}"
        )
    return value


Moment = Annotated[datetime, BeforeValidator(_parse_time), WithJsonSchema({"type": "string", "format": "date-time"})]
#: A time whose state is asked for.
AsOf = Annotated[datetime, BeforeValidator(_parse_as_of), WithJsonSchema({"type": "string", "format": "date-time"})]
#: When something ends: a time, or never.
End = Annotated[datetime | None, BeforeValidator(_parse_end), WithJsonSchema({"type": "string", "format": "date-time"})]
#: Text that is not blank.
_FILLED = Field(json_schema_extra={"minLength": 1})
Content = Annotated[str, AfterValidator(_check_content), _FILLED]
#: Text that may be empty.
Prose = Annotated[str, AfterValidator(_check_size)]
#: Any text: an id that nothing has is answered with 404, whatever it looks like.
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Question = Annotated[str, StringConstraints(max_length=QUERY_CHARACTERS), AfterValidator(_check_not_blank), _FILLED]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
#: A name that is given to something new, and not one by which something is found.
NewName = Annotated[Name, AfterValidator(check_seen)]
ZoneName = Annotated[Word, AfterValidator(check_zone)]
#: A word that is given to something new.
NewWord = Annotated[Word, AfterValidator(check_seen)]
NewWords = Annotated[list[NewWord], Field(max_length=50)]
Words = Annotated[list[Word], Field(max_length=50)]
WorkspaceNames = Annotated[
    list[Word], AfterValidator(_check_workspace_count), Field(json_schema_extra={"maxItems": MAX_PEEKED_WORKSPACES})
]
