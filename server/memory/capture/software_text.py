"""The text that software put around or into a person's words, which is no statement of that person."""

import re

from server.memory.capture.private import ELEMENTS

#: The elements that software puts around its own text. Those of `private.py` are cut out before an event is stored.
_NAMES = (
    *ELEMENTS,
    "local-command-stdout",
    "local-command-stderr",
    "command-message",
    "command-name",
    "command-args",
    "ide_selection",
    "ide_opened_file",
    "environment_context",
    "user_instructions",
)
_TAG = re.compile(rf"<(?P<end>/?)(?:{'|'.join(_NAMES)})(?:\s[^<>]{{0,200}})?>", re.IGNORECASE)


def split_software_text(text: str) -> tuple[str, list[str]]:
    """Return a text without the parts that software added, and these parts.

    A part goes from its tag to the end of that tag, and to the end of the text if the tag does not end. Tags may hold
    other tags.
    """
    kept: list[str] = []
    added: list[str] = []
    depth = place = 0
    for tag in _TAG.finditer(text):
        ends = bool(tag["end"])
        if not depth:
            kept.append(text[place : tag.start()])
            place = tag.end()  # an end without a beginning adds nothing
        elif ends and depth == 1:
            added.append(text[place : tag.start()])
            place = tag.end()
        depth = max(0, depth - 1) if ends else depth + 1
    (added if depth else kept).append(text[place:])
    return " ".join(kept) if len(kept) > 1 else "".join(kept), added
