"""From text to terms, and from terms to BM25's sparse vectors.

Stored texts and queries go through one analyzer, so that both agree on the words. Compounds
(`Navier-Stokes`, `node.js`, `src/app.py`) count whole and in parts; scripts without spaces count in pairs of
characters. A memory is found by its *search text*, which is more than its content: see `build_search_text`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache

import mmh3

from server.memory.languages import Language, get_stemmer, get_stop_words
from server.memory.models import Memory

SEARCH_TEXT_RULE = 5
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

_LONGEST = 100  # characters of a term; no word is longer
_POSSESSIVE = re.compile(r"['’]s\b")  # noqa: RUF001 - the typographic apostrophe is meant
_WORD = re.compile(r"[^\W_]+(?:['’._/:+#@-]+[^\W_]+)*[+#]*")  # noqa: RUF001 - the curly apostrophe is meant
_PART = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001 - the curly apostrophe is meant
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+"
)


def has_unspaced_script(text: str) -> bool:
    """Whether a text has letters of a script without spaces, so that its "words" are phrases."""
    return _UNSPACED.search(text) is not None


def name_search_text_rule(language: Language) -> str:
    """Return the name of the rule by which memories in a language are found now."""
    return f"{SEARCH_TEXT_RULE}-{language}"


def _split_pieces(text: str) -> list[str]:
    """Return the lower-case words in order; a compound comes whole and then in its parts."""
    pieces: list[str] = []
    for word in _WORD.findall(_POSSESSIVE.sub("", text.lower())):
        parts = _PART.findall(word)
        if len(parts) > 1 or parts[0] != word:
            pieces.append(word)
        for part in parts:
            if runs := _UNSPACED.findall(part):
                pieces += [run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))]
                pieces += [rest for rest in _UNSPACED.split(part) if rest]
            else:
                pieces.append(part)
    return pieces


def split_words(text: str, language: Language = "english", extra_stop_words: Collection[str] = ()) -> list[str]:
    """Return the words of a text without stop words, in order; if all are stop words, return those.

    `extra_stop_words` are in addition to the language's own, in lower case.
    """
    pieces = [piece for piece in _split_pieces(text) if len(piece) <= _LONGEST]
    ignored = get_stop_words(language)
    if extra_stop_words:
        ignored = ignored.union(extra_stop_words)
    return [piece for piece in pieces if piece not in ignored] or pieces


def stem_words(words: Iterable[str], language: Language = "english") -> list[str]:
    """Return the stem of each word."""
    stem = get_stemmer(language)
    return [stem(word) for word in words]


def find_terms(text: str, terms: Collection[str], language: Language = "english") -> list[tuple[int, str]]:
    """Return each occurrence of the terms in a text: its place in characters and the term, in the order of the text.

    A compound is found by its parts.
    """
    stem, known = get_stemmer(language), dict[str, str]()
    found: list[tuple[int, str]] = []
    for match in _PART.finditer(text):
        word = _POSSESSIVE.sub("", match[0].lower())
        if _UNSPACED.search(word):
            pairs = ((match.start() + place, match[0][place : place + 2]) for place in range(len(match[0])))
            found += [(place, pair) for place, pair in pairs if pair in terms]
            continue
        if word not in known:
            known[word] = stem(word)
        if known[word] in terms:
            found.append((match.start(), known[word]))
    return found


def hash_term(term: str) -> int:
    """Return a term's place in a sparse vector (u32)."""
    return mmh3.hash(term, signed=False)


def _spell_date(date: datetime) -> str:
    """Return a date in the words that people ask for it with: 8 May 2023."""
    return f"{date.day} {date:%B} {date.year}"


def _join_names(memory: Memory) -> str:
    """Return the names of a memory: tags, entity, author, project and date."""
    parts = [*memory.tags, memory.entity, memory.author, memory.project]
    if memory.occurred_at is not None:
        parts.append(_spell_date(memory.occurred_at))
    return "\n".join(part for part in parts if part)


@lru_cache(maxsize=256)
def _stem_text(text: str, language: Language) -> tuple[str, ...]:
    # Remembered, because each turn of a conversation is also its followers' neighbour.
    return tuple(stem_words(split_words(text, language), language))


def build_search_text(memory: Memory, before: Sequence[str], language: Language = "english") -> Counter[str]:
    """Return the terms that a memory is found by, with their counts: of its content, its names and the texts before it.

    `before` are the contents of the memories just before it in its session. Its own terms count `OWN_WEIGHT` times; a
    memory of more than `SHORT_TERMS` terms is found by its own terms only.
    """
    own = _stem_text(memory.content, language)
    counts = Counter(own)
    counts.update(_stem_text(_join_names(memory), language))
    for term in counts:
        counts[term] *= OWN_WEIGHT
    if len(own) <= SHORT_TERMS:
        for text in before:
            counts.update(_stem_text(text, language)[:SHORT_TERMS])
    return counts


def weigh_terms(counts: Counter[str]) -> tuple[list[int], list[float]]:
    """Return the term ids, each once, and their weights: BM25 without the idf, by which the engine multiplies."""
    length = K1 * (1 - B + B * min(counts.total(), LONGEST_TERMS) / AVERAGE_TERMS)
    by_id = Counter[int]()
    for term, count in counts.items():
        by_id[hash_term(term)] += count  # two terms may share an id, and a sparse vector names each once
    return list(by_id), [count * (K1 + 1) / (count + length) for count in by_id.values()]
