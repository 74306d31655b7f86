"""Private text: what a person or a client has marked as not to be kept. It is cut out of what agents report."""

import re

#: The elements whose text is never kept. Clients put their own instructions into some of them, people use `private`.
ELEMENTS = (
    "private",
    "claude-mem-context",
    "system-reminder",
    "system-instruction",
    "system_instruction",
    "persisted-output",
)

#: A tag of one of the elements, also as JSON or HTML writes it inside a text, and one that the text's end has cut off.
_TAG = re.compile(
    rf"(?:<|\\u003c|&lt;)(?P<end>\s*/)?\s*(?P<name>{'|'.join(ELEMENTS)})(?![\w-])"
    r"(?P<rest>[^<>\\&]*)(?:>|\\u003e|&gt;|\Z|(?=[<\\&]))",
    re.IGNORECASE,
)
#: The characters of every tag: most texts have none of them, and are not looked at any further.
_HINT = re.compile("|".join(ELEMENTS), re.IGNORECASE)


def cut_private(text: str) -> str:
    """Return a text without its private parts and their tags.

    A part that has no end goes to the end of the text; one that has no beginning goes from the beginning of the text.
    """
    if _HINT.search(text) is None:
        return text
    kept: list[str] = []
    position, open_elements = 0, list[str]()
    for tag in _TAG.finditer(text):
        if not open_elements:
            kept.append(text[position : tag.start()])
        position = tag.end()
        name = tag["name"].lower()
        if tag["end"] is None:
            if not tag["rest"].rstrip().endswith("/"):
                open_elements.append(name)
        elif name in open_elements:
            while open_elements.pop() != name:
                pass
        elif not open_elements:
            kept.clear()
    if not open_elements:
        kept.append(text[position:])
    return "".join(kept)
