"""The names of entities: two that differ in case, Unicode form or blanks only are one."""

import unicodedata
from typing import Literal, get_args

MOST_CHARACTERS = 200
"""The most characters of a name."""

#: What an entity is, as far as its name shows it. A person may give any other word instead.
FoundType = Literal["person", "product", "host", "file", "identifier", "name"]
FOUND_TYPES: tuple[FoundType, ...] = get_args(FoundType)
#: The type of an entity that a memory's field names: it may be anything.
UNKNOWN_TYPE: FoundType = "name"


def fold_entity_name(name: str) -> str:
    """Return the form in which names of entities are compared: NFKC, without case, with single plain blanks.

    It may be longer than the name, by at most three times for the characters of Unicode's compatibility area, and is
    cut to `MOST_CHARACTERS`.
    """
    if name.isascii():
        return " ".join(name.casefold().split())[:MOST_CHARACTERS]
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())[:MOST_CHARACTERS]
