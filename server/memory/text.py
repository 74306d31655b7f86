"""From text to terms, and from terms to BM25's sparse vectors.

One analyzer for what is stored and for what is asked, so that both sides agree on what a word is. Compounds
(`Navier-Stokes`, `node.js`, `src/app.py`) count whole and in parts; scripts without spaces count in pairs of
characters. What a memory is found by is its *key*, which is more than its content: see `key`.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache

import mmh3

from server.memory.languages import Language, get_stemmer, get_stop_words
from server.memory.models import Memory

SEARCH_TEXT_RULE = 2
"""Raised with every change of what a text's terms or a memory's key are: collections made by another are rebuilt."""

# BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), eq. 3.15. Memories are short, so
# their length says little: b is small, and a constant stands for the collection's average length, in terms of a key.
K1 = 1.2
B = 0.1
AVERAGE_TERMS = 100

# A turn of a conversation is found by what was said just before it, too; a long text is better off without.
# Measured: docs/recall.md.
OWN = 3
NEIGHBOURS = 2
SHORT = 48

_LONGEST = 100  # characters of a term; no word is longer
_POSSESSIVE = re.compile(r"['’]s\b")  # noqa: RUF001 - the typographic apostrophe is meant
_WORD = re.compile(r"[^\W_]+(?:['’._/:+#@-]+[^\W_]+)*[+#]*")  # noqa: RUF001 - as above
_PART = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001 - as above
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+"
)


def search_text_rule(language: Language) -> str:
    """The rule by which memories in a language are found now."""
    return f"{SEARCH_TEXT_RULE}-{language}"


def _pieces(text: str) -> list[str]:
    """Lower-case words in order; a compound gives itself and then its parts."""
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


def split_words(text: str, language: Language = "english", without: Collection[str] = ()) -> list[str]:
    """The words of a text that say something, in order; with nothing but stop words, those.

    `without` are stop words beside the language's own, in lower case.
    """
    pieces = [piece for piece in _pieces(text) if len(piece) <= _LONGEST]
    empty = get_stop_words(language)
    if without:
        empty = empty.union(without)
    return [piece for piece in pieces if piece not in empty] or pieces


def stem_words(those: Iterable[str], language: Language = "english") -> list[str]:
    """Words as terms."""
    stem = get_stemmer(language)
    return [stem(word) for word in those]


def hash_term(term: str) -> int:
    """A term's place in a sparse vector (u32)."""
    return mmh3.hash(term, signed=False)


def _spoken(date: datetime) -> str:
    """A date in the words that people ask for it with: 8 May 2023."""
    return f"{date.day} {date:%B} {date.year}"


def _called(memory: Memory) -> str:
    """What people call a memory by, beside its content."""
    parts = [*memory.tags, memory.entity, memory.author, memory.project]
    if memory.occurred_at is not None:
        parts.append(_spoken(memory.occurred_at))
    return "\n".join(part for part in parts if part)


@lru_cache(maxsize=256)
def _terms(text: str, language: Language) -> tuple[str, ...]:
    # Remembered, because each turn of a conversation is also its followers' neighbour.
    return tuple(stem_words(split_words(text, language), language))


def build_search_text(memory: Memory, before: Sequence[str], language: Language = "english") -> Counter[str]:
    """What a memory is found by, term by term: its content, what it is called by, and what was said before it.

    `before` are the contents of the memories just before it in its session. Its own terms count `OWN` times; a
    memory of more than `SHORT` terms stands for itself.
    """
    own = _terms(memory.content, language)
    counts = Counter(own)
    counts.update(_terms(_called(memory), language))
    for term in counts:
        counts[term] *= OWN
    if len(own) <= SHORT:
        for text in before:
            counts.update(_terms(text, language)[:SHORT])
    return counts


def weigh_terms(counts: Counter[str]) -> tuple[list[int], list[float]]:
    """BM25's term-frequency part of a key: distinct term ids and weights. The engine multiplies by the idf."""
    length = K1 * (1 - B + B * counts.total() / AVERAGE_TERMS)
    by_id = Counter[int]()
    for term, count in counts.items():
        by_id[hash_term(term)] += count  # two terms may share an id, and a sparse vector names each once
    return list(by_id), [count * (K1 + 1) / (count + length) for count in by_id.values()]
