"""The pieces of a written word, and the terms of each piece.

A compound (`Navier-Stokes`, `node.js`, `getUserByEmail`, `src/app.py`) counts whole, without its joints, and in its
parts. So `nodejs` finds Node.js, and `PROJ-1482` finds PROJ1482. A commit's hash also counts by its first characters.
A script without spaces counts in pairs of characters, and a picture sign as itself.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from server.memory.languages import Language, get_stop_words
from server.memory.words.folding import MARKS, fold
from server.memory.words.stems import choose_latin, find_stemmer, is_latin

LONGEST = 100  # characters of a term; no word is longer
HASH_PREFIX = 7  # characters of a commit's hash, as git shortens it

LEAST_HUMP = 4  # letters of each part of a name such as UserService

_JOINTS = "'’._/:+#@-"
_SCRIPTS_WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\U00020000-\U0003ffff"
)
UNSPACED = re.compile(f"[{_SCRIPTS_WITHOUT_SPACES}]+")
UNIT = re.compile(f"[^{MARKS}][{MARKS}]*|[{MARKS}]+")
"""A letter with its marks: a vowel sign of Thai is no unit of its own."""

_EMOJI = (
    "[\U0001f1e6-\U0001f1ff]{2}|[\u231a\u231b\u23e9-\u23fa\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55"
    "\U0001f300-\U0001f3fa\U0001f400-\U0001faff]"
)
_WORD = rf"[LETTER]+(?:[{_JOINTS}]+[LETTER]+)*[+#]*"
_ASCII_WORD = re.compile(_WORD.replace("LETTER", "A-Za-z0-9"))
_ANY_WORD = re.compile(_WORD.replace("LETTER", rf"\w{MARKS}") + f"|{_EMOJI}")
_PART = re.compile(rf"[\w{MARKS}]+(?:['’][\w{MARKS}]+)*")
_POSSESSIVE = re.compile(r"['’]s$", re.IGNORECASE)
#: French and Italian join a short word to the next one.
_ELISION = re.compile(
    r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|un|dell|nell|dall|all|sull|coll|quell|quest)['’](?=\w)",
    re.IGNORECASE,
)
_JOINED = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]{2}")  # a capital within a word
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NUMBERED = re.compile(r"([A-Za-z]{2,})([0-9]{2,})")
_HASH = re.compile(r"(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{7,64}")
#: The languages whose stemmers read the marks. There a word counts by two stems: with its marks, and without.
_READING_MARKS = frozenset[Language]({"french", "hungarian", "italian", "portuguese", "romanian", "spanish", "turkish"})


def has_unspaced(text: str) -> bool:
    """Whether a text has letters of a script without spaces, so that its "words" are phrases."""
    return not text.isascii() and UNSPACED.search(text) is not None


class Piece(NamedTuple):
    """A piece of a text.

    Attributes:
        place: of its first character.
        shown: as it was written, in lower case.
        word: folded, and without joints.
        terms: the terms by which it is found. Each of them stands for the whole piece.
        marked: the term of a Latin word with its marks, by which Vietnamese tells words apart; empty without marks.
        is_whole: whether the pieces after it are its parts.
        is_stop: whether it is a stop word of the workspace's language.
    """

    place: int
    shown: str
    word: str
    terms: tuple[str, ...]
    marked: str = ""
    is_whole: bool = False
    is_stop: bool = False


def list_written_words(text: str) -> Iterator[tuple[int, str]]:
    """Yield the words of a composed text, each with its joints, and the picture signs; with their places."""
    word = _ASCII_WORD if text.isascii() else _ANY_WORD
    for match in word.finditer(text.replace("_", "-")):
        yield match.start(), text[match.start() : match.end()]


@lru_cache(maxsize=8192)
def split_word(written: str, language: Language) -> tuple[Piece, ...]:
    """Return the pieces of a written word, with places from its beginning; a compound comes before its parts.

    A piece that is longer than any word is left out.
    """
    pieces: list[Piece] = []
    parts = [_cut_affixes(match.start(), match[0]) for match in _PART.finditer(written.replace("_", "-"))]
    if not parts:
        return (Piece(0, written, written, (written,)),)  # a picture sign
    if len(parts) > 1 or written[-1] in "+#":
        pieces.append(_make_piece(0, written, language, is_whole=True))
    for place, part in parts:
        pieces += _split_part(place, part, language)
    return tuple(piece for piece in pieces if len(piece.word) <= LONGEST)


def _cut_affixes(place: int, part: str) -> tuple[int, str]:
    """Cut the possessive 's, and the short word that is joined to the beginning."""
    part = _POSSESSIVE.sub("", part)
    if (short := _ELISION.match(part)) is not None:
        return place + short.end(), part[short.end() :]
    return place, part


