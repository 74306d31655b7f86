"""A short text, read as a claim: what it is about, the values that it names, and whether it denies or changes it.

Values are numbers, times, days, dates, names and the like. All else but the words that every text has is what the claim
is about. Nothing here understands a text; it only compares which words differ, and of which kind they are.
"""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from server.memory.corrections import words
from server.memory.languages import is_stop_word
from server.memory.text import stem_words
from server.memory.words.folding import compose, fold
from server.memory.words.pieces import has_unspaced

#: Corrections are short; of longer texts nobody can say by their words which of their values was meant.
LONGEST_CLAIM = 400
#: A shorter word after a number is its unit: GB, ms.
LONGEST_UNIT = 3
Kind = Literal["word", "name", "label", "number", "time", "day", "date", "version"]

_TOKEN = re.compile(r"\S+")
_UNSPACED_TOKEN = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:/@-]*|[^\W\d_]")
_EDGES = ".,;:!?…\"'“”‘’«»„()[]{}*`|。，！？、"  # noqa: RUF001 - full-width and curly signs are meant
_QUESTION_MARKS = ("?", "？", "؟")  # noqa: RUF001 - as above
_TIME = re.compile(r"\d{1,2}(?::\d\d|h(?:\d\d)?|[ap]m|:\d\d[ap]m)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d(?:-\d\d)?|\d{1,2}[./]\d{1,2}[./](?:\d{2,4})?|(?:19|20)\d\d")
_VERSION = re.compile(r"v?\d+(?:\.\d+)+[\w.+-]*", re.IGNORECASE)
_NUMBER = re.compile(r"[+<>~-]?[€$£]?\d[\d.,]*(?:%|€|\$|st|nd|rd|th|[a-z]{1,3})?", re.IGNORECASE)
#: The kinds of words with a digit, by their form; the first that fits.
_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("time", _TIME),
    ("date", _DATE),
    ("version", _VERSION),
    ("number", _NUMBER),
)
_MONTHS_AND_WORDS = frozenset({"may", "march", "mars"})
_IDENTIFIER = re.compile(r"(?=.*[^\W\d])(?=.*[\d_./@:\\#-])\S+|[a-z]+[A-Z]\w*|[A-Z]{2,}\w*")
_POSSESSIVE = re.compile(r"['’]s?$")  # noqa: RUF001 - the curly apostrophe is meant
#: Characters of Chinese and Japanese that join words, and say nothing alone.
_PARTICLES = frozenset("的了是在为改成到和与每は が を に で の と も へ た 년 은 는 이 가 을 를")
_UNSPACED_VALUES = re.compile("(?:星期|周|礼拜|週)[一二三四五六日天]|[月火水木金土日]曜|[月화수목금토일]요일")


