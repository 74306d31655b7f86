"""Which memories repeat one another: they say the same in the same words, of the same thing.

The rule is strict, as a wrong merge costs more than a repeat that stays. Two facts of one pattern differ in one word,
and that word may be any: "primary" or "replica", "use" or "used", "papa" or "papá". Vectors do not tell such words
apart, and stems do not either. So repeats have the same words in the same order. The differences that are allowed say
nothing: capitals at the beginning of a sentence, signs that end or enclose words, white space, and a few words that
only stress.
"""

import json
import re
import unicodedata
from collections.abc import Hashable, Iterator
from hashlib import blake2b
from itertools import chain

from server.memory.dates.stretches import STRETCHES
from server.memory.languages import is_stop_word
from server.memory.models import Memory
from server.memory.speaker import find_speaker

#: Signs that only enclose words, and those that only end them. Signs that change a value (`-5`, `.env`, `5%`) stay.
_ENCLOSING = "\"'“”‘’«»„()[]{}*`"  # noqa: RUF001 - the curly quotes are meant
_ENDING = f"{_ENCLOSING}.,;:!?…。、，！？؟"  # noqa: RUF001 - as above
_QUESTION = re.compile("[?？؟]")  # noqa: RUF001 - as above
_BULLETS = frozenset("-–—•*")  # noqa: RUF001 - the dashes are meant
#: Words that may come and go without another meaning. No article of another language: "der" and "den" say who does it.
_FILLERS = frozenset(("the", "please", "really", "actually", "basically", "indeed"))
_SHORT_FORMS = (("can't", "can not"), ("cannot", "can not"), ("won't", "will not"))
_SHORT_ENDS = (("n't", " not"), ("'re", " are"), ("'m", " am"), ("'ll", " will"), ("'ve", " have"))
#: Such words mean another day each time they are stored.
_FROM_TODAY = """tonight, tomorrow, next week, next month, next year, ago, just now, right now, this morning,
    this afternoon, this evening, morgen, heute abend, nächste woche, nächsten monat, demain, ce soir,
    la semaine prochaine, mañana, esta noche, la próxima semana, domani, stasera, amanhã, завтра, вчера, jutro, wczoraj,
    dzisiaj, dziś, 明天, 明日, 내일, 어제, 오늘, غدا, أمس, اليوم, कल, आज"""
_UNSPACED = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


def make_repeat_key(memory: Memory) -> Hashable | None:
    """Return a value that memories share if each repeats the others; None if a memory repeats none.

    They have the same wording, type, author, entity, time, place and metadata. If the text counts from the day of the
    telling ("yesterday"), they were told on the same day. A memory with pictures may say something else each time.
    """
    words = list(_list_words(memory.content))
    if not words or memory.images:
        return None
    day = (memory.occurred_at or memory.created_at).date() if _counts_from_today(memory.content) else None
    asks = bool(_QUESTION.search(memory.content))
    # A hash, because a long text would be held for each of many thousand memories.
    wording = blake2b(" ".join(words).encode(), digest_size=16).digest()
    metadata = json.dumps(memory.metadata, sort_keys=True, default=str)
    speaker = find_speaker(memory.author, memory.inferred, memory.content)
    place = memory.scope, memory.project, memory.task
    return wording, asks, day, place, memory.type, speaker, memory.entity, memory.occurred_at, metadata


def _list_words(text: str) -> Iterator[str]:
    """Yield the words of a text that count, each as it is compared."""
    for line in _normalize(text).splitlines():
        parts = line.split()
        for raw in parts[1:] if parts and parts[0] in _BULLETS else parts:
            written = raw.rstrip(_ENDING).lstrip(_ENCLOSING)
            yield from (word for word in _split_word(written) if word not in _FILLERS)


def _split_word(written: str) -> list[str]:
    word = _open_short_form(_fold_case(written))
    parts = word.split("-")
    return parts if all(part.isalpha() for part in parts) else word.split()


def _fold_case(written: str) -> str:
    """Return a word in small letters if its case says nothing: `aB3x` is another value than `ab3X`, and US than us."""
    small = written.casefold()
    if any(sign.isdigit() for sign in written):
        return written
    if written.isupper():
        return written if len(written) > 1 and is_stop_word(small) else small
    return written if any(sign.isupper() for sign in written[1:]) else small


def _open_short_form(word: str) -> str:
    """Return the words that a short form of English stands for: "do not" for "don't"."""
    for short, whole in _SHORT_FORMS:
        if word == short:
            return whole
    for end, whole in _SHORT_ENDS:
        if word.endswith(end) and word != end:
            return word.removesuffix(end) + whole
    return word


def _counts_from_today(text: str) -> bool:
    return _RELATIVE.search(_normalize(text).casefold()) is not None


def _normalize(text: str) -> str:
    """Return a text in one form of its letters. Forms that may mean another value stay: 5² is not 52."""
    return unicodedata.normalize("NFC", text).replace("’", "'")  # noqa: RUF001 - the curly apostrophe is meant


def _make_pattern() -> re.Pattern[str]:
    more = (" ".join(each.split()) for each in _FROM_TODAY.split(","))
    phrases = sorted({*chain.from_iterable(STRETCHES.values()), *more}, key=len, reverse=True)
    spaced = "|".join(re.escape(each) for each in phrases if not _UNSPACED.search(each))
    unspaced = "|".join(re.escape(each) for each in phrases if _UNSPACED.search(each))
    return re.compile(rf"(?<!\w)(?:{spaced})(?!\w)|{unspaced}")


_RELATIVE = _make_pattern()
