"""Finding the entities that a text names."""

import re
from collections.abc import Callable
from typing import NamedTuple

from server.memory.entities.capitals import find_capitals
from server.memory.entities.names import FoundType, fold_entity_name
from server.memory.entities.shapes import Span, find_shapes

#: The characters of a text that are read. What a longer one names is named at its beginning.
MOST_READ = 8_000
#: The most entities of a text.
MOST_FOUND = 60
#: The most words of a known name that is looked for in texts.
MOST_WORDS = 4
_WORD = re.compile(r"\w+(?:[-'’./@+]\w+)*")


#: Whether a folded name is known: one that somebody gave in any case of letters, and one that was found in a text if it
#: has a capital letter, which the second argument says.
IsKnown = Callable[[str, bool], bool]


class Found(NamedTuple):
    """An entity that a text names: as it is written there, as it is compared, and its type."""

    name: str
    key: str
    type: FoundType


def find_entities(text: str, is_known: IsKnown | None = None) -> list[Found]:
    """Return the entities that a text names, each once, in the order in which they stand in it.

    Args:
        text: the text; its first `MOST_READ` characters are read.
        is_known: tells the names that are known already.
    """
    text = text[:MOST_READ]
    spans = find_shapes(text)
    spans = sorted([*spans, *find_capitals(text, spans)])
    if is_known is not None:
        spans = sorted([*spans, *_find_known(text, spans, is_known)])
    found: dict[str, Found] = {}
    for span in spans:
        key = fold_entity_name(span.name)
        if key and key not in found:
            found[key] = Found(span.name, key, span.type)
    return list(found.values())[:MOST_FOUND]


def _find_known(text: str, taken: list[Span], is_known: IsKnown) -> list[Span]:
    """Return the known names in a text, the longest first where several begin, that are not part of a found name."""
    words = list(_WORD.finditer(text))
    found: list[Span] = []
    at = 0
    while at < len(words):
        for count in range(min(MOST_WORDS, len(words) - at), 0, -1):
            start, end = words[at].start(), words[at + count - 1].end()
            name = text[start:end]
            if is_known(fold_entity_name(name), name[0].isupper()):
                if not any(each.start <= start and end <= each.end for each in taken):
                    found.append(Span(start, end, name, "name"))
                at += count - 1
                break
        at += 1
    return found
