"""The types of arguments that several subjects share. Each refuses a wrong value with a sentence."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from server.memory.models import EARLIEST, LATEST

CONTENT_BYTES = 32 * 1024
METADATA_BYTES = 16 * 1024
QUERY_CHARACTERS = 100_000
#: The most other workspaces that a call can name.
MAX_PEEKED_WORKSPACES = 5


def _parse_time(value: object) -> datetime:
    """Read a date or date-time in ISO 8601, to the millisecond. Without a zone it is UTC."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(
                "must be a date or date-time in ISO 8601, like 2026-11-21 or 2026-11-21T09:30:00Z"
            ) from None
    else:
        raise ValueError("must be a date or date-time as text, like 2026-11-21T09:30:00Z")  # noqa: TRY004 - pydantic reports ValueError
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999") from None
    if not EARLIEST <= moment <= LATEST:
        raise ValueError("must lie between the years 1 and 9999")
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def _split_list(value: object) -> object:
    """Split comma-separated text, as query strings have it, into a list; leave a list as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


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


def _check_workspace_count(value: list[str]) -> list[str]:
    if len(value) > MAX_PEEKED_WORKSPACES:
        raise ValueError(
            f"Too many workspaces: at most {MAX_PEEKED_WORKSPACES} can be looked into; you named {len(value)}"
        )
    return value


Moment = Annotated[datetime, BeforeValidator(_parse_time), WithJsonSchema({"type": "string", "format": "date-time"})]
Content = Annotated[str, AfterValidator(_check_content)]
#: Text that may be empty.
Prose = Annotated[str, AfterValidator(_check_size)]
#: Any text: an id that nothing has is answered with 404, whatever it looks like.
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Question = Annotated[str, StringConstraints(max_length=QUERY_CHARACTERS), AfterValidator(_check_not_blank)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Tags = Annotated[list[Word], Field(max_length=50)]
#: Words in a list, or in one text with commas. The field sets the largest number of words.
WordList = Annotated[list[Word], BeforeValidator(_split_list)]
Words = Annotated[WordList, Field(max_length=50)]
WorkspaceNames = Annotated[WordList, AfterValidator(_check_workspace_count)]
