"""Names that their capital letters show: people, products, places. A word that merely begins a sentence is none."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from server.memory.entities.names import FoundType
from server.memory.entities.shapes import Span
from server.memory.entities.word_lists import (
    CAPITAL_PRODUCTS,
    COMMON,
    GERMAN,
    GERMAN_DIRECTIONS,
    GIVEN_NAMES,
    PERSONAL_VERBS,
    PRODUCTS,
    TITLES,
    VERBAL_ENDS,
)

_WORD = re.compile(r"[^\W\d_][\w]*(?:[-'’&+#][\w]+)*[+#]*|\d[\w.]*")
#: What stands between two words of one name.
_SAME_NAME = re.compile(r" (?:(?:of|de|da|del|di|du|der|den|van|von|la|le|bin|al|the|&|y) ){0,2}$")
#: What ends a sentence, or a part that begins with a capital letter as one does.
_BEGINNING = re.compile(r"(?:[.!?:;…|\n\r]|[-*•–—>] ?|[\"“”'‘(\[{]|\d[.)])[\s\"“'‘(\[*_#>-]*$")
_POSSESSIVE = re.compile(r"['’](?:s|S)?$")
_CONTRACTION = re.compile(r"['’](?:m|re|ve|ll|d|t|s)$", re.IGNORECASE)
_CONNECTORS_TEXT = "of de da del di du der den van von la le bin al the y"
_CONNECTORS = frozenset(_CONNECTORS_TEXT.split())
#: The most words of a name, and of the name of a person.
_MOST_WORDS, _PERSON_WORDS = 5, 3
#: So many German words show that a text is German; so many words in capitals alone show that it is shouted.
_GERMAN_WORDS, _SHOUTED_WORDS = 2, 4
#: A title has so many words of some length at least, and so large a part of them begins with a capital letter.
_TITLE_WORDS, _TITLE_SHARE, _SHORT_WORD = 4, 0.8, 3
#: A word of capitals alone that is longer is no name, as in "IMPORTANT".
_ACRONYM = 6
#: A letter and a digit that name no thing, such as a quarter, and a number behind a letter.
_NOT_PRODUCTS = re.compile(r"[QHPVWLS]\d$|[A-Z]\d{3,}$")


class _Word(NamedTuple):
    start: int
    end: int
    text: str
    #: Without `'s`.
    bare: str
    is_first: bool


def find_capitals(text: str, taken: Sequence[Span]) -> list[Span]:
    """Return the names that capital letters show, in their order, and those of well-known products.

    Args:
        text: the text.
        taken: the parts of it that are names already, in their order.
    """
    words = _split_words(text, taken)
    if not words:
        return []
    capitals = [each for each in words if _has_capital(each)]
    is_german = sum(each.text in GERMAN for each in words) >= _GERMAN_WORDS
    shouted = sum(each.text.isupper() and len(each.text) > 1 for each in words)
    if shouted >= _SHOUTED_WORDS and shouted > len(words) / 2:
        return []
    if _is_heading(words, capitals):
        capitals = [each for each in capitals if _is_certain(each.bare)]
    elsewhere = {each.bare for each in capitals if not each.is_first}
    reader = _Reader(text, words, elsewhere, is_german=is_german)
    return reader.read()


def _split_words(text: str, taken: Sequence[Span]) -> list[_Word]:
    words: list[_Word] = []
    spans = iter(taken)
    span = next(spans, None)
    behind = 0
    for match in _WORD.finditer(text):
        start, end = match.span()
        while span is not None and span.end <= start:
            behind = span.end
            span = next(spans, None)
        if span is not None and start < span.end and end > span.start:
            continue
        word = match.group()
        bare = _POSSESSIVE.sub("", word)
        gap = text[behind:start]
        is_first = (behind == 0 and not gap.strip()) or (bare[:1].isupper() and _BEGINNING.search(gap) is not None)
        words.append(_Word(start, end, word, bare, is_first))
        behind = end
    return words


def _has_capital(word: _Word) -> bool:
    return word.text[0].isupper()


def _is_heading(words: Sequence[_Word], capitals: Sequence[_Word]) -> bool:
    """Whether nearly all words have a capital letter, as in a title, where it says nothing."""
    long = [each for each in words if len(each.text) > _SHORT_WORD]
    share = sum(map(_has_capital, long)) / max(len(long), 1)
    return min(len(long), len(capitals) - 1) >= _TITLE_WORDS and share > _TITLE_SHARE


def _is_certain(word: str) -> bool:
    """Whether a word is a name by itself, wherever it stands."""
    lower = word.lower()
    return lower in PRODUCTS or lower in GIVEN_NAMES or _is_product_shape(word)


def _is_product_shape(word: str) -> bool:
    """Whether a word has a capital letter inside, or a digit behind letters, as PostgreSQL and EC2 have."""
    inner = word[1:]
    if word.isupper() and word.isalpha():
        return False
    has_inner = any(map(str.isupper, inner)) and any(map(str.islower, word)) and not word.endswith("s") | ("-" in word)
    has_inner |= bool(re.match(r"[A-Z][a-z]+[A-Z]", word)) and "-" not in word
    return has_inner or bool(
        re.match(r"[A-Z][A-Za-z]*\d+[a-z]?$", word) and not re.match(r"[QHPVWLS]\d$|[A-Z]\d{3,}$", word)
    )


class _Reader:
    """One pass over the words of a text that joins them to names."""

    def __init__(self, text: str, words: Sequence[_Word], elsewhere: set[str], *, is_german: bool) -> None:
        self._text = text
        self._words = words
        self._elsewhere = elsewhere
        self._is_german = is_german

    def read(self) -> list[Span]:
        found: list[Span] = []
        at = 0
        while at < len(self._words):
            word = self._words[at]
            if not word.text[0].isupper():
                if word.bare in PRODUCTS:
                    found.append(Span(word.start, word.start + len(word.bare), word.bare, "product"))
                at += 1
                continue
            end = self._find_end(at)
            found += self._read_run(self._words[at:end], self._words[end : end + 1])
            at = end
        return found

    def _find_end(self, at: int) -> int:
        """Return the index behind the last word of the run of words with a capital letter that begins here."""
        end = at + 1
        while end < len(self._words):
            before, word = self._words[end - 1], self._words[end]
            if before.text != before.bare:  # "Ann's Toyota" are two names
                break
            if not word.text[0].isupper():
                if word.text not in _CONNECTORS:
                    break
                behind = self._find_after_connectors(end)
                gap = self._text[before.end : self._words[behind].start] if behind else ""
                if not behind or not _SAME_NAME.match(gap):
                    break
                end = behind + 1
                continue
            if self._text[before.end : word.start] not in (" ", ". ") or (
                self._text[before.end : word.start] == ". "
                and not (len(before.bare) == 1 or before.bare.lower() in TITLES)
            ):
                break
            end += 1
        return end

    def _find_after_connectors(self, at: int) -> int:
        """Return the index of the word with a capital letter behind connectors; 0 if there is none."""
        for index in range(at, min(at + 3, len(self._words))):
            if self._words[index].text[0].isupper():
                return index
            if self._words[index].text not in _CONNECTORS:
                return 0
        return 0

    def _read_run(self, run: Sequence[_Word], after: Sequence[_Word]) -> list[Span]:
        is_title = run[0].bare.lower().rstrip(".") in TITLES and len(run) > 1
        parts = list(run[1:] if is_title else run)
        if not is_title:
            parts = self._drop_beginning(parts, after)
        while parts and _is_common(parts[0]) and not _is_kept_start(parts):
            parts = parts[1:]
        while parts and (_is_common(parts[-1]) or parts[-1].text in _CONNECTORS) and not _is_kept_end(parts):
            parts = parts[:-1]
        if not parts or len(parts) > _MOST_WORDS:
            return []
        if len(parts) == 1 and not self._is_name_alone(parts[0], is_title=is_title):
            return []
        if (
            self._is_german
            and not is_title
            and not any(map(_is_certain_word, parts))
            and not self._is_behind_direction(parts)
        ):
            return []
        start, end = parts[0].start, parts[-1].start + len(parts[-1].bare)
        name = self._text[start:end]
        return [Span(start, end, name, self._tell_type(parts, after, is_title=is_title))]

    def _drop_beginning(self, run: list[_Word], after: Sequence[_Word]) -> list[_Word]:
        """Leave the first word of a run out if it only begins a sentence."""
        first = run[0]
        if not first.is_first or _is_certain(first.bare) or first.bare.lower() in CAPITAL_PRODUCTS:
            return run
        lower = first.bare.lower()
        if (
            (_CONTRACTION.search(first.text) and first.bare.lower() in COMMON)
            or lower in COMMON
            or lower in PERSONAL_VERBS
        ):
            return run[1:]
        if lower.endswith(VERBAL_ENDS) and len(lower) > _SHORT_WORD + 1:
            return run[1:]
        if len(run) > 1 or first.bare in self._elsewhere or (first.bare.isupper() and len(first.bare) > 1):
            return run
        if first.text != first.bare:
            return run  # "Northwind's portal"
        is_person = bool(after) and after[0].text in PERSONAL_VERBS and first.end + 1 == after[0].start
        return run if is_person else []

    def _is_behind_direction(self, parts: Sequence[_Word]) -> bool:
        before = self._text[max(parts[0].start - 6, 0) : parts[0].start].split()
        return bool(before) and before[-1] in GERMAN_DIRECTIONS

    def _is_name_alone(self, word: _Word, *, is_title: bool) -> bool:
        text = word.bare
        if is_title or _is_certain(text):
            return True
        if len(text) == 1 or text.isdigit() or _CONTRACTION.search(text):
            return False
        return not (text.isupper() and len(text) > _ACRONYM)

    def _tell_type(self, parts: Sequence[_Word], after: Sequence[_Word], *, is_title: bool) -> FoundType:
        first = parts[0].bare.lower()
        if is_title or (first in GIVEN_NAMES and len(parts) <= _PERSON_WORDS):
            return "person"
        if any(each.bare.lower() in PRODUCTS or _is_product_shape(each.bare) for each in parts):
            return "product"
        if len(parts) == 1 and first in CAPITAL_PRODUCTS:
            return "product"
        if (
            len(parts) < _PERSON_WORDS
            and after
            and after[0].text in PERSONAL_VERBS
            and parts[-1].end + 1 == after[0].start
        ):
            return "person"
        return "name"


def _is_common(word: _Word) -> bool:
    return word.bare.lower() in COMMON


def _is_kept_start(parts: Sequence[_Word]) -> bool:
    """Whether a common word belongs to the name behind it: "Small Gods", "Hotel Mundial"."""
    first = parts[0]
    is_plain = first.is_first or first.bare.isupper() or first.bare.lower() in _TIMES
    return len(parts) > 1 and not is_plain and first.bare.lower() not in TITLES | _ARTICLES


def _is_kept_end(parts: Sequence[_Word]) -> bool:
    """Whether a common word belongs to the name before it: "Blue Team", "Lisbon Office"."""
    return len(parts) > 1 and not parts[-1].text.isupper() and parts[-1].text.lower() not in _TIMES


_ARTICLES = frozenset(["the", "a", "an", "my", "your", "his", "her", "our", "their"])
_TIMES_TEXT = """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december today tomorrow yesterday
"""
_TIMES = frozenset(_TIMES_TEXT.split())


def _is_certain_word(word: _Word) -> bool:
    return _is_certain(word.bare)