class Token(NamedTuple):
    """A word of a claim: by what it is compared, its kind, and its place among the words of the text.

    A `label` is a name or a number before the first verb: it tells which thing the text is about.
    """

    key: str
    kind: Kind
    place: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A text as a claim. `subject` and `values` are without words that every text has."""

    tokens: tuple[Token, ...]
    #: The keys of the words, names and labels.
    subject: frozenset[str]
    #: Of the subject, the words that begin a sentence with a capital: perhaps names.
    initials: frozenset[str]
    #: Plain forms of all words, stop words included.
    plain: frozenset[str]
    is_denied: bool
    has_cue: bool
    has_swap: bool

    def list_values(self, kind: Kind) -> frozenset[str]:
        """Return the keys of a kind."""
        return frozenset(token.key for token in self.tokens if token.kind == kind)


@lru_cache(maxsize=4096)
def read_claim(text: str) -> Claim | None:
    """Return a text as a claim; None if it is too long, a question, or tells what somebody did."""
    if len(text) > LONGEST_CLAIM or text.rstrip().endswith(_QUESTION_MARKS) or _tells_deed(text):
        return None
    composed = compose(text)
    is_unspaced = has_unspaced(composed)
    written = _UNSPACED_TOKEN.findall(composed) if is_unspaced else _TOKEN.findall(composed)
    tokens: list[Token] = []
    initials: set[str] = set()
    plain: list[str] = []
    is_start, is_joined = True, False
    for place, raw in enumerate(written):
        word = _POSSESSIVE.sub("", raw.strip(_EDGES))
        if not word:
            continue
        following = written[place + 1].strip(_EDGES) if place + 1 < len(written) else ""
        folded = fold(word)
        plain.append(folded)
        kind = _find_kind(word, folded, is_start=is_start, near={fold(following), *plain[-2:-1]})
        if kind in {"name", "number", "version"} and not is_joined and following:
            kind = "label"
        is_unit = len(word) <= LONGEST_UNIT and tokens and tokens[-1].kind == "number" and tokens[-1].place == place - 1
        if kind is not None and not (kind in {"word", "name"} and is_unit):
            tokens.append(Token(_make_key(folded, kind), kind, place))
            if is_start and word[0].isupper():
                initials.add(tokens[-1].key)
        is_start = raw[-1] in ".!?:;"
        is_joined = is_joined or is_start or folded in words.LIGHT or folded in words.CUES
    if is_unspaced:
        tokens += [Token(each, "day", len(written)) for each in _UNSPACED_VALUES.findall(composed)]
    folded_text = f" {' '.join(plain)} "
    has_phrase = any(phrase in folded_text for phrase in words.CUE_PHRASES)
    has_phrase = has_phrase or (is_unspaced and any(phrase in composed for phrase in words.UNSPACED_CUES))
    forms = frozenset(plain)
    return Claim(
        tokens=tuple(tokens),
        subject=frozenset(token.key for token in tokens if token.kind in {"word", "name", "label"}),
        initials=frozenset(initials),
        plain=forms,
        is_denied=not forms.isdisjoint(words.NEGATIONS) or "n't" in folded_text or (has_phrase and "longer" in forms),
        has_cue=has_phrase or not forms.isdisjoint(words.CUES),
        has_swap=not forms.isdisjoint(words.SWAPS),
    )


def _tells_deed(text: str) -> bool:
    first = text.split(maxsplit=1)[0].strip(_EDGES) if text.strip() else ""
    return first.endswith("ed") or fold(first) in words.DEEDS


def _find_kind(word: str, folded: str, *, is_start: bool, near: AbstractSet[str]) -> Kind | None:
    """Return the kind of a word; None if every text may have it. `near` are the words just before and after it."""
    value = _find_value_kind(word, folded, near)
    if value is not None:
        return value
    if folded in words.CUES or folded in words.NEGATIONS or folded in words.LIGHT or folded in _PARTICLES:
        return None
    if _IDENTIFIER.fullmatch(word) or folded in words.ORDINALS:
        return "name"
    if is_stop_word(folded) or is_stop_word(word.lower()) or (len(folded) == 1 and folded.isascii()):
        return None
    return "name" if word[0].isupper() and not is_start else "word"


def _find_value_kind(word: str, folded: str, near: AbstractSet[str]) -> Kind | None:
    if not any(sign.isdigit() for sign in word):
        is_month = folded in words.MONTHS and (word[0].isupper() or folded not in _MONTHS_AND_WORDS)
        if is_month or folded in words.WEEKDAYS:
            return "date" if is_month else "day"
        return "number" if folded in words.NUMBERS else None
    is_day_of_month = word.rstrip(".").isdigit() and near & words.MONTHS
    return "date" if is_day_of_month else next((kind for kind, form in _FORMS if form.fullmatch(word)), None)


def _make_key(folded: str, kind: Kind) -> str:
    if kind == "day":
        return folded.removesuffix("s")
    return stem_words([folded])[0] if kind in {"word", "name", "label"} else folded
