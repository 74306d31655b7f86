"""Dates that a question names, as stretches of time: "in May", "8 May 2023", "two weeks before August 11, 2023".

The query path is hot and most questions name no date: one cheap look sends those home. A general library reads more
languages and notations, but takes milliseconds for each text and finds dates in plain words; so the grammar is ours,
small and strict. `names.py` finds the names; here *narrowing* words before a name pick a part or a neighbour of
it ("late", "the week before"), two names are *joined* ("between ... and ..."), and an *opening* word reaches through
today ("since", "after") or from the first day of the calendar ("before", "until").
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Literal, NamedTuple

from server.memory.dates.months import add_months
from server.memory.dates.names import (
    COUNT,
    DAY,
    WEEKDAYS,
    Days,
    Phrase,
    cut_words_before,
    find_phrases,
    find_unit,
    find_weekday,
    join_words,
    lower_letters,
    make_day,
    move_days,
    parse_count,
    read_days,
)

Grain = Literal["day", "week", "month", "year"]

MOST_SPANS = 4
MOST_CHARACTERS = 2000  # only so much of a text is read: a date of interest stands in the question


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that a query names: from `start` (inclusive) to `end` (exclusive), UTC."""

    start: datetime
    end: datetime
    grain: Grain  # how exactly it was named


class _Shape(NamedTuple):
    """The nearness of a moment to a span: `inside` it, along a line for some days after and before it, then 0."""

    inside: float
    after: tuple[float, float, float]  # at the span's end, at the line's far end, days between
    before: tuple[float, float, float]


# Measured to help in searching conversations: people tell in the two weeks after a day what happened on it, in a
# month or the next one what happened in it; a year says little. The tail before a day is for plans and time zones.
_SHAPES: dict[Grain, _Shape] = {
    "day": _Shape(1.0, (1.0, 0.0, 14), (0.3, 0.0, 3)),
    "week": _Shape(1.0, (1.0, 0.0, 14), (0.3, 0.0, 3)),
    "month": _Shape(1.0, (0.5, 0.5, 31), (0.0, 0.0, 0)),
    "year": _Shape(0.3, (0.0, 0.0, 0), (0.0, 0.0, 0)),
}
_LONGEST_DAYS: dict[Grain, int] = {"day": 1, "week": 14, "month": 92}  # a season has 92


def compute_nearness(span: Span, at: datetime) -> float:
    """Return how well a memory dated `at` fits a question that names the span, in [0, 1]; see `_SHAPES`."""
    shape = _SHAPES[span.grain]
    if span.start <= at < span.end:
        return shape.inside
    late = at >= span.end
    near, far, days = shape.after if late else shape.before
    distance = (at - span.end if late else span.start - at) / DAY
    return near + (far - near) * distance / days if distance < days else 0.0


def _remove_overlaps(phrases: list[Phrase]) -> list[Phrase]:
    """Return the phrases in order; of those that overlap, only the longest."""
    kept: list[Phrase] = []
    for phrase in sorted(phrases, key=lambda phrase: (phrase.begin, -phrase.end)):
        if not kept or phrase.begin >= kept[-1].end:
            kept.append(phrase)
        elif phrase.end - phrase.begin > kept[-1].end - kept[-1].begin:
            kept[-1] = phrase
    return kept


# --- words before a name that pick a part or a neighbour of it, or open it to one side ---


def _take_part(match: re.Match[str], days: Days) -> Days:
    """Return a third (early, mid, late) or a half of the days."""
    length = (days[1] - days[0]).days
    if length < 7:  # noqa: PLR2004 - late yesterday is yesterday
        return days
    third, half, which = length // 3, length // 2, match["which"]
    if which in {"first", "second"}:
        begin, end = (0, half) if which == "first" else (half, length)
    elif which in {"early", "beginning", "start"}:
        begin, end = 0, third
    else:
        begin, end = (third, length - third) if which.startswith("mid") else (length - third, length)
    return days[0] + begin * DAY, days[0] + end * DAY


def _take_week(match: re.Match[str], days: Days) -> Days:
    if match["nth"] == "last":
        return days[1] - 7 * DAY, days[1]
    first = days[0] + 7 * ["first", "second", "third", "fourth"].index(match["nth"]) * DAY
    return first, first + 7 * DAY


def _take_neighbour(match: re.Match[str], days: Days) -> Days:
    """Return the days of a unit of time beside or around others: the week of, the day before, the Sunday after."""
    turn = {"before": -1, "of": 0, "after": 1}[match["side"]]
    unit, day = match["unit"], days[1] - DAY if turn > 0 else days[0]
    if not turn and (days[1] - days[0]).days > 7:  # noqa: PLR2004 - the month of May is May
        return days
    if unit in WEEKDAYS:
        return find_weekday(unit, day, turn)
    if unit == "day":
        return make_day(day + turn * DAY)
    if unit == "week" and turn:
        return (day - 7 * DAY, day) if turn < 0 else (days[1], days[1] + 7 * DAY)
    if unit == "weekend" and turn > 0:
        return find_unit(days[1] + DAY, unit, 0)
    return find_unit(day, unit, turn)


def _move_by_count(match: re.Match[str], days: Days) -> Days:
    """Return days some units before or after others: two weeks before, a month after."""
    count, unit = parse_count(match["count"]), match["unit"]
    return move_days(days[0], -count, unit) if match["side"] == "before" else move_days(days[1] - DAY, count, unit)


