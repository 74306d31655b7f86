"""Languages: their stemmers, and their stop words, which say nothing about the subject of a text."""

from collections.abc import Callable
from functools import cache
from typing import Literal

from py_rust_stemmers import SnowballStemmer  # pyright: ignore - it has no types

from server.memory.words import stop_words
from server.memory.words.folding import fold

#: The languages that the stemmer knows.
Language = Literal[
    "arabic",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
]

#: The languages that have stop words, and of which some have no stemmer.
SpokenLanguage = Language | Literal["hebrew", "hindi", "polish", "vietnamese"]

_WORDS: dict[SpokenLanguage, str] = {
    "english": stop_words.ENGLISH,
    "german": stop_words.GERMAN,
    "french": stop_words.FRENCH,
    "spanish": stop_words.SPANISH,
    "portuguese": stop_words.PORTUGUESE,
    "italian": stop_words.ITALIAN,
    "dutch": stop_words.DUTCH,
    "polish": stop_words.POLISH,
    "vietnamese": stop_words.VIETNAMESE,
    "russian": stop_words.RUSSIAN,
    "arabic": stop_words.ARABIC,
    "hindi": stop_words.HINDI,
    "hebrew": stop_words.HEBREW,
}
_STOP_WORDS = {name: frozenset(words.split()).union(map(fold, words.split())) for name, words in _WORDS.items()}
# Those of more languages would take names for stop words: "sam" is Polish for "alone".
_COMMON = frozenset(f"{stop_words.ENGLISH} {stop_words.GERMAN} {stop_words.FRENCH} {stop_words.SPANISH}".split())
_NONE: frozenset[str] = frozenset()


def get_stop_words(language: SpokenLanguage) -> frozenset[str]:
    """Return the stop words of a language, in lower case, with their marks and without; none if we have no list."""
    return _STOP_WORDS.get(language, _NONE)


def is_stop_word(word: str) -> bool:
    """Whether a word in lower case is a stop word of English, German, French or Spanish."""
    return word in _COMMON


@cache
def get_stemmer(language: Language) -> Callable[[str], str]:
    """Return the function that cuts a lower-case word down to its stem."""
    return SnowballStemmer(language).stem_word  # pyright: ignore - as above
