"""The kind of a person's sentence: a preference, a decision, an instruction or a fact worth keeping, or nothing."""

import re

from server.memory.capture.models import Kind
from server.memory.capture.statements.foreign_signals import (
    FOREIGN_PROBLEM,
    FOREIGN_REQUEST,
    FOREIGN_SIGNALS,
    FOREIGN_WORDS,
    Signals,
)
from server.memory.capture.statements.signals import (
    CHANGED_AT_ONCE,
    CHATTER,
    DECISION,
    DESCRIPTION,
    FACT,
    HABIT,
    INSTRUCTION,
    INTENTION,
    LASTING,
    OURS,
    PASSING,
    PLAIN_FACT,
    PREFERENCE,
    PROBLEM,
    QUESTION,
    REQUEST,
    RULE,
)
from server.memory.languages import get_stop_words

_FEWEST_WORDS, _MOST_WORDS = 2, 70
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
#: A long quote is somebody else's sentence; a short one is a name.
_QUOTED = re.compile(
    r"\"[^\"]{25,500}\"|\u201c[^\u201d]{25,500}\u201d|\u201e[^\u201c\u201d]{25,500}[\u201c\u201d]|`[^`]{25,500}`"
)
#: Contractions that are written without their apostrophe.
_CONTRACTED = (
    (re.compile(r"\b(it|that)s(?=\s(?:a|an|the|not|our|my)\b)", re.IGNORECASE), r"\1's"),
    (re.compile(r"\b(do|does|did|is|are|ca|wo|was|should)nt\b", re.IGNORECASE), r"\1n't"),
    (re.compile(r"\b(i)(m|ve|ll)\b", re.IGNORECASE), r"\1'\2"),
)
#: A number, a name, something in quotes, or a word of a program: what a fact is about.
_SPECIFIC = re.compile(r"\d|(?<=\s)[A-Z]\w|\"[^\"]+\"|'[^' ]{2,}'|`[^`]+`|\w[_/.]\w|\b[A-Z]{2,}")
#: The kinds that a sentence with a word of trouble may still be.
_FIRM: Signals = (("preference", PREFERENCE), ("decision", DECISION))
_ENGLISH = get_stop_words("english")


def judge_sentence(sentence: str) -> Kind | None:
    """Return what a sentence is, without its opening words; None if it is nothing worth keeping."""
    plain = _QUOTED.sub('""', sentence).replace("\u2019", "'")
    for pattern, spelled in _CONTRACTED:
        plain = pattern.sub(spelled, plain)
    lower = plain.lower()
    words = _WORD.findall(lower)
    if not _FEWEST_WORDS <= len(words) <= _MOST_WORDS:
        return None
    english, foreign = _count_small_words(words)
    if foreign > english:
        return _judge_foreign(lower)
    kind = _judge_english(plain, lower)
    return _judge_foreign(lower) if kind is None and not english else kind


def _count_small_words(words: list[str]) -> tuple[int, int]:
    """Return how many small words are of English, and how many of the one other language that has most of them."""
    return sum(word in _ENGLISH for word in words), max(sum(word in small for word in words) for small in FOREIGN_WORDS)


def _judge_foreign(lower: str) -> Kind | None:
    if any(each.search(lower) for each in (FOREIGN_REQUEST, FOREIGN_PROBLEM, REQUEST)):
        return None
    return _find_signal(lower, FOREIGN_SIGNALS)


def _find_signal(lower: str, signals: Signals) -> Kind | None:
    """Return the kind of the first pattern that a sentence matches."""
    for kind, pattern in signals:
        if pattern.search(lower):
            return kind
    return None


def _judge_english(plain: str, lower: str) -> Kind | None:
    is_lasting = LASTING.search(lower) is not None
    if _is_of_now(lower, is_lasting=is_lasting):
        return None
    if kind := _find_signal(lower, _FIRM):
        return kind
    if not is_lasting and (PROBLEM.search(lower) or INTENTION.search(lower)):
        return None
    if is_lasting or INSTRUCTION.search(lower):
        return "instruction"
    return None if REQUEST.search(lower) else _judge_plain(plain, lower)


def _judge_plain(plain: str, lower: str) -> Kind | None:
    """Return what a sentence without strong words is, which is no request."""
    if RULE.search(lower):
        return "instruction"
    if any(pattern.search(lower) for pattern in (FACT, OURS, HABIT)):
        return "fact"
    return "fact" if PLAIN_FACT.search(lower) and _SPECIFIC.search(plain) else None


def _is_of_now(lower: str, *, is_lasting: bool) -> bool:
    """Whether a sentence is a question, small talk, or of a thing that is over with this message."""
    patterns = (QUESTION, CHATTER) if is_lasting else (QUESTION, CHATTER, PASSING, CHANGED_AT_ONCE, DESCRIPTION)
    return any(pattern.search(lower) for pattern in patterns)
