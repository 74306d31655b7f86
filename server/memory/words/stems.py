"""Stems: the part that the forms of a word share, by the script that the word is written in.

The workspace's language says how words in its script are stemmed. A word in another script is stemmed by the language
that most texts in that script are in, so that a Russian memory in an English workspace is found by all of its forms.
"""

from collections.abc import Callable

from server.memory.languages import Language, get_stemmer

Stem = Callable[[str], str]

#: Hebrew writes "and", "the", "in", "to", "from", "that" and "as" as first letters of the next word.
_HEBREW_PREFIXES = "ובהלמשכ"
_HEBREW_ENDINGS = ("יים", "יות", "ים", "ות", "ה", "ת", "י")
_HEBREW_FINALS = str.maketrans("ךםןףץ", "כמנפצ")
_HINDI_ENDINGS = ("ियों", "ियाँ", "ियां", "ाओं", "ुओं", "ओं", "ों", "ें", "ीं", "ाँ", "ां", "ा", "ि", "ी", "ु", "ू", "े", "ै", "ो")
#: The letters that must be left of a word.
_LEAST_HEBREW, _LEAST_HINDI = 3, 2


def _stem_hebrew(word: str) -> str:
    start = 0
    while len(word) - start > _LEAST_HEBREW and word[start] in _HEBREW_PREFIXES:
        start += 1
    return _cut_ending(word[start:], _HEBREW_ENDINGS, _LEAST_HEBREW).translate(_HEBREW_FINALS)


def _stem_hindi(word: str) -> str:
    return _cut_ending(word, _HINDI_ENDINGS, _LEAST_HINDI)


def _cut_ending(word: str, endings: tuple[str, ...], least: int) -> str:
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            return word.removesuffix(ending)
    return word


#: The first letter after a block of Unicode, and the stemming of the words that begin with a letter of the block. Latin
#: words are stemmed by the workspace's language.
_BLOCKS: tuple[tuple[str, Stem | None], ...] = (
    ("\u0370", None),
    ("\u0400", get_stemmer("greek")),
    ("\u0530", get_stemmer("russian")),
    ("\u0590", str),
    ("\u0600", _stem_hebrew),
    ("\u0700", get_stemmer("arabic")),
    ("\u0900", str),
    ("\u0980", _stem_hindi),
    ("\u0b80", str),
    ("\u0c00", get_stemmer("tamil")),
)
_NOT_LATIN = frozenset[Language]({"arabic", "greek", "russian", "tamil"})


def is_latin(word: str) -> bool:
    """Whether a folded word is in a script that Latin letters and digits begin."""
    return word < _BLOCKS[0][0]


def choose_latin(language: Language) -> Language:
    """Return the language by which Latin words are stemmed in a workspace with this language."""
    return "english" if language in _NOT_LATIN else language


def find_stemmer(word: str, language: Language) -> Stem:
    """Return the function that cuts this folded word down to its stem."""
    for end, stem in _BLOCKS:
        if word < end:
            return stem or get_stemmer(choose_latin(language))
    return str
