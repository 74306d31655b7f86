"""The words of a question, and how many of them a memory may be missed for.

People write one word in several ways, and a question counts each of them as one word: a compound and its parts, the
pairs of characters of a Chinese word. So the terms come in groups, each with the number of words that it stands for.
If a workspace lacks more terms of a group than that, the rest of them says nothing about how well a memory fits.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from server.memory.languages import Language, get_stop_words
from server.memory.words.folding import compose
from server.memory.words.pieces import UNSPACED, Piece, has_unspaced, list_written_words, split_word
from server.memory.words.syllables import SINGLE_WEIGHT, is_vietnamese, pair_syllables
from server.memory.words.unspaced import has_kana, has_one_unit, read_run

#: The weight of a single character between spaces: in Korean it is a word, but mostly one of many meanings.
SINGLE_UNIT_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Group:
    """Words of a question that belong together.

    Attributes:
        shown: the words, as they were written in lower case.
        terms: the terms of the words, each once.
        words: how many terms count, if the workspace has none of them.
        weights: how much each of the terms counts, from 0 to 1; all of them fully if it is empty.
    """

    shown: tuple[str, ...]
    terms: tuple[str, ...]
    words: int
    weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a question is read: its stop words, and the scripts in it."""

    extra: frozenset[str]
    foreign: frozenset[str]
    is_japanese: bool
    is_vietnamese: bool


def read_question(text: str, language: Language = "english", extra_stop_words: Collection[str] = ()) -> list[Group]:
    """Return the words that a question looks for, in its order.

    Stop words are those of the workspace's language, of the language that the question seems to be in, and
    `extra_stop_words`, which are in lower case. A question of nothing but stop words of the workspace looks for those;
    any other question of nothing but stop words looks for nothing.
    """
    composed = compose(text)
    written = [(word, split_word(word, language)) for _, word in list_written_words(composed)]
    reading = _Reading(
        extra=frozenset(extra_stop_words),
        foreign=_find_foreign(
            [piece.shown for _, pieces in written for piece in pieces], language, is_ascii=composed.isascii()
        ),
        is_japanese=has_kana(composed),
        is_vietnamese=is_vietnamese(composed),
    )
    groups: list[Group] = []
    ignored: list[Group] = []
    signs: list[Group] = []
    syllables: list[Piece] = []
    is_foreign = False
    for word, every in written:
        if not any(map(str.isalnum, word)):
            signs.append(Group((word,), (word,), 0))
            continue
        pieces = [piece for piece in every if not has_unspaced(piece.word)]
        if len(pieces) < len(every):
            groups += _read_unspaced(word, is_japanese=reading.is_japanese)
        told = tuple(piece for piece in pieces if not _is_ignored(piece, reading))
        if reading.is_vietnamese and len(told) == len(every) == 1:
            syllables += told
            continue
        if syllables:
            groups += _read_syllables(syllables)
            syllables = []
        if told:
            groups.append(_make_group(told))
        elif pieces and reading.foreign.isdisjoint(piece.shown for piece in pieces):
            ignored.append(_make_group(tuple(pieces)))
        else:
            is_foreign = True
    groups += _read_syllables(syllables)
    if groups or is_foreign:
        return groups + signs
    return ignored + signs if ignored else [Group(sign.shown, sign.terms, 1) for sign in signs]


def _is_ignored(piece: Piece, reading: _Reading) -> bool:
    return piece.is_stop or piece.shown in reading.extra or piece.shown in reading.foreign


@lru_cache(maxsize=4096)
def _make_group(pieces: tuple[Piece, ...]) -> Group:
    terms = dict.fromkeys(term for piece in pieces for term in piece.terms)
    # "well-known" is a word of its own beside its parts; "get_user" is only another way to write two words.
    words = sum(not piece.is_whole or "-" in piece.shown for piece in pieces)
    return Group(tuple(piece.shown for piece in pieces), tuple(terms), max(words, 1))


def _read_syllables(pieces: Sequence[Piece]) -> list[Group]:
    """Return the groups of neighbouring syllables: their pairs, and less of each syllable by itself."""
    pairs = pair_syllables([piece.shown for piece in pieces])
    single = SINGLE_WEIGHT if pairs else 0.5
    groups: list[Group] = []
    for piece in pieces:
        terms = (piece.terms[0], piece.marked or piece.terms[0])
        groups.append(Group((piece.shown,), terms, 2, (single, single)))
    return groups + [Group((), (pair,), 1) for pair in pairs]


def _read_unspaced(word: str, *, is_japanese: bool) -> Iterator[Group]:
    """Yield the groups of the runs in a word: those of each stretch of content, and the pairs that are not missed."""
    for run in UNSPACED.findall(word):
        pairs, sizes = read_run(run, is_japanese=is_japanese)
        for stretch, size in enumerate(sizes):
            if inside := tuple(pair.text for pair in pairs if pair.stretch == stretch):
                yield Group(inside, inside, -(-size // 2))
        for pair in pairs:
            if pair.stretch is None:
                is_alone = has_one_unit(pair.text)
                yield Group((pair.text,), (pair.text,), int(is_alone), (SINGLE_UNIT_WEIGHT if is_alone else 1.0,))


#: A question may be in another language than the workspace. Those that share their script are told by these words.
_LATIN = {
    name: get_stop_words(name)
    for name in (
        "english",
        "german",
        "french",
        "spanish",
        "portuguese",
        "italian",
        "dutch",
        "polish",
        "vietnamese",
    )
}
_LANGUAGES = {
    word: tuple(name for name, words in _LATIN.items() if word in words)
    for word in frozenset[str]().union(*_LATIN.values())
}
_OTHER_SCRIPTS = frozenset[str]().union(*map(get_stop_words, ("russian", "arabic", "hindi", "hebrew")))
_NOTHING: frozenset[str] = frozenset()


def seems_english(text: str, language: Language) -> bool:
    """Whether a question seems to be in English, by its stop words, and if they do not tell, by `language`."""
    said = [piece.shown for _, written in list_written_words(compose(text)) for piece in split_word(written, language)]
    counts = _count_languages(said)
    most = max(counts.values(), default=0)
    return language == "english" if not most or counts[language] == most else counts["english"] == most


def _count_languages(said: Iterable[str]) -> Counter[str]:
    """Return how many of these words are stop words of each language in Latin letters."""
    return Counter(name for word in said for name in _LANGUAGES.get(word, ()))


def _find_foreign(said: Sequence[str], language: Language, *, is_ascii: bool) -> frozenset[str]:
    """Return the stop words of the languages, other than the workspace's, that a question seems to be in.

    A single word does not tell its language in Latin letters: "one" is Polish, too.
    """
    counts = _count_languages(said if len(said) > 1 else ())
    least = counts[language if language in _LATIN else "english"]
    found = [_LATIN[name] for name, count in counts.items() if count > least and count == max(counts.values())]
    return _NOTHING.union(*found, *([] if is_ascii else [_OTHER_SCRIPTS]))
