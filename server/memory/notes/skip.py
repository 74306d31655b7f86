"""The skip list: the things that an agent must not do or mention, and whether a text is about one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from server.memory.languages import get_stop_words
from server.memory.text import split_words, stem_words

#: Words that say that something is to be left alone, but not which thing.
_TELLING = """add ask avoid bring discuss don't dont doesn't mention never offer propose raise recommend remind say skip
stop suggest talk try use"""
_COMMON = frozenset(
    term for word in [*get_stop_words("english"), *_TELLING.split()] for term in [word, *stem_words(split_words(word))]
)


#: How many entries in force a workspace may have: each message is compared with all of them.
MOST_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class SkipEntry:
    """A thing that is to be left alone, the reason, and the end of the entry."""

    id: str
    item: str
    reason: str
    expires: str
    ends_at: datetime | None
    created_at: datetime


def find_telling_terms(text: str) -> frozenset[str]:
    """Return the stemmed words that tell the subject of a text; none if all of its words are common."""
    return frozenset(stem_words(split_words(text))) - _COMMON


# Entries are compared with every message, and each of a recall's memories with every entry.
_find_terms_of_entry = lru_cache(maxsize=4096)(find_telling_terms)
_find_terms_of_text = lru_cache(maxsize=128)(find_telling_terms)


def find_matches(entries: Sequence[SkipEntry], message: str) -> list[SkipEntry]:
    """Return the entries that a message is about, the best fitting first.

    The message has at least half of an entry's telling words, or all telling words of the message are the entry's.
    Words count whole and stemmed; stop words and words like "suggest" do not count.
    """
    said = _find_terms_of_text(message) if entries else frozenset[str]()
    shares = {entry.id: _compute_share(_find_terms_of_entry(entry.item), said) for entry in entries}
    found = [entry for entry in entries if shares[entry.id] > 0]
    return sorted(found, key=lambda entry: -shares[entry.id])


def _compute_share(about: frozenset[str], said: frozenset[str]) -> float:
    """Return the share of an entry's telling words that was said; 0 if that is too little."""
    both = about & said
    if not both or (2 * len(both) < len(about) and both != said):
        return 0.0
    return len(both) / len(about)


def covers_text(entry: SkipEntry, content: str) -> bool:
    """Whether a memory's text is about the entry's item: whether it has all telling words of the item."""
    about = _find_terms_of_entry(entry.item)
    return bool(about) and about <= _find_terms_of_text(content)
