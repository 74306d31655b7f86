"""The sections of working memory whose lines are entries of a list: the skip list and the standing decisions.

An agent may write such a list as the text of a section. This module finds the lines that are entries, so that they are
kept in the list itself. The text stays as it was written.
"""

import re
from collections.abc import Collection
from datetime import datetime

from server.memory.expiry import Expiry, parse_expiry
from server.memory.notes.skip import SkipEntry, find_telling_terms
from server.memory.notes.working import Category

#: The category of the items that the lines of a section are, by the name of the section.
LISTED: dict[str, Category] = {"standing_decisions": "standing_decision", "skip_list": "skip_list"}
#: The reason and the end of an entry of the skip list that was given none.
NO_REASON, NO_END = "no reason was given", "until it is removed"

#: The mark of a list item, also in a quote: a bullet, a dash, a number, the box of a task.
LIST_MARK = re.compile(
    r"^(?:>\s*)*(?:(?:[-*+\u2010-\u2015•‣\u2043◦∙●○▪▫■□▸►→☐-☒✓-✘]|\(?\d{1,3}[.)])\s+|[・●○■□]\s*)(?:\[[ xX]\]\s+)?"
)
#: The line of a table between its head and its rows.
_TABLE_RULE = re.compile(r"^\|[\s|:-]*-[\s|:-]*$")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_EMPHASIS = re.compile(r"\*{1,3}|`+|~~|(?<!\w)_{1,2}(?=\S)|(?<=\S)_{1,2}(?!\w)")
_NOTHING = frozenset({"", "(empty)", "empty", "none", "(none)", "nothing", "n/a", "-", "---", "***", "___"})
#: A date or date-time at the end of an entry, as `render_skip` and people write it.
_END = re.compile(r"[\s,]+\(?(?:expires:?|until:?)\s+(\d{4}-\d\d-\d\d(?:[Tt ][\d:.]+(?:[Zz]|[+-]\d\d:?\d\d)?)?)\)?\.?$")
_BEFORE_REASON = re.compile(
    r"\s+[\u2012-\u2015-]+\s+|:\s+|\uff1a\s*|;\s+|\.\s+|,?\s+(?=because\b|until\b|since\b)|\s+\("
)


def find_entries(text: str) -> list[str]:
    """Return the entries of a text, each once: its list items and the rows of its tables.

    If it has none of them, all lines but headings are entries.
    """
    lines = [line.strip() for line in text.splitlines()]
    rows = _find_rows(lines)
    marked = [line for index, line in enumerate(lines) if index in rows or LIST_MARK.match(line)]
    plain = [line for line in lines if not line.startswith(("#", "|", "```", ">"))]
    entries = map(_read_entry, marked or plain)
    return list(dict.fromkeys(entry for entry in entries if _is_entry(entry)))


def _find_rows(lines: list[str]) -> set[int]:
    """Return the places of the rows of tables, without their heads."""
    rows: set[int] = set()
    is_below_head = False
    for index, line in enumerate(lines):
        is_rule = _TABLE_RULE.match(line) is not None
        if is_below_head and not is_rule and line.startswith("|"):
            rows.add(index)
        is_below_head = is_rule or (is_below_head and line.startswith("|"))
    return rows


def _is_entry(text: str) -> bool:
    return text.casefold() not in _NOTHING and any(map(str.isalnum, text))


def _read_entry(line: str) -> str:
    """Return a line without the mark of a list item; a row of a table as its first cell, a colon, and the others."""
    line = line.strip()
    if not line.startswith("|"):
        return LIST_MARK.sub("", line).strip()
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    first, *others = [cell for cell in cells if cell and not cell.isdigit()] or [""]
    return f"{first}: {'; '.join(others)}" if others else first


def drop_entries(text: str, entries: Collection[str]) -> str:
    """Return a text without the lines that are these entries."""
    kept = (line for line in text.splitlines() if _read_entry(line) not in entries)
    return text if not entries else "\n".join(kept)


def split_subject(entry: str) -> tuple[str, str]:
    """Return the thing that an entry of the skip list is about, and the reason: "Tailwind: too large"."""
    plain = _EMPHASIS.sub("", _LINK.sub(r"\1", entry)).strip()
    for cut in _BEFORE_REASON.finditer(plain):
        subject = plain[: cut.start()].strip()
        if find_telling_terms(subject):
            reason = plain[cut.end() :].strip()
            return subject, (reason.removesuffix(")") if cut.group().endswith("(") else reason) or NO_REASON
    return plain, NO_REASON


def split_end(entry: str, now: datetime) -> tuple[str, Expiry | None]:
    """Return an entry without the date at which it ends, and that end: "Tailwind (expires 2026-11-21)".

    The end is None if the entry names no date there.
    """
    found = _END.search(entry)
    if found is None:
        return entry, None
    try:
        return entry[: found.start()].rstrip(), parse_expiry(found[1], now)
    except ValueError:
        return entry, None


def render_skip(entry: SkipEntry) -> str:
    """Return an entry of the skip list as a line of its section, without the mark of a list."""
    return " ".join(f"{entry.item}: {entry.reason} (expires {entry.expires})".split())


def render_decision(title: str, content: str) -> str:
    """Return a standing decision as a line of its section, without the mark of a list."""
    return " ".join((f"{title}: {content}" if content else title).split())


def append_entries(text: str, entries: Collection[str]) -> str:
    """Return a text with more entries at its end, as list items."""
    lines = "\n".join(f"- {entry}" for entry in entries)
    return "\n".join(part for part in (text.rstrip("\n") if lines else text, lines) if part)
