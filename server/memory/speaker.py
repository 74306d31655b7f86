"""The speaker of a text."""

import re
from collections.abc import Collection

from server.memory.words.lower_words import collect_words, read_word_list

_FIRST_PERSON = read_word_list(
    """
    i my we our ich mein meine meinem meinen meiner wir unser unsere unserem unseren unserer je j mon
    mes nous notre nos yo mi mis nosotros nosotras nuestro nuestra nuestros nuestras noi nostro nostra
    meu minha nosso nossa ik mijn wij onze mój moja nasz nasza я мой моя моё мне мы наш наша
    """
)
_UNSPACED = re.compile("我|私|僕|俺|우리|저는|나는|제가|내가")


def is_first_person(text: str) -> bool:
    """Whether somebody speaks of themselves in a text: it says I, my, we or our, in one of a dozen languages."""
    if not _FIRST_PERSON.isdisjoint(collect_words(text)):
        return True
    return not text.isascii() and _UNSPACED.search(text) is not None


def find_speaker(author: str | None, inferred: Collection[str], text: str) -> str | None:
    """Return the author of a text, if it can be taken to have said it; None if not.

    An author that was inferred is the person whose agent stored the text. Mostly the agent wrote it, about anybody:
    only of a text in the first person it is plain whose words it has.
    """
    return author if "author" not in inferred or is_first_person(text) else None
