"""From text to terms, and from terms to BM25's sparse vectors.

Stored texts and queries go through one analyzer (`words/`), so that both agree on the terms. A memory is found by its
*search text*, which is more than its content: see `build_search_text`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache

import mmh3

from server.memory.languages import Language
from server.memory.models import Memory
from server.memory.speaker import find_speaker
from server.memory.words.folding import compose, compose_with_places, fold
from server.memory.words.pieces import Piece, join_parts, list_written_words, split_word
from server.memory.words.stems import find_stemmer
from server.memory.words.syllables import is_vietnamese, pair_syllables

SEARCH_TEXT_RULE = 7
"""Raise it with every change of the analyzer or of the search text: collections made by another rule are rebuilt."""

# BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), eq. 3.15. Memories are short, so
# a constant stands for the average length of a search text, in terms. b was measured: docs/recall.md.
K1 = 1.2
B = 0.5
AVERAGE_TERMS = 100
#: A text is taken to be no longer than this: else its length alone would keep a text of 30 KB from every answer.
LONGEST_TERMS = 600

# A turn of a conversation is found by the words just before it, too; a long text is found better without them.
# Measured: docs/recall.md.
OWN_WEIGHT = 3
NEIGHBOURS = 2
SHORT_TERMS = 48


def name_search_text_rule(language: Language) -> str:
    """Return the name of the rule by which memories in a language are found now."""
    return f"{SEARCH_TEXT_RULE}-{language}"


def _list_pieces(text: str, language: Language, extra_stop_words: Collection[str] = ()) -> list[Piece]:
    """Return the pieces of a text that are no stop words, in order; if all are stop words, return those."""
    told: list[Piece] = []
    ignored: list[Piece] = []
    for _, written in list_written_words(compose(text)):
        for piece in split_word(written, language):
            (ignored if piece.is_stop or piece.shown in extra_stop_words else told).append(piece)
    return told or ignored


def split_words(text: str, language: Language = "english", extra_stop_words: Collection[str] = ()) -> list[str]:
    """Return the words of a text without stop words, in order; if all are stop words, return those.

    A compound comes whole, without its joints, and then in its parts. `extra_stop_words` are in addition to the
    language's own, in lower case.
    """
    return [piece.word for piece in _list_pieces(text, language, extra_stop_words)]


def stem_words(words: Iterable[str], language: Language = "english") -> list[str]:
    """Return the stem of each word."""
    return [find_stemmer(folded, language)(folded) for folded in map(_fold_word, words)]


@lru_cache(maxsize=8192)
def _fold_word(word: str) -> str:
    return join_parts(fold(compose(word)))


def find_terms(text: str, terms: Collection[str], language: Language = "english") -> list[tuple[int, str]]:
    """Return each occurrence of the terms in a text: its place in characters and the term, in the order of the text.

    A compound is found by its parts.
    """
    composed, places = compose_with_places(text)
    found: list[tuple[int, str]] = []
    for start, written in list_written_words(composed):
        for piece in split_word(written, language):
            if not piece.is_whole:
                found += [(start + piece.place, term) for term in piece.terms if term in terms]
    return found if places is None else [(places[place], term) for place, term in found]


def hash_term(term: str) -> int:
    """Return a term's place in a sparse vector (u32)."""
    return mmh3.hash(term, signed=False)


def _spell_date(date: datetime) -> str:
    """Return a date in the words that people ask for it with: 8 May 2023."""
    return f"{date.day} {date:%B} {date.year}"


def _join_names(memory: Memory, told: Sequence[Memory]) -> str:
    """Return the names of a memory, and of those that it was made from: tags, entity, author, project and date."""
    parts = [*memory.tags, memory.entity, _find_speaker_of(memory), memory.project]
    for each in told:
        parts += [each.entity, _find_speaker_of(each)]
    parts += [_spell_date(each.occurred_at) for each in (memory, *told) if each.occurred_at is not None]
    return "\n".join(part for part in dict.fromkeys(parts) if part)


def _find_speaker_of(memory: Memory) -> str | None:
    return find_speaker(memory.author, memory.inferred, memory.content)


@lru_cache(maxsize=256)
def _list_terms(text: str, language: Language) -> tuple[str, ...]:
    # Remembered, because each turn of a conversation is also its followers' neighbour.
    terms: list[str] = []
    for piece in _list_pieces(text, language):
        terms += piece.terms
        if piece.marked:
            terms.append(piece.marked)
    composed = compose(text)
    if is_vietnamese(composed):
        terms += pair_syllables([written.casefold() for _, written in list_written_words(composed)])
    return tuple(terms)


def build_search_text(
    memory: Memory, before: Sequence[str], language: Language = "english", told: Sequence[Memory] = ()
) -> Counter[str]:
    """Return the terms that a memory is found by, with their counts: of its content, its names and the texts before it.

    `told` are the memories that a merged one was made from: it is found by their names as well. `before` are the
    contents of the memories just before it in its session. Its own terms count `OWN_WEIGHT` times; a memory of more
    than `SHORT_TERMS` terms is found by its own terms only.
    """
    own = _list_terms(memory.content, language)
    counts = Counter(own)
    counts.update(_list_terms(_join_names(memory, told), language))
    for term in counts:
        counts[term] *= OWN_WEIGHT
    if len(own) <= SHORT_TERMS:
        for text in before:
            counts.update(_list_terms(text, language)[:SHORT_TERMS])
    return counts


def weigh_terms(counts: Counter[str]) -> tuple[list[int], list[float]]:
    """Return the term ids, each once, and their weights: BM25 without the idf, by which the engine multiplies."""
    length = K1 * (1 - B + B * min(counts.total(), LONGEST_TERMS) / AVERAGE_TERMS)
    by_id = Counter[int]()
    for term, count in counts.items():
        by_id[hash_term(term)] += count  # two terms may share an id, and a sparse vector names each once
    return list(by_id), [count * (K1 + 1) / (count + length) for count in by_id.values()]
