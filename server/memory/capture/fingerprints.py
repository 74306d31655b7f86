"""The loop guard: what the server itself told an agent in a session is found again, and is not stored a second time.

A sentence is known by its telling words, in any order, so that it is found again with other small words, another case
of letters and other punctuation, and without the date that was added to it.
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from server.memory.capture.statements.sentences import split_line
from server.memory.languages import is_stop_word

#: A part of a sentence with fewer telling words is said by too many sentences.
_TELLING_WORDS = 3
_PART = 0
#: So much is read: of a text, of a sentence, and of its telling words.
_READ_CHARACTERS, _LONGEST_SENTENCE, _MOST_WORDS = 100_000, 2_000, 120
_MARK = re.compile("[0-9a-f]{16}")
_WORD = re.compile(r"[^\W_]+")
_DATE = re.compile(r"\(\d{4}-\d\d(?:-\d\d)?(?: to \d{4}-\d\d-\d\d)?\)")
_CLAUSE = re.compile(r"[;:\u2013\u2014]\s|\s-\s|,\s(?:and|und|et|y)\s")
#: Small words that turn a sentence into another one.
_TURNING_WORDS = """no not nor only before after without off on until under above nicht kein keine keinen keiner nur
    vor nach ohne ne pas sans ni sin solo"""
_TURNING = frozenset(_TURNING_WORDS.split())
#: Words around a sentence that is told again.
_AROUND_WORDS = """remember note noted actually please understood ok okay yes asked result"""
_AROUND = frozenset(_AROUND_WORDS.split())
_NOT = re.compile(r"n['\u2019]t\b", re.IGNORECASE)


def fingerprint(text: str) -> str:
    """Return the fingerprint of a text: a word of 16 characters for each sentence, and for each part of one that tells.

    The first two characters of a word are the number of telling words of the sentence, or 00 for a part of a sentence.
    """
    marks = (mark for sentence in _split(text[:_READ_CHARACTERS]) for mark in _list_marks(sentence))
    return " ".join(dict.fromkeys(marks))


class Guard:
    """The fingerprints of what must not be stored."""

    def __init__(self, fingerprints: Iterable[str]) -> None:
        self._marks = set[str]()
        self._lengths = set[int]()
        self.learn(fingerprints)

    def learn(self, fingerprints: Iterable[str]) -> None:
        """Add fingerprints; what is none is left out."""
        marks = {mark for each in fingerprints for mark in each.split() if _MARK.fullmatch(mark)}
        self._marks |= marks
        self._lengths |= {int(mark[:2], 16) for mark in marks}

    def holds(self, text: str) -> bool:
        """Whether a text has a sentence that is known, holds a known one, or has a known part."""
        return bool(self._marks) and any(self._holds_one(each) for each in _split(text))

    def _holds_one(self, sentence: str) -> bool:
        words = _list_telling_words(sentence)
        if _mark_sentence(words) in self._marks:
            return True
        if any(_mark(_PART, part) in self._marks for part in _list_parts(sentence)):
            return True
        inside = (each for each in self._lengths if _TELLING_WORDS <= each < len(words))
        return any(
            _mark_sentence(words[start : start + length]) in self._marks
            for length in inside
            for start in range(len(words) - length + 1)
        )


def _split(text: str) -> Iterator[str]:
    return (sentence for line in text.splitlines() for sentence in split_line(line))


def _list_marks(sentence: str) -> Iterator[str]:
    if words := _list_telling_words(sentence):
        yield _mark_sentence(words)
    yield from (_mark(_PART, part) for part in _list_parts(sentence))


def _list_parts(sentence: str) -> list[list[str]]:
    """Return the telling words of each part of a sentence that has enough of them."""
    parts = [_list_telling_words(part) for part in _CLAUSE.split(sentence)]
    return [part for part in parts if len(part) >= _TELLING_WORDS] if len(parts) > 1 else []


def _list_telling_words(sentence: str) -> list[str]:
    """Return the first words of a sentence that tell something, or all if none does."""
    words = [word.casefold() for word in _WORD.findall(_NOT.sub(" not", _DATE.sub(" ", sentence[:_LONGEST_SENTENCE])))]
    return ([word for word in words if _is_telling(word)] or words)[:_MOST_WORDS]


def _is_telling(word: str) -> bool:
    return word in _TURNING or not (is_stop_word(word) or word in _AROUND)


def _mark_sentence(words: list[str]) -> str:
    return _mark(len(words), words)


def _mark(length: int, words: list[str]) -> str:
    return f"{length:02x}{blake2b(' '.join(sorted(set(words))).encode('utf-8', 'replace'), digest_size=7).hexdigest()}"
