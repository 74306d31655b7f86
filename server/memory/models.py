"""The memory: the one shape that is stored, projected, searched and answered."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

Scope = Literal["global", "project", "task"]
#: A field that is filled in by what is known, if nobody gives it.
Inferable = Literal["author", "occurred_at", "session"]
INFERABLE: tuple[Inferable, ...] = get_args(Inferable)

#: The times that can be kept: a day from the calendar's edges, so that no time zone leads beyond them.
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
_LEAP_SECOND = re.compile(r"(T\d\d:\d\d):60")


def read_moment(text: str) -> datetime:
    """Read a date or date-time in ISO 8601 or RFC 3339; without a zone it is UTC.

    One that lies beyond the calendar in UTC becomes the calendar's nearest edge.

    Raises:
        ValueError: the text is neither.
    """
    # RFC 3339 allows small letters, and a leap second, which no calendar of ours has (5.6, 5.7).
    moment = datetime.fromisoformat(_LEAP_SECOND.sub(r"\1:59", text.strip().upper()))
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if moment.year > 1 else datetime.min.replace(tzinfo=UTC)


def to_iso(value: datetime) -> str:
    """Return a time as text for the wire: in UTC, with milliseconds and `Z`."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[datetime, PlainSerializer(to_iso, return_type=str, when_used="json")]


#: The label of a link to a memory that the link's own memory replaces, in any case of letters.
SUPERSEDES = "supersedes"


class Linkage(BaseModel):
    """A link from a memory to another one, to a working-memory item, or to a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["memory", "item", "file"] = Field(description="The kind of thing that the link points to.")
    id: str | None = Field(default=None, max_length=36, description="The id of the memory or item.")
    path: str | None = Field(default=None, max_length=1000, description="The file's path, with type `file`.")
    label: str | None = Field(default=None, max_length=100, description="The meaning of the link, e.g. `supersedes`.")

    @property
    def supersedes(self) -> bool:
        """Whether the link says that its own memory replaces the other one."""
        return self.type == "memory" and self.label is not None and self.label.lower() == SUPERSEDES


class Image(BaseModel):
    """A picture of a memory."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(description="Its place under `/v1/images/`: the workspace, the memory's id and its name.")
    filename: str = Field(description="Its name.")
    mimetype: str = Field(description="Its media type.")
    size: int = Field(description="Its size in bytes.")


class Memory(BaseModel):
    """One remembered fact."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="The memory's id.")
    content: str = Field(description="What is remembered.")
    type: str = Field(description="fact, decision, observation, instruction, preference, or a word of one's own.")
    tags: list[str] = Field(description="Tags, in the order given.")
    scope: Scope = Field(description="The part of the workspace in which it is valid.")
    project: str | None = Field(default=None, description="The project it holds in.")
    task: str | None = Field(default=None, description="The task it holds in.")
    entity: str | None = Field(default=None, description="Whom or what it is about.")
    author: str | None = Field(default=None, description="Who said it.")
    session: str | None = Field(default=None, description="The session it comes from.")
    occurred_at: Timestamp | None = Field(default=None, description="When it happened.")
    created_at: Timestamp = Field(description="When it was stored.")
    updated_at: Timestamp = Field(description="When it last changed.")
    expires_at: Timestamp | None = Field(default=None, description="From when on it is not recalled.")
    linkages: list[Linkage] = Field(description="Its links.")
    relevance: float = Field(description="How alive it is; decays with time, grows with use.")
    access_count: int = Field(description="How often it was recalled.")
    last_accessed_at: Timestamp | None = Field(default=None, description="When it was last recalled.")
    consolidated: int = Field(description="1 if it was merged into another memory.")
    consolidated_into: str | None = Field(default=None, description="The memory it was merged into.")
    superseded_by: str | None = Field(
        default=None,
        exclude_if=lambda by: by is None,
        description="The memory that replaced it; absent if none did.",
    )
    superseded_at: Timestamp | None = Field(
        default=None, exclude_if=lambda at: at is None, description="Since when it is replaced; absent if it is not."
    )
    buried_at: Timestamp | None = Field(
        default=None,
        exclude_if=lambda at: at is None,
        description="Since when it is buried, so that no recall returns it; absent if it is not.",
    )
    pinned_at: Timestamp | None = Field(
        default=None,
        exclude_if=lambda at: at is None,
        description="Since when it is pinned, so that each context begins with it; absent if it is not.",
    )
    repeats: int = Field(
        default=0, exclude_if=lambda times: not times, description="How often it was stored again; absent if never."
    )
    repeated_at: Timestamp | None = Field(
        default=None, exclude_if=lambda at: at is None, description="When it was last stored again; absent if never."
    )
    source: str | None = Field(default=None, description="Its origin, for example a file or a tool.")
    metadata: dict[str, Any] = Field(description="All else that the client keeps with it.")
    images: list[Image] = Field(default=[], description="Its pictures.")
    inferred: list[Inferable] = Field(
        default=[],
        exclude_if=lambda fields: not fields,
        description="The fields that were filled in by what is known; absent if there are none.",
    )
