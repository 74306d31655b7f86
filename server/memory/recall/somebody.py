"""Whether a text tells of somebody by name: "Ben's birthday is on 14 March", "Lukas is on leave"."""

import re

from server.memory.languages import is_stop_word

#: A sentence that begins with a name: with "'s", or with a word that says what somebody is, has or wants. A name with a
#: comma after it only calls somebody.
_BEGINNING = re.compile(
    r"(?:^|[.;!?]\s+)([A-Z][\w-]+)"
    r"(?:['’]s\b|\s(?:is|was|has|had|will|can|wants|likes|loves|prefers|lives|works|owns|needs|takes|stands)\b)"  # noqa: RUF001 - the typographic apostrophe is meant
)
#: Words that begin sentences in the same way, and are nobody's name.
_NO_NAMES = frozenset(
    [
        "let",
        "everyone",
        "everybody",
        "everything",
        "nobody",
        "nothing",
        "one",
        "life",
        "nature",
        "today",
        "tomorrow",
        "yesterday",
    ]
)


def tells_of_somebody(text: str) -> bool:
    """Whether a sentence of an English text begins with what may be somebody's name, and says something of them."""
    return any(_may_be_name(match[1].lower()) for match in _BEGINNING.finditer(text))


def _may_be_name(word: str) -> bool:
    return not (is_stop_word(word) or word in _NO_NAMES or word.endswith("ing"))
