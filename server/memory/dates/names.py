"""The names of dates in a text, one by one: "8 May 2023", "last week", "in May", "2023".

Words are English; months and weekdays are also German. These rules tell a date from a plain word or number:

* Full names of months and weekdays count anywhere. `may`, `march` and every abbreviation count beside a day
  number or a year, or after a preposition ("in may"); months also with a capital inside a sentence.
* A number alone is a year from 1900 to 2100, unless something is glued to it (`2023.1`, `20230508x`, `#2023`), a
  plural in small letters or a unit follows (`1999 items`), or a word that numbers things stands before (`port 2000`).
* A date without a year is the latest that has begun, a weekday the latest before today. Days, weeks (from
  Monday), months and years are UTC's; "two weeks ago" is the seven days around that day, "a month ago" that month.
* A day that does not exist (31 June), or that does not lie in the years 1 to 9999, is no date.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import islice

from server.memory.dates.months import add_months

Days = tuple[date, date]  # from the first day to the day after the last
DAY = timedelta(days=1)
MOST_STARTS = 64  # so many places are looked at


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase's place in the text, and a function that returns its days, given today."""

    begin: int
    end: int
    read: Callable[[date], Days | None]
    lacks_year: bool  # it names no year, and may take that of a later phrase


# --- words ---


def _read_number_words(table: str) -> dict[str, int]:
    """Return each word's place in the table, from 1; words with one meaning stand between two semicolons."""
    return {word: number for number, same in enumerate(table.split(";"), 1) for word in same.split()}


_MONTHS = _read_number_words(
    "january jan januar; february feb februar; march mar märz; april apr; may mai; june jun juni; july jul juli;"
    "august aug; september sept sep; october oct oktober okt; november nov; december dec dezember dez"
)
WEEKDAYS = _read_number_words(
    "monday mon montag; tuesday tues tue dienstag; wednesday wed mittwoch; thursday thurs thur thu donnerstag;"
    "friday fri freitag; saturday sat samstag; sunday sun sonntag"
)
# A part of the year: its first month and how many there are. Seasons are the northern, meteorological ones.
_SEASONS = {"spring": (3, 3), "summer": (6, 3), "autumn": (9, 3), "fall": (9, 3), "winter": (12, 3)}
_QUARTERS = {f"q{number}": (3 * number - 2, 3) for number in range(1, 5)}
_PARTS = {name: (number, 1) for name, number in _MONTHS.items()} | _SEASONS | _QUARTERS
_OFFSETS = {
    "vorgestern": -2,
    "day before yesterday": -2,
    "yesterday": -1,
    "last night": -1,
    "gestern": -1,
    "today": 0,
    "tonight": 0,
    "this morning": 0,
    "this afternoon": 0,
    "this evening": 0,
    "heute": 0,
    "tomorrow": 1,
    "day after tomorrow": 2,
}
_COUNTS = _read_number_words(
    "a an one; two couple; three few; four; five; six; seven; eight; nine; ten; eleven; twelve"
)
_TURNS = {"last": -1, "previous": -1, "this": 0, "next": 1}
# Not even with a capital is one of these a date by itself: `Chiang Mai`, `Spring Boot`, `question Q2`.
_WEAK = {"mai", *_SEASONS, *_QUARTERS}
# One of these needs something beside it that says date.
_SHORT = {name for name in _PARTS | WEEKDAYS if len(name) <= len("jan")} | {"sept", "tues", "thur", "thurs"}
_PLAIN = {"may", "march"} | _WEAK | _SHORT
_NUMBERING = _read_number_words(
    "build chapter code error id issue line no number page pid port pr rfc room row version"
)
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4", "abcdefghijklmnopqrstuvwxyz\u00e4")


def join_words(words: Iterable[str]) -> str:
    """Return a pattern for any of the words, the longest first."""
    return "|".join(sorted((word.replace(" ", r"\s{1,3}") for word in words), key=len, reverse=True))


def lower_letters(text: str) -> str:
    """Return the text in small letters and of the same length: patterns for small letters alone are fast."""
    return text.lower() if text.isascii() else text.translate(_SMALL)


# --- patterns: every repetition is bounded, so that work grows with the text and no faster ---

