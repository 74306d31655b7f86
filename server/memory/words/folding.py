"""One spelling for what looks the same: people write café in two ways, and look for it as cafe.

A text is first *composed*: Unicode's NFKC, without the characters that nobody sees. That joins a letter with its marks,
and makes full-width letters plain. Each word of it is then *folded*: no case, and no marks on Latin, Greek and Cyrillic
letters, no points in Hebrew, no vowel signs in Arabic. In other scripts marks are letters of the word, and stay.
"""

import re
import unicodedata
from itertools import chain

#: Characters that nobody sees, and that some keyboards put into words: joiners, the soft hyphen, variation selectors.
_UNSEEN = dict.fromkeys([0xAD, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)])
_MARK_BLOCKS = (
    (0x300, 0x1E00),
    (0x20D0, 0x2100),
    (0x302A, 0x3030),
    (0x3099, 0x309B),
    (0xA66F, 0xAB00),
    (0xFE20, 0xFE30),
    (0x11000, 0x12000),
)


def _escape_ranges(signs: list[int]) -> str:
    """Return the inside of a character class of a regular expression."""
    ranges: list[list[int]] = []
    for sign in signs:
        if ranges and ranges[-1][1] == sign - 1:
            ranges[-1][1] = sign
        else:
            ranges.append([sign, sign])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


MARKS = _escape_ranges(
    [each for each in chain(*(range(*block) for block in _MARK_BLOCKS)) if unicodedata.category(chr(each))[0] == "M"]
)
"""All marks that are combined with a letter before them, as the inside of a character class."""

#: Hangul that is written in parts, and the voiced marks of half-width katakana, are composed as marks are.
_CLUSTER = re.compile(rf"(?s:.)[{MARKS}\u1160-\u11ff\uff9e\uff9f\xad\u200c\u200d\u2060\ufeff\ufe00-\ufe0f]*")
# й is a letter of its own, which nobody leaves the mark of: й.
_LATIN_MARK = re.compile("(?<!\u0438)[\u0300-\u036f]")
_POINT = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]"
)
#: Letters that Unicode does not take for a letter with a mark, but people do. And the curly apostrophe.
_ALIKE = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "’": "'", "ى": "ي", "ة": "ه"}
)


def compose(text: str) -> str:
    """Return a text in its one form: equal for texts that look the same, and in the case in which it was written."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text.translate(_UNSEEN))


def compose_with_places(text: str) -> tuple[str, list[int] | None]:
    """Return what `compose` does, and for each of its characters the place in the text that it comes from.

    The places are None if each character kept its place.
    """
    composed = compose(text)
    if composed == text:
        return text, None
    places: list[int] = []
    for match in _CLUSTER.finditer(text):
        places += [match.start()] * len(compose(match[0]))
    # The few characters that compose across clusters may shift a place: it still is one of the text.
    places += [len(text) - 1] * (len(composed) - len(places))
    return composed, places[: len(composed)]


def fold(word: str) -> str:
    """Return a composed word without case, and without the marks that people leave out."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.casefold())
    plain = unicodedata.normalize("NFKC", _POINT.sub("", _LATIN_MARK.sub("", apart)))
    return plain.translate(_ALIKE)
