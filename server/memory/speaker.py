"""Who speaks in a text."""

import re
from collections.abc import Collection

_FIRST_PERSON = re.compile(
    r"\b(?:i|my|we|our|ich|meine?[mnr]?|wir|unsere?[mnr]?|je|j|mon|mes|nous|notre|nos|yo|mis?|nosotros|nosotras"
    r"|nuestr[oa]s?|noi|nostr[oa]|meu|minha|nosso|nossa|ik|mijn|wij|onze|mój|moja|nasz|nasza"
    r"|я|мой|моя|моё|мне|мы|наш|наша)\b|我|私|僕|俺|우리|저는|나는|제가|내가",
    re.IGNORECASE,
)


def is_first_person(text: str) -> bool:
    """Whether somebody speaks of themselves in a text: it says I, my, we or our, in one of a dozen languages."""
    return _FIRST_PERSON.search(text) is not None


def find_speaker(author: str | None, inferred: Collection[str], text: str) -> str | None:
    """Return the author of a text, if it can be taken to have said it; None if not.

    An author that was inferred is the person whose agent stored the text. Mostly the agent wrote it, about anybody:
    only of a text in the first person it is plain whose words it has.
    """
    return author if "author" not in inferred or is_first_person(text) else None
