"""Names of accounts, users and workspaces: two that differ in their case or in their Unicode form only are one.

A new name has nothing that cannot be seen, since else two names could look the same. Names that were stored before that
rule stay, and are found as they are written.
"""

import re
import unicodedata

#: What is drawn as nothing, beside the characters of the category "format" (Cf): fillers, selectors of a glyph, and the
#: code points that Unicode keeps for more of these. The Braille pattern without a dot is a blank.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
_FOLDERS = frozenset({".", ".."})
_EMOJI_FORM = "\ufe0f"
_VIRAMA = 9  # the combining class of the sign after which scripts of India need a joiner


def fold_name(name: str) -> str:
    """Return the form in which names are compared: NFC, without case. A name is stored as it was written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def find_name_fault(name: str) -> str | None:
    """Return why a name may not be given to something new, as the end of a sentence; None if it may."""
    if name in _FOLDERS:
        return f"is {name!r}, which stands for a folder; send another name"
    for place, character in enumerate(name):
        if _is_unseen(name, place):
            return f"has the invisible character U+{ord(character):04X}; leave it out"
        if _is_odd_blank(character):
            return f"has the blank U+{ord(character):04X}, which looks like a plain one; send a plain one"
    return None


def clean_name(name: str) -> str:
    """Return a name without what cannot be seen, and with plain blanks; empty if nothing is left, as of `..`.

    It is for names that nobody chose for us, such as that of a folder: nobody could send another one.
    """
    while (cleaned := _clean_once(name)) != name:
        name = cleaned  # a joiner may have stood behind what went
    return "" if cleaned in _FOLDERS else cleaned


def _clean_once(name: str) -> str:
    seen = [character for place, character in enumerate(name) if not _is_unseen(name, place)]
    return "".join(" " if _is_odd_blank(each) else each for each in seen).strip()


def _is_odd_blank(character: str) -> bool:
    return character != " " and unicodedata.category(character) == "Zs"


def _is_unseen(name: str, place: int) -> bool:
    """Whether a character of a name is drawn as nothing, and does not change the ones beside it."""
    character = name[place]
    if unicodedata.category(character) not in _UNSEEN_CATEGORIES and not _UNSEEN.match(character):
        return False
    before = name[place - 1 : place]
    if character in _JOINERS:
        return not (before and _can_be_joined(before) and place + 1 < len(name))
    return not (character == _EMOJI_FORM and before and unicodedata.category(before)[0] == "S")


def _can_be_joined(character: str) -> bool:
    """Whether a joiner after this character changes how the next one is drawn: emoji, Arabic, scripts of India."""
    return (
        character == _EMOJI_FORM
        or unicodedata.category(character)[0] == "S"
        or unicodedata.bidirectional(character) == "AL"
        or unicodedata.combining(character) == _VIRAMA
    )
