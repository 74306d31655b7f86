"""The skip list: what an agent must not do or mention, until when, and what a text has to do with it.

An entry ends at a time, or on a condition in words that only a reader can judge: such an entry never ends by itself.
"""

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from server.memory.languages import stop_words
from server.memory.models import EARLIEST, LATEST, iso
from server.memory.text import stems, words

#: Words that say that something is to be left alone, rather than what.
_TELLING = """add ask avoid bring discuss don't dont doesn't mention never offer propose raise recommend remind say skip
stop suggest talk try use"""
_COMMON = frozenset(
    term for word in [*stop_words("english"), *_TELLING.split()] for term in [word, *stems(words(word))]
)

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
    """When an entry ends: `shown` is what people read, `at` the time; None for a condition in words."""

    shown: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SkipEntry:
    """What is to be left alone, why, and until when."""

    id: str
    item: str
    reason: str
    expires: str
    ends_at: datetime | None
    created_at: datetime


def parse_expiry(text: str, now: datetime) -> Expiry:
    """What an expiry means: a date, a date-time, a duration ("3 days", P3D), or else a condition in words.

    A date ends at its beginning, and without a zone in UTC; a duration counts from `now` and is shown as its end.

    Raises:
        ValueError: a time beyond the calendar, or figures that are no time and no words either.
    """
    given = text.strip()
    meant = _LEADING.sub("", given, count=1)
    try:
        if (at := _date(meant)) is not None:
            return Expiry(given, _bounded(at))
        if (at := _after(now, _PHRASES.get(meant.lower(), meant))) is not None:
            return Expiry(iso(at), _bounded(at))
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999") from None
    if not re.search(r"[^\W\d_]{2}", given):
        raise ValueError(
            "must be a date or date-time in ISO 8601, like 2026-11-21; a duration, like '3 days' or P3D; or a "
            "condition in words, like 'until the migration is done'"
        )
    return Expiry(given, None)


def _date(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _bounded(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= LATEST:
        raise OverflowError
    return moment


def _after(now: datetime, duration: str) -> datetime | None:
    """The end of a duration that begins now; None where the text is none."""
    if found := _ISO_DURATION.fullmatch(duration):
        parts = {name: float(value.replace(",", ".")) for name, value in found.groupdict(default="0").items()}
        months = int(parts.pop("years") * 12 + parts.pop("months"))
        return _in_months(now, months) + timedelta(**parts)
    months, rest, position = 0, timedelta(), 0
    while found := _PART.match(duration, position):
        amount, unit = _NUMBERS.get(found[1].lower()) or float(found[1]), found[2].lower()
        if unit in _MONTHS:
            months += int(amount * _MONTHS[unit])
        else:
            rest += amount * _UNITS[unit]
        position = found.end()
    return _in_months(now, months) + rest if position and position == len(duration) else None


def _in_months(moment: datetime, months: int) -> datetime:
    """The same day some months later, or the last one of a shorter month."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if year > 9999:  # noqa: PLR2004 - the calendar's last year
        raise OverflowError
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def telling_terms(text: str) -> frozenset[str]:
    """The stemmed words that say what a text is about; empty where it has only common ones."""
    return frozenset(stems(words(text))) - _COMMON


# Entries are held against every message, and each of a recall's memories against every entry.
_about = lru_cache(maxsize=4096)(telling_terms)
_said = lru_cache(maxsize=128)(telling_terms)


def matches(entries: Sequence[SkipEntry], message: str) -> list[SkipEntry]:
    """The entries that a message has to do with, the best fitting first.

    It has at least half of the words that say what the entry is about, or all of its own words are among them. Words
    count whole and stemmed; stop words and words like "suggest" do not count.
    """
    said = _said(message) if entries else frozenset[str]()
    shares = {entry.id: _share(_about(entry.item), said) for entry in entries}
    found = [entry for entry in entries if shares[entry.id] > 0]
    return sorted(found, key=lambda entry: -shares[entry.id])


def _share(about: frozenset[str], said: frozenset[str]) -> float:
    """How much of what an entry is about was said; 0 where that is too little."""
    both = about & said
    if not both or (2 * len(both) < len(about) and both != said):
        return 0.0
    return len(both) / len(about)


def speaks_against(entry: SkipEntry, content: str) -> bool:
    """Whether a memory's text is about what the entry says to leave alone: it has all of the words that say so."""
    about = _about(entry.item)
    return bool(about) and about <= _said(content)
