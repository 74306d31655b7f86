"""A file of notes as memories: its parts, each a section that makes sense alone, and the file made of them again."""

import re
from collections.abc import Iterable

from server.memory.capture.private import cut_private
from server.memory.credentials import redact_credentials

MOST_BYTES = 24 * 1024
"""The most bytes of a part: less than a memory may have, so that an agent can add to it."""

_HEADING = re.compile(r"#{1,6}\s")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")


def clean_file(text: str) -> str:
    """Return a file's text as it may leave the machine: without private parts, and without credentials."""
    return redact_credentials(cut_private(text))


def split_file(text: str) -> list[str]:
    """Divide a text before its headings, and where a section is too long between lines. Joined, the parts are the text.

    A heading inside a block of code is none. No part is blank, unless all of the text is.
    """
    parts: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        begins = not fence and mark is None and _HEADING.match(line) is not None
        if mark is not None:
            fence = "" if fence == mark[1] else fence or mark[1]
        is_full = bool(parts) and len(parts[-1].encode()) + len(line.encode()) > MOST_BYTES
        if not parts or ((begins or (is_full and line.strip())) and parts[-1].strip()):
            parts.append(line)
        else:
            parts[-1] += line
    return parts


def find_fault(text: str) -> str | None:
    """Return why a text cannot be kept in parts, as the end of a sentence; None if it can."""
    if not text.strip():
        return "is empty"
    if "\0" in text:
        return "is no text: it has a NUL"
    if any(len(part.encode()) > MOST_BYTES for part in split_file(text)):
        return f"has a line, or blank lines, of more than {MOST_BYTES} bytes"
    return None


def join_file(parts: Iterable[str]) -> str:
    """Return the file made of its parts in order. A part that somebody has changed may lack the end of its line."""
    joined = ""
    for part in parts:
        joined += ("\n" if joined and not joined.endswith("\n") else "") + part
    return joined
