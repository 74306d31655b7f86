"""Typing errors: a word that a workspace does not have, and the word of the workspace that was probably meant.

Most typing errors leave a letter out, double one, or swap two. A letter in another's place is an error, too, but
between short words it is more often another word: state and stage, score and store. So it takes a longer word. Two
letters that are swapped make another word of five: trial and trail.
"""

from collections.abc import Iterable, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from server.memory.words.pieces import has_unspaced

LEAST_LETTERS = 5
LEAST_FOR_A_SWAP = 6
LEAST_FOR_ANOTHER_LETTER = 8
LEAST_FOR_TWO = 9
LONGEST = 40
CORRECTION_WEIGHT = 0.6
"""How much a corrected word counts beside one that is there as it was asked for."""


def may_be_misspelt(word: str) -> bool:
    """Whether a folded word is one that a typing error may be in."""
    return LEAST_LETTERS <= len(word) <= LONGEST and word.isalpha() and not has_unspaced(word)


def may_be_meant(words: Iterable[str]) -> list[str]:
    """Return those of some folded words that a misspelt word may stand for."""
    return [word for word in words if LEAST_LETTERS - 1 <= len(word) <= LONGEST + 1 and word.isalpha()]


def find_meant_word(word: str, known: Sequence[str]) -> str | None:
    """Return the known word that a misspelt one stands for; None if there is none, or several are as near.

    `known` are the folded words of the workspace with the same first letter, which people rarely get wrong.
    """
    most = 2 if len(word) >= LEAST_FOR_TWO else 1
    near = process.extract(word, known, scorer=OSA.distance, score_cutoff=most, limit=3)
    near = [
        (each, edits) for each, edits, _ in near if len(word) >= LEAST_FOR_ANOTHER_LETTER or _keeps_letters(word, each)
    ]
    if not near or (len(near) > 1 and near[1][1] == near[0][1]):
        return None
    return near[0][0]


def _keeps_letters(word: str, other: str) -> bool:
    """Whether two words one edit apart differ by a letter too many or too few, or by two that are swapped."""
    return len(word) != len(other) or (len(word) >= LEAST_FOR_A_SWAP and sorted(word) == sorted(other))