_S = r"\s{1,3}"
_YEAR = r"(?P<year>(?:19|20)[0-9]{2}|2100)(?![\w%$€£°\u00d7]|[.,:/-][0-9])"
_COUNTED = re.compile(  # after a number that counts things: a unit, or a plural in small letters
    rf"{_S}(?:(?:[kmgtKMGT]?B|[kmc]?m|ms|kg|px|[kMG]?Hz|rpm|people|percent|[Ee]uro?|EUR|USD)\b"
    r"|(?!(?:is|was|has|as|does|his|this|its|us|always)\b)[a-z]{2,20}(?<!s)s\b)"
)
_ORDINAL = r"(?:st|nd|rd|th|\.)?"
_DAYS_OF = rf"(?P<day>[0-9]{{1,2}}){_ORDINAL}(?:\s?(?:-|\u2013|and|to|bis)\s?(?P<last>[0-9]{{1,2}}){_ORDINAL})?"
_MONTH = rf"(?P<month>{join_words(_MONTHS)})\b\.?"
_NAMED_DAY = rf"(?:(?:{join_words(WEEKDAYS)})\.?,?{_S})?"
_TURN = rf"(?:(?P<turn>last|this|next){_S})?"
COUNT = rf"(?P<count>[0-9]{{1,4}}|{join_words(_COUNTS)})(?:\sof)?"
_UNIT = r"(?P<unit>day|week|month|quarter|year)"
_WORD = rf"(?:(?:day|week|weekend|month|quarter|year)s?|{join_words(_PARTS)}|{join_words(WEEKDAYS)})"

# Where a name of a date can begin: a text without such a place has none.
_START = re.compile(
    rf"(?:(?<=\bmid-)|(?<![\w.,:/#@=$€£+-]))(?=[0-9]|(?:{join_words(_PARTS)}|{join_words(WEEKDAYS)}|{join_words(_OFFSETS)}|last|past"
    rf"|(?:this|next|previous|{join_words(_COUNTS)}){_S}(?:of\s)?{_WORD})\b)"
)
_SAYS_DATE = re.compile(
    r"(?<!\w)(?:in|on|of|since|until|till|before|after|during|over|by|for|from|between|last|next|early|mid|late|im|seit)"
    r"[\s-]{1,3}(?P<the>the\s{1,3})?\Z"
)
_IN_SENTENCE = re.compile(r"[\w,;)]\s{1,3}\Z")
_ON = re.compile(r"(?<!\w)(?:on|since|until|till)\s{1,3}\Z")
_EVERY = re.compile(r"\b(?:every|each|most)\s{1,3}\Z")
_WORD_BEFORE = re.compile(r"(\w{1,10})\.?\s{1,3}\Z")


def cut_words_before(text: str, begin: int) -> str:
    """Return the text of a few words before a place."""
    return text[max(0, begin - 24) : begin]


def _is_part(name: str, turn: str | None, before: str, *, has_capital: bool) -> bool:
    """Whether a month's, season's or quarter's name means a date, though no year is beside it."""
    if name not in _PLAIN or turn in {"last", "next"}:
        return True
    if (said := _SAYS_DATE.search(before)) and (name in _SEASONS if said["the"] else name not in {"spring", "fall"}):
        return True  # in the fall, in may; not: on the march, in fall
    if name in _WEAK:
        return turn is not None
    return has_capital and (turn is not None or _IN_SENTENCE.search(before) is not None)


# --- arithmetic of days; raises ValueError or OverflowError outside the calendar ---


def make_day(day: date) -> Days:
    """Return one day as a stretch of days."""
    return day, day + DAY


def _find_week(day: date) -> Days:
    monday = day - day.weekday() * DAY
    return monday, monday + 7 * DAY


def _make_months(first: date, count: int) -> Days:
    return first.replace(day=1), add_months(first.replace(day=1), count)


