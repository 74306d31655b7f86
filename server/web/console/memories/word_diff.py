"""The changes of a text, word by word, for a person who reads it."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

#: With more words than this, a text is shown whole before and after: to compare them would take too long.
MOST_WORDS = 1_000
_PIECES = re.compile(r"\s+|[^\s]+")


class Piece(NamedTuple):
    """A part of a text that stayed, went or came."""

    kind: Literal["same", "gone", "new"]
    text: str


def diff_words(before: str, after: str) -> list[Piece]:
    """Return the parts of two texts in the order of reading: what stayed, what went, and what came."""
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return [piece for piece in (Piece("gone", before), Piece("new", after)) if piece.text]
    return list(_compare(old, new))


def _compare(old: list[str], new: list[str]) -> Iterator[Piece]:
    for _, old_start, old_end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, came = "".join(old[old_start:old_end]), "".join(new[new_start:new_end])
        if gone == came:
            yield Piece("same", gone)
            continue
        if gone:
            yield Piece("gone", gone)
        if came:
            yield Piece("new", came)
