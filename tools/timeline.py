"""The timeline of a workspace: what happened, or what was stored, by day or by month."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import EARLIEST, LATEST, Timestamp
from server.store.record.memory_lists import Listing
from server.store.record.recall import timeline
from server.store.record.recall.timeline import MOST_COUNTED, Axis, Line, Point
from tools.core.answers import Answer
from tools.core.arguments import InWorkspace
from tools.core.call import Call
from tools.core.cursor import Cursor, Instant, Places
from tools.core.fields import Moment, Name
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.time_zone import InTimeZone, find_zone
from tools.memories.citation import make_title

_PLACES = Places("timeline", tuple[str, Instant])
#: How many memories of a day or month are shown.
SHOWN = 5
Unit = Literal["day", "month"]


class ReadTimeline(InWorkspace, InTimeZone):
    """The arguments of `read_timeline`."""

    unit: Unit = Field(default="day", description="day or month.")
    axis: Axis = Field(
        default="happened",
        description="happened: by `occurred_at`, else by the time of storing; stored: by the time of storing.",
    )
    project: Name | None = Field(default=None, description="Only memories of this project.")
    until: Moment | None = Field(default=None, description="Only what is from before this time. ISO 8601.")
    limit: int = Field(default=14, ge=1, le=60, description="The largest number of days or months.")
    cursor: Cursor | None = Field(default=None, description="The next_cursor of the page before this one.")


class TimelineMemory(BaseModel):
    """A memory on the timeline."""

    id: str = Field(description="The memory's id.")
    title: str = Field(description="The first line of its text.")
    type: str = Field(description="Its type.")
    project: str | None = Field(default=None, description="Its project.")
    at: Timestamp = Field(description="Its time on the axis.")


class ProjectShare(BaseModel):
    """The memories of one project in a day or month."""

    project: str | None = Field(default=None, description="The project; null: of no project.")
    count: int = Field(description="How many.")


class Period(BaseModel):
    """A day or a month in which something happened or was stored."""

    name: str = Field(description="2026-11-21, or 2026-11 for a month.")
    start: Timestamp = Field(description="When it begins, in the person's time zone.")
    end: Timestamp = Field(description="When it ends.")
    count: int = Field(description="The number of its memories.")
    is_more: bool = Field(description=f"Whether there are more: no more than about {MOST_COUNTED:,} are counted.")
    projects: list[ProjectShare] = Field(description="Their projects, the one with the most memories first.")
    memories: list[TimelineMemory] = Field(description=f"The newest {SHOWN} of them.")


class TimelinePage(Answer):
    """A page of a timeline. Days and months without memories are left out."""

    periods: list[Period] = Field(description="The days or months, newest first.")
    next_cursor: str | None = Field(default=None, description="Gives the next page; null if there is none.")


async def read_timeline(services: Services, call: Call, args: ReadTimeline) -> TimelinePage:
    """Return a page of the timeline, of memories that recall may return."""
    place = _PLACES.decode(args.cursor)
    before = place[0] if place is not None else args.until or LATEST
    zone = await find_zone(services, call, args.time_zone)
    listing = Listing(equal={} if args.project is None else {"project": args.project})
    line = Line(call.id_for_reading, listing, args.axis, services.now())
    periods: list[Period] = []
    async with services.db.read() as connection:
        newest = await timeline.list_newest(connection, line, before, SHOWN)
        while newest and len(periods) < args.limit:
            periods.append(await _read_period(connection, line, args.unit, zone, newest, before))
            before = periods[-1].start
            newest = await timeline.list_newest(connection, line, before, SHOWN)
    next_cursor = _PLACES.encode((before,)) if newest else None
    return TimelinePage(meta=call.meta, periods=periods, next_cursor=next_cursor)


async def _read_period(
    connection: AsyncConnection, line: Line, unit: Unit, zone: tzinfo, newest: list[Point], before: datetime
) -> Period:
    """Return the day or month of the newest memory from before a time."""
    name, start, end = find_period(newest[0].at, unit, zone)
    shares = await timeline.count_by_project(connection, line, start, min(end, before))
    count = sum(number for _, number in shares)
    return Period(
        name=name,
        start=start,
        end=end,
        count=count,
        is_more=count >= MOST_COUNTED,
        projects=[ProjectShare(project=project, count=number) for project, number in shares],
        memories=[
            TimelineMemory(id=each.id, title=make_title(each.content), type=each.type, project=each.project, at=each.at)
            for each in newest
            if each.at >= start
        ],
    )


def find_period(at: datetime, unit: Unit, zone: tzinfo) -> tuple[str, datetime, datetime]:
    """Return the name, the beginning and the end of the day or month of a time, in a time zone."""
    day = at.astimezone(zone).date()
    if unit == "day":
        return day.isoformat(), _begin(day, zone), _begin_next(day, 1, zone)
    first = day.replace(day=1)
    return first.isoformat()[: len("2026-11")], _begin(first, zone), _begin_next(first, 32, zone)


def _begin(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins; at the beginning of the calendar the first time that there is."""
    try:
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return EARLIEST


def _begin_next(day: date, days: int, zone: tzinfo) -> datetime:
    """Return when the day or, with 32 days, the month after one begins; at the end of the calendar the last time."""
    try:
        following = day + timedelta(days=days)
        return _begin(following if days == 1 else following.replace(day=1), zone)
    except OverflowError:
        return LATEST


OPERATIONS = (
    Operation(
        name="read_timeline",
        description=(
            "Read what happened or was stored, by day or month, newest first: the number of memories, their projects "
            "and the newest of them."
        ),
        routes=(("GET", "/v1/timeline"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ReadTimeline,
        returns=TimelinePage,
        handler=read_timeline,
        is_listed=False,
    ),
)
