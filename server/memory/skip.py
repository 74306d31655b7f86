"""The skip list: the things that an agent must not do or mention, and whether a text is about one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from server.memory.languages import get_stop_words
from server.memory.text import split_words, stem_words

#: Words that say that something is to be left alone, rather than what.
_TELLING = """add ask avoid bring discuss don't dont doesn't mention never offer propose raise recommend remind say skip
stop suggest talk try use"""
_COMMON = frozenset(
    term for word in [*get_stop_words("english"), *_TELLING.split()] for term in [word, *stem_words(split_words(word))]
)


@dataclass(frozen=True, slots=True)
class SkipEntry:
    """What is to be left alone, why, and until when."""

    id: str
    item: str
    reason: str
    expires: str
    ends_at: datetime | None
    created_at: datetime


def find_telling_terms(text: str) -> frozenset[str]:
    """The stemmed words that say what a text is about; empty where it has only common ones."""
    return frozenset(stem_words(split_words(text))) - _COMMON


# Entries are held against every message, and each of a recall's memories against every entry.
_about = lru_cache(maxsize=4096)(find_telling_terms)
_said = lru_cache(maxsize=128)(find_telling_terms)


def find_matches(entries: Sequence[SkipEntry], message: str) -> list[SkipEntry]:
    """The entries that a message has to do with, the best fitting first.

    It has at least half of the words that say what the entry is about, or all of its own words are among them. Words
    count whole and stemmed; stop words and words like "suggest" do not count.
    """
    said = _said(message) if entries else frozenset[str]()
    shares = {entry.id: _share(_about(entry.item), said) for entry in entries}
    found = [entry for entry in entries if shares[entry.id] > 0]
    return sorted(found, key=lambda entry: -shares[entry.id])


def _share(about: frozenset[str], said: frozenset[str]) -> float:
    """How much of what an entry is about was said; 0 where that is too little."""
    both = about & said
    if not both or (2 * len(both) < len(about) and both != said):
        return 0.0
    return len(both) / len(about)


def covers_text(entry: SkipEntry, content: str) -> bool:
    """Whether a memory's text is about what the entry says to leave alone: it has all of the words that say so."""
    about = _about(entry.item)
    return bool(about) and about <= _said(content)