def _split_part(place: int, part: str, language: Language) -> Iterator[Piece]:
    if has_unspaced(part):
        yield from _split_unspaced(place, part, language)
        return
    humps = _split_humps(part)
    yield _make_piece(place, part, language, is_whole=bool(humps))
    for start, hump in humps:
        yield _make_piece(place + start, hump, language)


def _split_humps(part: str) -> list[tuple[int, str]]:
    """Return the words that are joined by capitals or stand before a number, with their places; none if it is one."""
    if (numbered := _NUMBERED.fullmatch(part)) is not None:
        return [(0, numbered[1]), (numbered.start(2), numbered[2])]
    if _JOINED.search(part) is None:
        return []
    humps = [(match.start(), match[0]) for match in _HUMP.finditer(part) if len(match[0]) > 1]
    # GitHub, MySQL and YouTube are names; UserService and userId are not.
    is_name = len(humps) == 2 and part[0].isupper() and min(len(hump) for _, hump in humps) < LEAST_HUMP  # noqa: PLR2004 - GitHub
    return [] if is_name or len(humps) < 2 else humps  # noqa: PLR2004 - as above


def _split_unspaced(place: int, part: str, language: Language) -> Iterator[Piece]:
    """Yield the pairs of characters of each run, and the words of other scripts between the runs."""
    end = 0
    for run in UNSPACED.finditer(part):
        if between := part[end : run.start()]:
            yield _make_piece(place + end, between, language)
        for start, pair in list_pairs(run[0]):
            yield Piece(place + run.start() + start, pair, pair, (pair,))
        end = run.end()
    if rest := part[end:]:
        yield _make_piece(place + end, rest, language)


def list_pairs(run: str) -> list[tuple[int, str]]:
    """Return each two neighbouring units of a run, with the place of the first; a single unit comes alone."""
    units = [(match.start(), match[0]) for match in UNIT.finditer(run)]
    if len(units) == 1:
        return units
    return [(start, unit + units[place + 1][1]) for place, (start, unit) in enumerate(units[:-1])]


def _make_piece(place: int, written: str, language: Language, *, is_whole: bool = False) -> Piece:
    shown = written.casefold()
    word = join_parts(fold(written))
    terms = [find_stemmer(word, language)(word)]
    if not written.isascii() and choose_latin(language) in _READING_MARKS:
        terms.append(fold(find_stemmer(word, language)(shown)))
    if _HASH.fullmatch(word):
        terms.append(word[:HASH_PREFIX])
    is_stop = shown in get_stop_words(language)
    marked = shown if shown != word and not is_whole and is_latin(word) else ""
    return Piece(place, shown, word, tuple(dict.fromkeys(filter(None, terms))), marked, is_whole, is_stop)


def join_parts(word: str) -> str:
    """Return a folded compound without its joints, unless it is a number: 1.5 is not 15. `c++` keeps its signs."""
    word = word.replace("_", "-")
    if word.isalnum() or not any(map(str.isalpha, word)):
        return word
    end = len(word.rstrip("+#"))
    return "".join(_PART.findall(word[:end])) + word[end:]
