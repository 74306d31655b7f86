"""The parts of a text by which another text is found that repeats it."""

import hashlib
import re

from server.memory.words.folding import compose

#: A sentence with fewer words and fewer characters is said by too many texts to tell anything.
_SENTENCE_WORDS, _SENTENCE_CHARACTERS = 4, 24
#: The same for a whole text.
_TEXT_WORDS, _TEXT_CHARACTERS = 2, 8
#: The longest part that is compared, in characters, and the number of sentences that are compared: the longest ones.
_PART, _SENTENCES = 200, 4
_ENDS = re.compile("[.!?\u3002\uff01\uff1f\n]+")


def find_telling_parts(text: str) -> list[str]:
    """Return the parts of a text that another text has only if it repeats it: its beginning, and its long sentences.

    A text that is too short to tell has no parts.
    """
    whole = text.strip()
    if not _is_telling(whole, _TEXT_WORDS, _TEXT_CHARACTERS):
        return []
    sentences = (each.strip(" \t\r•*-") for each in _ENDS.split(whole))
    telling = [each for each in sentences if _is_telling(each, _SENTENCE_WORDS, _SENTENCE_CHARACTERS)]
    longest = sorted(telling, key=len, reverse=True)[:_SENTENCES]
    return list(dict.fromkeys(each[:_PART] for each in (whole, *longest)))


def _is_telling(text: str, words: int, characters: int) -> bool:
    return len(text.split()) >= words or len(text) >= characters


def digest_text(text: str) -> str:
    """Return a short text that is equal for texts that look the same: in another form of Unicode, or other blanks."""
    return hashlib.sha256(" ".join(compose(text).split()).encode()).hexdigest()[:32]
