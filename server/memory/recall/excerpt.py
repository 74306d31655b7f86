"""The part of a long text that an answer has room for: around the words that are looked for, in whole sentences.

A text is divided into units at the ends of its sentences and lines. Of all runs of units that fit, the excerpt is the
one with the most of the words, and a word counts the more the rarer it is in the text. The run then grows on both
sides. Only a sentence that is too long is divided.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from server.memory.languages import Language
from server.memory.text import find_terms

#: A unit that is longer than the room is divided between its words, into pieces of this part of the room.
_PIECE = 0.25
_LONGEST_CHARACTER = 4  # bytes of UTF-8
#: The worth of a second and a third occurrence of a word, as a part of the first.
_REPEATED = 0.05
_UNIT_END = re.compile(r"[.!?…][\"'”’)\]]*\s+|[。！？]\s*|\n\s*")  # noqa: RUF001 - the marks of other scripts are meant
_WORD_AND_SPACE = re.compile(r"\s*\S+\s*")


@dataclass(frozen=True, slots=True)
class _Unit:
    start: int
    end: int
    size: int
    terms: tuple[str, ...]


def find_excerpt(text: str, room: int, terms: Collection[str], language: Language = "english") -> tuple[int, int]:
    """Return where the best part of a text starts and ends, in characters.

    Args:
        text: the whole text.
        room: the largest number of bytes of the part, in UTF-8.
        terms: the stems of the words that are looked for. If the text has none of them, the part is its beginning.
        language: the language of the stems.
    """
    units = _divide(text, room, find_terms(text, terms, language))
    if not units:
        return 0, 0
    first, last = _find_core(units, room)
    left = room - sum(unit.size for unit in units[first : last + 1])
    has_grown = True
    while has_grown:
        has_grown = False
        if last + 1 < len(units) and units[last + 1].size <= left:
            last += 1
            left -= units[last].size
            has_grown = True
        if first > 0 and units[first - 1].size <= left:
            first -= 1
            left -= units[first].size
            has_grown = True
    start, end = (units[first].start, units[last].end) if left >= 0 else (0, 0)
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _divide(text: str, room: int, places: Sequence[tuple[int, str]]) -> list[_Unit]:
    """Return the units of a text, each with the terms in it; `places` are in the order of the text."""
    ends = [0, *(match.end() for match in _UNIT_END.finditer(text)), len(text)]
    spans: list[tuple[int, int]] = []
    for start, end in pairwise(ends):
        if len(text[start:end].encode()) > room:
            spans += _divide_long(text, start, end, max(int(room * _PIECE), _LONGEST_CHARACTER))
        elif start < end:
            spans.append((start, end))
    units: list[_Unit] = []
    place = 0
    for start, end in spans:
        begin = place
        while place < len(places) and places[place][0] < end:
            place += 1
        units.append(_Unit(start, end, len(text[start:end].encode()), tuple(term for _, term in places[begin:place])))
    return units


def _divide_long(text: str, start: int, end: int, most: int) -> list[tuple[int, int]]:
    """Divide a part of a text between its words into pieces of at most `most` bytes; a longer word is divided too."""
    pieces: list[tuple[int, int]] = []
    begin, size = start, 0
    for match in _WORD_AND_SPACE.finditer(text, start, end):
        length = len(match[0].encode())
        if size and size + length > most:
            pieces.append((begin, match.start()))
            begin, size = match.start(), 0
        size += length
        while size > most:
            middle = begin + max(most // _LONGEST_CHARACTER, 1)
            pieces.append((begin, middle))
            begin, size = middle, len(text[middle : match.end()].encode())
    if begin < end:
        pieces.append((begin, end))
    return pieces


def _find_core(units: Sequence[_Unit], room: int) -> tuple[int, int]:
    """Return the first and last unit with a term of the best run that fits; the first unit if no unit has a term."""
    total = Counter(term for unit in units for term in unit.terms)
    inside: Counter[str] = Counter()
    best, core = 0.0, (0, 0)
    first, size = 0, 0
    for last, unit in enumerate(units):
        size += unit.size
        inside.update(unit.terms)
        while size > room:
            size -= units[first].size
            inside.subtract(units[first].terms)
            first += 1
        score = sum((1 + _REPEATED * (min(n, 3) - 1)) / total[term] ** 0.5 for term, n in inside.items() if n)
        if score > best:
            best, core = score, (first, last)
    first, last = core
    while first < last and not units[first].terms:
        first += 1
    while last > first and not units[last].terms:
        last -= 1
    return first, last