def find_unit(day: date, unit: str, turn: int) -> Days:
    """Return the calendar's week, weekend, month, quarter or year that a day is in, moved by `turn` of them."""
    if unit in {"week", "weekend"}:
        monday, after = _find_week(day + 7 * turn * DAY)
        return (monday + 5 * DAY if unit == "weekend" else monday), after
    length = {"month": 1, "quarter": 3, "year": 12}[unit]
    first = day.replace(month=(day.month - 1) // length * length + 1, day=1)
    return _make_months(add_months(first, turn * length), length)


def move_days(day: date, count: int, unit: str) -> Days:
    """Return the days that are some units from a day: a day, the seven days around it, a calendar month or year."""
    if unit == "day":
        return make_day(day + count * DAY)
    if unit == "week":
        middle = day + 7 * count * DAY
        return middle - 3 * DAY, middle + 4 * DAY
    return find_unit(day, unit, count)


def find_weekday(name: str, today: date, turn: int) -> Days:
    """Return the latest such day before today (-1), the one in this week (0), or the first after today (1)."""
    number = WEEKDAYS[name] - 1
    if turn == 0:
        return make_day(_find_week(today)[0] + number * DAY)
    days = (turn * (number - today.weekday()) - 1) % 7 + 1
    return make_day(today + turn * days * DAY)


def _find_recurring(make: Callable[[int], Days], today: date, turn: str | None) -> Days | None:
    """Return the days that come every year: by default the latest that have begun, else last, this or next.

    29 February can be 8 years away.
    """
    if turn == "this":
        both = (make(today.year), make(today.year - 1))
        return next((days for days in both if days[0] <= today < days[1]), both[0])
    step = 1 if turn == "next" else -1
    for year in range(today.year, today.year + 9 * step, step):
        try:
            first, after = make(year)
        except (ValueError, OverflowError):
            continue
        if first > today if turn == "next" else after <= today if turn == "last" else first <= today:
            return first, after
    return None


# --- rules: a pattern for the text in small letters, and the days that a match means, given the text and today ---

_Rule = Callable[[re.Match[str], str, date], Days | None]


def _find_words_before(match: re.Match[str]) -> str:
    return cut_words_before(match.string, match.start())


def parse_count(word: str) -> int:
    """Return the number that digits or a word say."""
    return _COUNTS.get(word) or int(word)


def _read_iso(match: re.Match[str], _said: str, _today: date) -> Days:
    first = date(int(match["year"]), int(match["month"]), int(match["day"] or 1))
    return make_day(first) if match["day"] else _make_months(first, 1)


def _read_month_day(match: re.Match[str], said: str, today: date) -> Days | None:
    """Read 8 May 2023, May 8th, 5-8 May; without a year it is the latest."""
    month, day = _MONTHS[match["month"]], int(match["day"])
    last = int(match["last"] or day)

    def make_days(year: int) -> Days:
        return date(year, month, day), date(year, month, last) + DAY

    if match["year"]:
        return make_days(int(match["year"]))
    if match.start("month") < match.start("day"):
        plain = _COUNTED.match(said, match.end())  # they march 3 miles
    else:
        verb = said[match.start("month") : match.end("month")] in {"may", "march"}  # item 3 may fail
        bare = match.string[match.end("day") : match.start("month")].isspace()
        plain = verb and bare and not _SAYS_DATE.search(_find_words_before(match))
    return None if plain else _find_recurring(make_days, today, None)


def _read_part(match: re.Match[str], said: str, today: date) -> Days | None:
    """Read May 2023, last summer, Q2 of 2024."""
    name, (month, count) = match["part"], _PARTS[match["part"]]

    def make_days(year: int) -> Days:
        return _make_months(date(year, month, 1), count)

    if match["year"]:
        return make_days(int(match["year"]))
    has_capital = said[match.start("part") : match.end("part")].istitle()
    meant = _is_part(name, match["turn"], _find_words_before(match), has_capital=has_capital)
    return _find_recurring(make_days, today, match["turn"]) if meant else None


def _read_year(match: re.Match[str], said: str, _today: date) -> Days | None:
    word = _WORD_BEFORE.search(_find_words_before(match))
    if (word and word[1] in _NUMBERING) or _COUNTED.match(said, match.end()):
        return None
    return _make_months(date(int(match["year"]), 1, 1), 12)


def _read_offset(match: re.Match[str], _said: str, today: date) -> Days:
    return make_day(today + _OFFSETS[" ".join(match.group().split())] * DAY)


def _read_turned(match: re.Match[str], _said: str, today: date) -> Days:
    """Read last week, this month, next year."""
    return find_unit(today, match["unit"], _TURNS[match["turn"]])


def _read_past(match: re.Match[str], _said: str, today: date) -> Days | None:
    """Read the past week, the last three months: from that long ago through today."""
    if match["turn"] == "last" and not match["count"]:
        return None
    count, unit = parse_count(match["count"] or "a"), match["unit"]
    if unit in {"day", "week"}:
        return today - count * {"day": 1, "week": 7}[unit] * DAY, today + DAY
    return add_months(today, -count * {"month": 1, "quarter": 3, "year": 12}[unit]), today + DAY


def _read_ago(match: re.Match[str], _said: str, today: date) -> Days:
    return move_days(today, -parse_count(match["count"]), match["unit"])


def _read_weekday(match: re.Match[str], _said: str, today: date) -> Days | None:
    before, name = _find_words_before(match), match["weekday"]
    if _EVERY.search(before) or (name in _PLAIN and not match["turn"] and not _ON.search(before)):
        return None
    return find_weekday(name, today, _TURNS[match["turn"] or "last"])


_RULES: tuple[tuple[re.Pattern[str], _Rule], ...] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (
            r"(?P<year>[0-9]{4})([-/])(?P<month>[0-9]{1,2})\2(?P<day>[0-9]{1,2})(?=t[0-9]{2}:|(?![\w/-]|\.[0-9]))",
            _read_iso,
        ),
        (r"(?P<year>(?:19|20)[0-9]{2})[-/](?P<month>[0-9]{2})(?P<day>)(?![\w/-]|\.[0-9])", _read_iso),
        (
            rf"{_NAMED_DAY}{_DAYS_OF}[\s-]{{1,3}}(?:of\s)?{_MONTH}(?!\w)(?:[\s,-]{{1,3}}(?:of\s)?{_YEAR})?",
            _read_month_day,
        ),
        (
            rf"{_NAMED_DAY}{_MONTH}{_S}(?:the\s)?{_DAYS_OF}(?!\w|[.:/][0-9])(?:[\s,]{{1,3}}(?:of\s)?{_YEAR})?",
            _read_month_day,
        ),
        (rf"{_TURN}(?P<part>{join_words(_PARTS)})\b\.?(?:[\s,]{{1,3}}(?:of\s)?{_YEAR})?", _read_part),
        (r"(?P<year>(?:19|20)[0-9]{2})[\s/-]?(?P<part>q[1-4])\b", _read_part),
        (rf"{_YEAR}(?!-\w)", _read_year),
        (rf"(?:{join_words(_OFFSETS)})\b", _read_offset),
        (rf"(?P<turn>last|previous|this|next){_S}(?P<unit>week|weekend|month|quarter|year)\b", _read_turned),
        (rf"(?P<turn>past|last){_S}(?:{COUNT}{_S})?{_UNIT}s?\b", _read_past),
        (rf"{COUNT}{_S}{_UNIT}s?{_S}ago\b", _read_ago),
        (rf"{_TURN}(?P<weekday>{join_words(WEEKDAYS)})\b", _read_weekday),
    )
)


def read_days(phrase: Phrase, today: date) -> Days | None:
    """Return the days that a phrase means; None if it is no date or does not exist."""
    try:
        days = phrase.read(today)
    except (ValueError, OverflowError):
        return None
    return days if days and days[0] < days[1] else None


def find_phrases(text: str, said: str, today: date) -> list[Phrase]:
    """Find every name of a date in `text`, the small letters of `said`; phrases may overlap."""
    phrases: list[Phrase] = []
    for start in islice(_START.finditer(text), MOST_STARTS):
        for pattern, rule in _RULES:
            if match := pattern.match(text, start.start()):
                read = partial(rule, match, said)
                fields = match.groupdict()
                lacks_year = fields.get("year", "") is None and not fields.get("turn")
                phrases.append(Phrase(match.start(), match.end(), read, lacks_year))
    return [phrase for phrase in phrases if read_days(phrase, today)]
