"""Vietnamese, whose words have spaces within them, so that two neighbouring syllables say more than each of them.

A memory is found by its syllables, with and without their marks, and by each two neighbouring ones with their marks.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

#: Letters that only Vietnamese has.
_LETTER = re.compile("[\u01a0\u01a1\u01af\u01b0\u1ea0-\u1ef9]")

SINGLE_WEIGHT = 0.2
"""The weight of a syllable beside another one in a question, once with its marks and once without."""


def is_vietnamese(composed: str) -> bool:
    """Whether a composed text has a letter that only Vietnamese has."""
    return not composed.isascii() and _LETTER.search(composed) is not None


def pair_syllables(syllables: Sequence[str]) -> list[str]:
    """Return the terms of each two neighbouring syllables, which are in lower case with their marks."""
    return [f"{first} {second}" for first, second in pairwise(syllables)]
