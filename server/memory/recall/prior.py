"""The worth of a memory before anybody asks: a question says little, and a person who speaks of themselves much.

Measured on conversations (docs/recall.md). Both facts are read when a memory is stored, and kept with its point.
"""

import re

#: A sentence ends at one of these signs and a blank, or at a line's end; full-width signs need no blank.
_SENTENCE_END = re.compile(r"(?<=[.!?…؟])\s+|(?<=[。！？])|\n+")  # noqa: RUF001 - full-width signs are meant
_QUESTION_MARKS = ("?", "？", "؟")  # noqa: RUF001 - the full-width and the Arabic sign are meant
_CLOSING_SIGNS = " \t\"'”’»)]*_"  # noqa: RUF001 - typographic quotation marks are meant
_WORD = re.compile(r"[^\W_]+")


def compute_question_share(text: str) -> float:
    """Return the share of a text's words that stand in questions, in [0, 1]: in sentences that end in a question mark.

    Words of scripts without spaces count by their letters.
    """
    asked = total = 0
    for sentence in _SENTENCE_END.split(text):
        words = sum(len(word) if word > "\u2e80" else 1 for word in _WORD.findall(sentence))
        total += words
        if sentence.rstrip(_CLOSING_SIGNS).endswith(_QUESTION_MARKS):
            asked += words
    return asked / total if total else 0.0
