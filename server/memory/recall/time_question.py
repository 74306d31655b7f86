"""Questions about a time, a type or a person alone: "what did we decide last week?". They are answered by a list.

Nothing that was stored is like such a question in words or meaning: its answer is everything of that time. So a
question is read as one only if it has no subject, which is to say that nothing is left of it after the words of
`time_words.py`, dates and one name are taken out. "What did we decide about the database last week?" has a subject, and
is searched.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from server.memory.dates.grammar import find_spans
from server.memory.dates.months import add_months
from server.memory.dates.names import WEEKDAYS
from server.memory.dates.stretches import STRETCHES, Stretch, count_days
from server.memory.recall.time_words import ABOUT_ME, FILLERS, KINDS, MONTHS, NEWEST, PIECES

#: A question about a time alone is short; a longer text is not looked at.
MOST_CHARACTERS = 120
#: A text of fewer words is looked for as it is, unless it asks for the newest.
FEWEST_WORDS = 3
#: The types of memories that say most about the person who asks.
TYPES_OF_PERSON = ("preference", "instruction")
_DAY = timedelta(days=1)
_CJK = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
_CJK_NUMBERS = ("", *"一二三四五六七八九十", "十一", "十二")
_CJK_MONTH = re.compile(r"(?<![\d一二三四五六七八九十])(1[0-2]|[1-9]|十[一二]?|[一二三四五六七八九])月")
_ENDS = "?!. \u3002\uff1f\uff01"
_APOSTROPHES = str.maketrans("\u2019\u02bc", "''")
_MONTH_NAMES = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    *("december", "januar", "februar", "märz", "mai", "juni", "juli", "oktober", "dezember"),
)
_DATE_WORDS = frozenset((*WEEKDAYS, *_MONTH_NAMES))
_NUMBER = re.compile(r"\d{1,4}(?:st|nd|rd|th)?")


@dataclass(frozen=True, slots=True)
class TimeQuestion:
    """The list that a question asks for: what happened from `start` to before `end`, newest first.

    Without a stretch of time it is all; with types, only memories of these; with a person, only those by or about them.
    """

    start: datetime | None = None
    end: datetime | None = None
    types: tuple[str, ...] = ()
    person: str | None = None


def read_time_question(text: str, now: datetime, zone: tzinfo = UTC) -> TimeQuestion | None:
    """Return the list that a question asks for; None if it has a subject, or asks for no time, type or person.

    Days begin at midnight in `zone`. `now` is an aware time.
    """
    said = " ".join(text.translate(_APOSTROPHES).split()).rstrip(_ENDS)
    if not said or len(said) > MOST_CHARACTERS:
        return None
    lowered = said.lower().lstrip("¿¡")
    if lowered in ABOUT_ME:
        return TimeQuestion(types=TYPES_OF_PERSON)
    today = now.astimezone(zone).date()
    rest, days = _take_stretch(lowered, today)
    rest, is_newest = _take_any(rest, NEWEST)
    if days is None and (days := _find_named_days(rest, said, now, zone)) is not None:
        rest = _take_months(rest)
    rest, types = _take_types(rest)
    person = _find_rest(rest, said)
    is_long_enough = is_newest or _CJK.search(lowered) or len(lowered.split()) >= FEWEST_WORDS
    if person is None or not is_long_enough or not (days or is_newest or types) or (is_newest and person):
        return None
    start, end = (None, None) if days is None else (datetime.combine(each, time.min, zone) for each in days)
    return TimeQuestion(start, end, types, person or None)


def _take_stretch(text: str, today: date) -> tuple[str, tuple[date, date] | None]:
    """Return the text without the words for a stretch of time, and its days; None if it has none."""
    for phrase, stretch in _BY_LENGTH:
        if (taken := _take(text, phrase)) is not None:
            return taken, count_days(stretch, today)
    return text, None


_BY_LENGTH: list[tuple[str, Stretch]] = sorted(
    ((phrase, stretch) for stretch, phrases in STRETCHES.items() for phrase in phrases), key=lambda each: -len(each[0])
)


def _take(text: str, phrase: str) -> str | None:
    """Return the text with a blank in the place of a phrase; None if it does not have it as whole words."""
    if phrase not in text:  # nearly always: every recall asks for all phrases
        return None
    edge = "" if _CJK.search(phrase) else r"(?<!\w)"
    taken, count = re.subn(f"{edge}{re.escape(phrase)}{edge.replace('<!', '!')}", " ", text, count=1)
    return taken if count else None


def _take_any(text: str, phrases: Iterable[str]) -> tuple[str, bool]:
    for phrase in sorted(phrases, key=len, reverse=True):
        if (taken := _take(text, phrase)) is not None:
            return taken, True
    return text, False


def _find_named_days(text: str, said: str, now: datetime, zone: tzinfo) -> tuple[date, date] | None:
    """Return the days of the first date that is named; a month without a year is the latest that has begun."""
    local = now.astimezone(zone)
    today = local.date()
    if found := _CJK_MONTH.search(text):
        number = found[1]
        return _find_month(_CJK_NUMBERS.index(number) if number in _CJK_NUMBERS else int(number), today)
    words = text.split()
    for number, names in enumerate(MONTHS, 1):
        if not _DATE_WORDS.isdisjoint(words):
            break
        if any(name in words for name in names):
            return _find_month(number, today)
    # The grammar counts days in UTC: it is given the day that it is where the question is asked.
    if spans := find_spans(said, local.replace(tzinfo=UTC)):
        return spans[0].start.date(), spans[0].end.date()
    return None


def _find_month(number: int, today: date) -> tuple[date, date]:
    first = date(today.year - (number > today.month), number, 1)
    return first, add_months(first, 1)


def _take_months(text: str) -> str:
    names = {name for names in MONTHS for name in names}
    return " ".join(word for word in _CJK_MONTH.sub(" ", text).split() if word not in names)


def _take_types(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text without the words that ask for a type, and the types."""
    types: list[str] = []
    for kind, words in KINDS.items():
        text, is_asked = _take_any(text, words)
        types += [kind] if is_asked else []
    return text, tuple(types)


def _find_rest(rest: str, said: str) -> str | None:
    """Return the name that is left of a question, "" if nothing is left; None if anything else is."""
    if _CJK.search(rest):
        for piece in sorted(PIECES, key=len, reverse=True):
            rest = rest.replace(piece, " ")
    left = [
        word
        for word in re.findall(r"[\w'-]+", rest)
        if not (word in FILLERS or word in _DATE_WORDS or _NUMBER.fullmatch(word) or word in {"'s", "s"})
    ]
    if not left:
        return ""
    name = re.search(rf"(?<=\s){re.escape(left[0])}(?!\w)", said, re.IGNORECASE)
    return name[0] if len(left) == 1 and name is not None and name[0][:1].isupper() else None
