"""From text to terms, and from terms to BM25's sparse vectors.

One analyzer for what is stored and for what is asked, so that both sides agree on what a word is.
Compounds (`Navier-Stokes`, `node.js`, `src/app.py`) count whole and in parts; scripts without spaces
count in pairs of characters.
"""

import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime

import mmh3
from py_rust_stemmers import SnowballStemmer  # pyright: ignore - it has no types

from server.memory.models import Memory

# BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), eq. 3.15. Memories are short,
# so their length says little: b is small, and a constant stands for the collection's average length.
K1 = 1.2
B = 0.3
AVERAGE_TERMS = 24

_WORD = re.compile(r"[^\W_]+(?:['’._/:+#@-]+[^\W_]+)*[+#]*")  # noqa: RUF001 - the typographic apostrophe is meant
_PART = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+"
)

STOP_WORDS = frozenset(
    """a about above after again all also am an and any are as at be because been before being below between both but
    by can could did do does doing don down during each few for from further had has have having he her here hers
    him his how i if in into is it its itself just like me more most my myself no nor not now of off on once only or
    other our ours out over own please same she should so some such tell than that the their theirs them then there
    these they this those through to too under until up us very was we were what when where which while who whom why
    will with would you your yours""".split()  # noqa: SIM905 - words are read best as words
)

_stem: Callable[[str], str] = SnowballStemmer("english").stem_word  # pyright: ignore - as above


def _pieces(text: str) -> list[str]:
    """Lower-case words in order; a compound gives itself and then its parts."""
    pieces: list[str] = []
    for word in _WORD.findall(text.lower()):
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


def terms(text: str) -> list[str]:
    """The text's terms: stop words out, the rest stemmed; with nothing but stop words, those."""
    pieces = _pieces(text)
    kept = [piece for piece in pieces if piece not in STOP_WORDS and len(piece) <= 100]  # noqa: PLR2004 - no word is longer
    return [_stem(piece) for piece in kept or pieces]


def query_terms(text: str) -> list[str]:
    """The distinct words of a query that are looked for, unstemmed and in order, for the answer to show."""
    pieces = _pieces(text)
    kept = [piece for piece in pieces if piece not in STOP_WORDS]
    return list(dict.fromkeys(kept or pieces))


def document_weights(text: str) -> tuple[list[int], list[float]]:
    """BM25's term-frequency part for a text: distinct term ids (u32) and weights. The engine multiplies by the idf."""
    counts = Counter(mmh3.hash(term, signed=False) for term in terms(text))
    length = K1 * (1 - B + B * counts.total() / AVERAGE_TERMS)
    return list(counts), [count * (K1 + 1) / (count + length) for count in counts.values()]


def query_weights(text: str) -> tuple[list[int], list[float]]:
    """A query's distinct term ids, each with weight 1."""
    ids = list(dict.fromkeys(mmh3.hash(term, signed=False) for term in terms(text)))
    return ids, [1.0] * len(ids)


def _spoken(date: datetime) -> str:
    """A date in the words that people ask for it with: 8 May 2023."""
    return f"{date.day} {date:%B} {date.year}"


def key_text(memory: Memory) -> str:
    """What a memory is found by: its content, and what people call it by."""
    parts = [memory.content, *memory.tags, memory.entity, memory.author, memory.project]
    if memory.occurred_at is not None:
        parts.append(_spoken(memory.occurred_at))
    return "\n".join(part for part in parts if part)
