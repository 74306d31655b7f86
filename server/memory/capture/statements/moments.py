"""Relative dates in a sentence become absolute: "next Tuesday" is another day for a later reader."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from server.memory.dates.grammar import find_spans
from server.memory.dates.names import COUNT, DAY, WEEKDAYS, Days, find_weekday, join_words, move_days, parse_count

_S = r"\s{1,3}"
_DAYS = join_words(WEEKDAYS)
_ENGLISH = (
    r"(?:the day )?(?:after tomorrow|before yesterday)|tomorrow|yesterday|today|tonight|this (?:morning|afternoon|"
    r"evening)"
    rf"|(?:last|this|next){_S}(?:week|weekend|month|quarter|year|(?:{_DAYS})\b)"
    rf"|{COUNT}{_S}(?:day|week|month|year)s?{_S}ago"
)
#: A weekday after such a word is the next one.
_AHEAD = rf"(?:by|until|till|before|due(?: on)?|bis|vor|am kommenden|(?:am )?nächsten|kommenden){_S}(?P<ahead>{_DAYS})"
_FEW = "[0-9]{1,3}|a|an|one|two|three|four|five|six|seven|eight|nine|ten"
_LATER = rf"in{_S}(?P<later>{_FEW}){_S}(?P<unit>day|week|month|year)s?"
_FOREIGN = {
    "heute": 0,
    "morgen": 1,
    "übermorgen": 2,
    "gestern": -1,
    "vorgestern": -2,
    "aujourd'hui": 0,
    "demain": 1,
    "après-demain": 2,
    "hier": -1,
    "avant-hier": -2,
    "hoy": 0,
    "mañana": 1,
    "pasado mañana": 2,
    "ayer": -1,
    "anteayer": -2,
}
_FRENCH = {"lundi": 1, "mardi": 2, "mercredi": 3, "jeudi": 4, "vendredi": 5, "samedi": 6, "dimanche": 7}
_SPANISH = {"lunes": 1, "martes": 2, "miércoles": 3, "jueves": 4, "viernes": 5, "sábado": 6, "domingo": 7}
_FOREIGN_NEXT = (
    rf"(?P<french>{join_words(_FRENCH)}){_S}prochain"
    rf"|(?:el{_S})?(?:próximo{_S}(?P<spanish>{join_words(_SPANISH)})|(?P<spanish2>{join_words(_SPANISH)}){_S}que viene)"
)
_RELATIVE = re.compile(
    rf"(?<![\w-])(?:(?P<english>{_ENGLISH})|{_AHEAD}|{_LATER}|{_FOREIGN_NEXT}"
    rf"|(?<!\bla )(?<!guten )(?<!\bles )(?P<foreign>{join_words(_FOREIGN)}))(?![\w-])",
    re.IGNORECASE,
)
_MOST = 4
_MONTH_DAYS = 31


def resolve_dates(sentence: str, at: datetime) -> str:
    """Return a sentence in which each relative date is followed by the absolute one, in brackets.

    `at` is an aware time: that of the sentence.
    """
    parts: list[str] = []
    place = 0
    for count, match in enumerate(_RELATIVE.finditer(sentence)):
        days = _find_days(match, at) if count < _MOST else None
        if days is None or sentence[match.end() :].startswith(" ("):
            continue
        parts += [sentence[place : match.end()], f" ({_spell_days(*days)})"]
        place = match.end()
    return "".join([*parts, sentence[place:]])


def _find_days(match: re.Match[str], at: datetime) -> Days | None:
    """Return the first day of a phrase and the day after its last one."""
    today = at.astimezone(UTC).date()
    read = next(read for name, read in _READERS.items() if match[name])
    try:
        return read(match, today)
    except OverflowError:
        return None


def _read_english(match: re.Match[str], today: date) -> Days | None:
    now = datetime(today.year, today.month, today.day, tzinfo=UTC)
    spans = find_spans(match["english"], now)
    return (spans[0].start.date(), spans[0].end.date()) if spans else None


def _read_later(match: re.Match[str], today: date) -> Days:
    count = parse_count(match["later"].lower())
    if match["unit"].lower() == "week":
        return (day := today + timedelta(weeks=count)), day + DAY
    return move_days(today, count, match["unit"].lower())


def _find_next(number: int, today: date) -> Days:
    return (day := today + ((number - 1 - today.weekday() - 1) % 7 + 1) * DAY), day + DAY


def _read_spanish(match: re.Match[str], today: date) -> Days:
    return _find_next(_SPANISH[(match["spanish"] or match["spanish2"]).lower()], today)


def _read_foreign(match: re.Match[str], today: date) -> Days | None:
    said = match["foreign"]
    if said[0].isupper() and match.start() and said.lower() == "morgen":  # the German noun: the morning
        return None
    return (day := today + _FOREIGN[" ".join(said.lower().split())] * DAY), day + DAY


_READERS: dict[str, Callable[[re.Match[str], date], Days | None]] = {
    "english": _read_english,
    "ahead": lambda match, today: find_weekday(match["ahead"].lower(), today, 1),
    "later": _read_later,
    "french": lambda match, today: _find_next(_FRENCH[match["french"].lower()], today),
    "spanish": _read_spanish,
    "spanish2": _read_spanish,
    "foreign": _read_foreign,
}


def _spell_days(first: date, after: date) -> str:
    length = (after - first).days
    if length == 1:
        return first.isoformat()
    if first.day == 1 and length <= _MONTH_DAYS and length > 7:  # noqa: PLR2004 - a month, and no week
        return f"{first:%Y-%m}"
    return f"{first.isoformat()} to {(after - DAY).isoformat()}"
