"""Types that several subjects' arguments share; each refuses in words what it cannot take."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from server.memory.models import EARLIEST, LATEST

CONTENT_BYTES = 32 * 1024
METADATA_BYTES = 16 * 1024
QUERY_CHARACTERS = 100_000
#: How many workspaces can be looked into beside one's own.
PEEKS = 5


def _when(value: object) -> datetime:
    """A date or date-time in ISO 8601; without a zone it is UTC. Kept to the millisecond."""
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


def _listed(value: object) -> object:
    """Comma-separated text as a list, for query strings; a list stays."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _content(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    size = len(value.encode())
    if size > CONTENT_BYTES:
        raise ValueError(
            f"must be at most {CONTENT_BYTES} bytes of UTF-8; this is {size}. Split it into several memories"
        )
    return value


def _sized(value: str) -> str:
    size = len(value.encode())
    if size > CONTENT_BYTES:
        raise ValueError(f"must be at most {CONTENT_BYTES} bytes of UTF-8; this is {size}. Shorten it")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def _few(value: list[str]) -> list[str]:
    if len(value) > PEEKS:
        raise ValueError(f"Too many workspaces: at most {PEEKS} can be looked into; you named {len(value)}")
    return value


When = Annotated[datetime, BeforeValidator(_when), WithJsonSchema({"type": "string", "format": "date-time"})]
Content = Annotated[str, AfterValidator(_content)]
#: Text that may be empty.
Prose = Annotated[str, AfterValidator(_sized)]
#: Not held to the form that this server gives ids: one that nothing has is a 404, whatever it looks like.
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Question = Annotated[str, StringConstraints(max_length=QUERY_CHARACTERS), AfterValidator(_not_blank)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Tags = Annotated[list[Word], Field(max_length=50)]
#: Words in a list, or in one text between commas. The field that has it says how many at most.
WordList = Annotated[list[Word], BeforeValidator(_listed)]
Words = Annotated[WordList, Field(max_length=50)]
Peeks = Annotated[WordList, AfterValidator(_few)]
