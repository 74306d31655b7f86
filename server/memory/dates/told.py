"""The time at which a stored text says that something happened: "yesterday we moved to Postgres", "on 3 May 2026 ...".

A date in a text is mostly not the time of what it tells: it is a deadline, a birthday, the day from which a rule holds.
So only plain cases are read. The text is short; it names exactly one stretch of time that is over and at most a month
long; a named day has its year; and no word before it says that it bounds something ("since", "until", "due").
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from server.memory.dates.grammar import list_phrases
from server.memory.dates.months import add_months
from server.memory.dates.names import DAY, Days, cut_words_before, join_words, lower_letters, move_days, read_days
from server.memory.dates.stretches import Stretch, count_days
from server.memory.dates.told_words import AGO, AMBIGUOUS, BOUNDING, FRENCH, MONTHS, NUMBERS, PAST
from server.memory.words.lower_words import collect_words

#: A longer text is about more than one time.
MOST_CHARACTERS = 1000
_LONGEST = timedelta(days=31)

_UNSPACED = "\u2e80"  # from this character on, scripts have no spaces between words

# A text without any of these names no time of the past. Nearly all texts end here.
_YEAR_NAMED = re.compile(r"(?:19|20)[0-9]{2}")
_ENGLISH_WORDS = frozenset({"ago", "last", "previous", "yesterday"})
_PHRASES = [phrase for phrases in PAST.values() for phrase in phrases]
#: The longest word of each phrase, and the words around a number: one of these is in each text that names such days.
_FOREIGN_WORDS = frozenset(
    max(words, key=len)
    for words in (re.findall(r"\w+", phrase) for phrase in _PHRASES if phrase < _UNSPACED)
    if _ENGLISH_WORDS.isdisjoint(words)
) | {"vor", "il", "hace", "há", "fa", "geleden", "назад"}
_FOREIGN_UNSPACED = re.compile("|".join([*(phrase for phrase in _PHRASES if phrase >= _UNSPACED), "前"]))
_PLAIN = re.compile(r"(?:19|20)[0-9]{2}|\Aago\b|\sago\Z|\A(?:last|previous)\s|yesterday|gestern\Z")
_BOUND = re.compile(
    rf"(?<!\w)(?:{join_words(word for words in BOUNDING for word in words.split())})\b[^.!?;:,]{{0,12}}\Z"
)
_FRENCH = re.compile(FRENCH)


def find_told_time(text: str, now: datetime, zone: tzinfo = UTC) -> datetime | None:
    """Return the time at which a text plainly says that it happened; None if it does not.

    A day stands for its middle, a week and a month for theirs. The time lies within the stretch both in `zone`, in
    which it is named, and in UTC, in which it is shown. `now` is the time at which the text was written, aware.
    """
    if len(text) > MOST_CHARACTERS:
        return None
    lowered = text.lower()
    is_foreign = _has_foreign_hint(lowered)
    if not is_foreign and _ENGLISH_WORDS.isdisjoint(collect_words(text)):
        return None
    today = now.astimezone(zone).date()
    try:
        told = _find_past_days(text, lowered, is_foreign=is_foreign, today=today)
        return _find_middle(told.pop(), zone) if len(told) == 1 else None
    except OverflowError:  # beyond the calendar
        return None


def _has_foreign_hint(lowered: str) -> bool:
    """Whether a text may name days in another language than English. Any language writes a year."""
    if _YEAR_NAMED.search(lowered) or not _FOREIGN_WORDS.isdisjoint(collect_words(lowered)):
        return True
    return not lowered.isascii() and _FOREIGN_UNSPACED.search(lowered) is not None


def _find_past_days(text: str, lowered: str, *, is_foreign: bool, today: date) -> set[Days]:
    named = _list_days(text, lowered, is_foreign=is_foreign, today=today)
    return {days for days in named if days[1] <= today and days[1] - days[0] <= _LONGEST}


def _find_middle(days: Days, zone: tzinfo) -> datetime:
    (start, end), (first, last) = ([datetime.combine(day, time.min, each) for day in days] for each in (zone, UTC))
    begin = max(start.astimezone(UTC), first)
    return begin + (min(end.astimezone(UTC), last) - begin) / 2


def _list_days(text: str, lowered: str, *, is_foreign: bool, today: date) -> Iterator[Days]:
    """Yield the days that a text names, but for those that bound something."""
    small = lower_letters(text)
    for phrase in list_phrases(small, text, today):
        if _PLAIN.search(small[phrase.begin : phrase.end]) and not _is_bound(small, phrase.begin):
            days = read_days(phrase, today)
            if days:
                yield days
    if len(lowered) != len(text):  # a letter has become two, and the language has none of the words below
        return
    found = list(_list_stretches(lowered, today))
    if is_foreign:
        found += _list_counted_days(lowered, today)
        found += _list_named_days(lowered)
    yield from (days for begin, days in found if not _is_bound(lowered, begin))


def _is_bound(text: str, begin: int) -> bool:
    return _BOUND.search(cut_words_before(text, begin)) is not None


_STRETCHES: dict[str, Stretch] = {phrase: name for name, phrases in PAST.items() for phrase in phrases}
_STRETCH = re.compile(
    "|".join(
        phrase if phrase >= _UNSPACED else rf"(?<!\w){re.escape(phrase)}(?!\w)"
        for phrase in sorted(_STRETCHES, key=len, reverse=True)
    )
)
_COUNTS = {word: number for number, words in NUMBERS.items() for word in words.split()}
_COUNT = rf"(?P<count>[0-9]{{1,3}}|{join_words(_COUNTS)})"
_AGO = [
    (re.compile(pattern.format(count=_COUNT, unit=f"(?:{words})")), unit)
    for pattern, units in AGO
    for unit, words in units.items()
]
_MONTHS = {name: number for number, names in enumerate(MONTHS, 1) for name in names.split()}
_YEAR = r"(?P<year>(?:19|20)[0-9]{2})(?![0-9])"
_NAMED = (
    re.compile(
        rf"(?:(?<![\w.])(?P<day>[0-9]{{1,2}})(?:\.|er|º|ª)?\s(?:de\s)?)?\b(?P<month>{join_words(_MONTHS)})\s(?:del?\s)?{_YEAR}"
    ),
    re.compile(rf"(?<![\w.])(?P<day>[0-9]{{1,2}})\.\s?(?P<number>[0-9]{{1,2}})\.\s?{_YEAR}"),
    re.compile(rf"{_YEAR}年\s?(?P<number>[0-9]{{1,2}})月(?:\s?(?P<day>[0-9]{{1,2}})日)?"),
)


def _list_stretches(text: str, today: date) -> Iterator[tuple[int, Days]]:
    """Yield the days of each phrase such as "yesterday" in any language, with its place."""
    for match in _STRETCH.finditer(text):
        if match[0] not in AMBIGUOUS or _FRENCH.search(text):
            yield match.start(), count_days(_STRETCHES[match[0]], today)


def _list_counted_days(text: str, today: date) -> Iterator[tuple[int, Days]]:
    """Yield the days of each "3 days ago" in other languages than English, with its place."""
    for pattern, unit in _AGO:
        for match in pattern.finditer(text):
            count = match["count"]
            yield match.start(), move_days(today, -(_COUNTS.get(count) or int(count)), unit)


def _list_named_days(text: str) -> Iterator[tuple[int, Days]]:
    """Yield each day or month that is named with its year in other languages than English, with its place."""
    for pattern in _NAMED:
        for match in pattern.finditer(text):
            if (days := _read_named(match.groupdict())) is not None:
                yield match.start(), days


def _read_named(fields: dict[str, str | None]) -> Days | None:
    """Return a day or a month that is named with its year; None if there is no such day."""
    month = _MONTHS.get(fields.get("month") or "") or int(fields.get("number") or 0)
    try:
        first = date(int(fields["year"] or 0), month, int(fields["day"] or 1))
    except ValueError:
        return None
    return (first, first + DAY) if fields["day"] else (first, add_months(first, 1))
