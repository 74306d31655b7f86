"""The end of an entry of the skip list, read from text: "2026-11-21", "3 days", "P3D", "until the migration is done".

An entry ends at a time, or on a condition in words. Only a reader can judge such a condition, so an entry with
one stays until somebody removes it.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.memory.dates.months import add_months
from server.memory.models import EARLIEST, LATEST, read_moment, to_iso

#: The text of the end of an entry that has none, such as the last days of the calendar.
NEVER = "never"
_NUMBERS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
}
_UNITS = {
    "minute": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "hr": timedelta(hours=1),
    "h": timedelta(hours=1),
    "day": timedelta(days=1),
    "d": timedelta(days=1),
    "week": timedelta(weeks=1),
    "w": timedelta(weeks=1),
}
_MONTHS = {"month": 1, "year": 12}
_PHRASES = {"tomorrow": "1 day", "next week": "1 week", "next month": "1 month", "next year": "1 year"}
_LEADING = re.compile(r"(?:until|till|for|in)\s+", re.IGNORECASE)
_PART = re.compile(
    rf"(\d{{1,9}}(?:\.\d{{1,9}})?|{'|'.join(_NUMBERS)})\s*({'|'.join([*_UNITS, *_MONTHS])})s?\b(?:\s*,?\s*(?:and\s+)?)",
    re.IGNORECASE,
)
# ISO 8601-1:2019, 5.5.2.
_NUMBER = r"\d{1,9}(?:[.,]\d{1,9})?"
_ISO_DURATION = re.compile(
    r"P(?=[\dT])(?:(?P<years>\d{1,9})Y)?(?:(?P<months>\d{1,9})M)?"
    rf"(?:(?P<weeks>{_NUMBER})W)?(?:(?P<days>{_NUMBER})D)?"
    rf"(?:T(?=\d)(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?(?:(?P<seconds>{_NUMBER})S)?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Expiry:
    """The end of an entry: `shown` is the text for people, `at` the time; None for a condition in words."""

    shown: str
    at: datetime | None


def parse_expiry(text: str, now: datetime) -> Expiry:
    """Read an expiry: a date, a date-time, a duration ("3 days", P3D), or else a condition in words.

    A date means its beginning. The last days of the year 9999 mean never, and are shown as "never".
    A time without a zone is in UTC. A duration counts from `now` and is shown as its end.

    Raises:
        ValueError: the time is beyond the calendar, or the text is neither a time nor words.
    """
    given = text.strip()
    meant = _LEADING.sub("", given, count=1)
    try:
        if (at := _parse_date(meant)) is not None:
            return Expiry(NEVER, None) if at > LATEST else Expiry(given, _check_bounds(at))
        if (at := _add_duration(now, _PHRASES.get(meant.lower(), meant))) is not None:
            return Expiry(to_iso(at), _check_bounds(at))
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999") from None
    if not re.search(r"[^\W\d_]{2}", given):
        raise ValueError(
            "must be a date or date-time in ISO 8601, like 2026-11-21; a duration, like '3 days' or P3D; or a "
            "condition in words, like 'until the migration is done'"
        )
    return Expiry(given, None)


def _parse_date(text: str) -> datetime | None:
    try:
        return read_moment(text)
    except ValueError:
        return None


def _check_bounds(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= LATEST:
        raise OverflowError
    return moment


def _add_duration(now: datetime, duration: str) -> datetime | None:
    """Return the end of a duration that begins now; None if the text is not a duration."""
    if found := _ISO_DURATION.fullmatch(duration):
        parts = {name: float(value.replace(",", ".")) for name, value in found.groupdict(default="0").items()}
        months = int(parts.pop("years") * 12 + parts.pop("months"))
        return add_months(now, months) + timedelta(**parts)
    months, rest, position = 0, timedelta(), 0
    while found := _PART.match(duration, position):
        amount, unit = _NUMBERS.get(found[1].lower()) or float(found[1]), found[2].lower()
        if unit in _MONTHS:
            months += int(amount * _MONTHS[unit])
        else:
            rest += amount * _UNITS[unit]
        position = found.end()
    return add_months(now, months) + rest if position and position == len(duration) else None