_Narrowing = Callable[[re.Match[str], Days], Days]
_THE = r"\s{1,3}(?:the\s{1,3})?\Z"
_NARROWINGS: tuple[tuple[re.Pattern[str], _Narrowing], ...] = (
    (re.compile(rf"\b(?P<which>early|mid|late)(?:-\Z|{_THE})"), _take_part),
    (
        re.compile(rf"\b(?P<which>beginning|start|middle|end|(?:first|second)(?=\shalf))(?:\shalf)?\sof{_THE}"),
        _take_part,
    ),
    (re.compile(rf"\b(?P<nth>first|second|third|fourth|last)\sweek\s(?:of|in){_THE}"), _take_week),
    (re.compile(rf"\b{COUNT}\s(?P<unit>day|week|month|year)s?\s(?P<side>before|after){_THE}"), _move_by_count),
    (
        re.compile(
            rf"\b(?:last\s)?(?P<unit>day|week|weekend|month|year|{join_words(WEEKDAYS)})\s(?P<side>before|after|of){_THE}"
        ),
        _take_neighbour,
    ),
)
_OPENING = re.compile(rf"\b(?P<side>since|after|before|until|till){_THE}")
_TO = re.compile(r"\s{0,3}(?:to|until|till|through|thru|bis|[\u2013\u2014-])\s{0,3}")
_AND = re.compile(r"\s{1,3}(?:and|und)\s{1,3}")
_LIST = re.compile(r",?\s{1,3}(?:(?:and|or|und|oder)\s{1,3})?")
_BETWEEN = re.compile(rf"\b(?:between|zwischen){_THE}")


def _narrow_phrase(text: str, phrase: Phrase) -> Phrase:
    before = text[max(0, phrase.begin - 40) : phrase.begin]
    for pattern, narrow in _NARROWINGS:
        if match := pattern.search(before):
            begin = phrase.begin - len(before) + match.start()
            return replace(phrase, begin=begin, read=partial(_read_changed, phrase, partial(narrow, match)))
    return phrase


def _read_changed(phrase: Phrase, change: Callable[[Days], Days], today: date) -> Days | None:
    days = phrase.read(today)
    return change(days) if days else None


def _read_range(first: Phrase, second: Phrase, today: date) -> Days | None:
    """Return the days from one phrase to the other; a phrase without a year takes the year of the other."""
    if second.lacks_year and not first.lacks_year and (begin := first.read(today)):
        end = second.read(add_months(begin[0], 12))
    else:
        end = second.read(today)
        begin = first.read(end[0] if first.lacks_year and end else today)
    if begin and end and begin[0] > end[0]:  # between Monday and Wednesday, asked on a Tuesday
        begin = first.read(end[0])
    return (min(begin[0], end[0]), max(begin[1], end[1])) if begin and end else None


def _read_in_year_of(phrase: Phrase, other: Phrase, today: date) -> Days | None:
    days = other.read(today)
    return phrase.read(days[0]) if days else None


def _join_phrases(text: str, phrases: list[Phrase]) -> list[Phrase]:
    """Join two phrases to a range; in a list ("May and June 2023"), those without a year take that of the next one."""
    done: list[Phrase] = []
    for phrase in reversed(phrases):
        following = done[-1] if done else phrase
        gap = text[phrase.end : following.begin]
        between = _BETWEEN.search(cut_words_before(text, phrase.begin))
        if done and (_TO.fullmatch(gap) or (between and _AND.fullmatch(gap))):
            lacks_year = phrase.lacks_year and following.lacks_year
            done[-1] = Phrase(phrase.begin, following.end, partial(_read_range, phrase, following), lacks_year)
        elif done and phrase.lacks_year and not following.lacks_year and _LIST.fullmatch(gap):
            done.append(replace(phrase, read=partial(_read_in_year_of, phrase, following), lacks_year=False))
        else:
            done.append(phrase)
    return done[::-1]


def _read_opened(phrase: Phrase, side: str, today: date) -> Days | None:
    """Extend days: "since" and "after" through today, "before" and "until" from the first day of the calendar.

    If that leaves no day, return the days as they are named.
    """
    days = phrase.read(today)
    if not days:
        return None
    if side in {"since", "after"}:
        first, after = days[0] if side == "since" else days[1], today + DAY
    else:
        first, after = date.min, days[0] if side == "before" else days[1]
    return (first, after) if first < after else days


def _open_phrase(text: str, phrase: Phrase) -> Phrase:
    match = _OPENING.search(cut_words_before(text, phrase.begin))
    return replace(phrase, read=partial(_read_opened, phrase, match["side"])) if match else phrase


def _choose_grain(length: int) -> Grain:
    for grain, longest in _LONGEST_DAYS.items():
        if length <= longest:
            return grain
    return "year"


def _make_span(days: Days) -> Span:
    start, end = (datetime.combine(day, time.min, UTC) for day in days)
    return Span(start, end, _choose_grain((end - start).days))


def find_spans(text: str, now: datetime) -> tuple[Span, ...]:
    """Return the stretches of time that a text names, in its order.

    At most `MOST_SPANS` are returned, from the first `MOST_CHARACTERS` of the text.

    `now` is an aware time. The grain says how long a stretch is: a day, up to two weeks, up to a season, longer.
    """
    said, today = text[:MOST_CHARACTERS], now.astimezone(UTC).date()
    text = lower_letters(said)
    found = [read_days(_open_phrase(text, phrase), today) for phrase in list_phrases(text, said, today)]
    return tuple(dict.fromkeys(_make_span(days) for days in found if days))[:MOST_SPANS]


def list_phrases(text: str, said: str, today: date) -> list[Phrase]:
    """Return the phrases that name dates in `text`, the small letters of `said`, in order, narrowed and joined."""
    phrases = _remove_overlaps(find_phrases(text, said, today))
    phrases = _remove_overlaps([_narrow_phrase(text, phrase) for phrase in phrases[: 4 * MOST_SPANS]])
    return _join_phrases(text, phrases)
