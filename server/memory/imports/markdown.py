"""Markdown: notes of a vault, CLAUDE.md, AGENTS.md, `.cursorrules` and rules. Each section becomes a memory.

The frontmatter gives type, tags, project and times. A wiki-link becomes a link to the first memory of the other note.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

import yaml

from server.memory.imports.item import Entry, Link, Refusal
from server.memory.imports.loci_notes import convert_note, is_ours, read_fields
from server.memory.imports.texts import make_items
from server.memory.imports.values import MOST_TAGS, NAME, WORD, drop_empty, read_name, read_tags, read_text, read_time

#: Files with instructions for agents, by their names in lower case.
INSTRUCTIONS = frozenset(
    {
        *("claude.md", "claude.local.md", "agents.md", "gemini.md", ".cursorrules", ".windsurfrules", ".clinerules"),
        "copilot-instructions.md",
    }
)
_RULES_FOLDERS = frozenset({"rules", ".rules", ".clinerules"})
_FRONTMATTER = re.compile(r"\A---[ \t]*\n(.*?)(?:^|\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
_WIKI_LINK = re.compile(
    r"(?:^[ \t]*[-*][ \t]+(?P<label>\w[\w ]{0,60}?)[ \t]+)?\[\[(?P<name>[^\[\]|#^]+)[^\[\]]*\]\]", re.MULTILINE
)
_TAG = re.compile(r"(?<![\w#&/])#([A-Za-z][\w/-]*)")
_TIMES = ("occurred_at", "created", "created_at", "date", "updated", "updated_at", "modified")
_MOST_LINKS = 50


@dataclass(slots=True)
class _Section:
    headings: list[str]
    lines: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip()


def convert_markdown(file: str, text: str) -> Iterator[Entry]:
    """Yield the memories of a markdown file: one for each section that has a text."""
    found = _FRONTMATTER.match(text)
    ours = read_fields(found[1]) if found else None
    if found and ours and is_ours(ours):
        yield from convert_note(file, ours, text[found.end() :])
        return
    text = text.replace("\r\n", "\n")
    found = _FRONTMATTER.match(text)
    about: dict[str, Any] = {}
    if found:
        try:
            about = _read_frontmatter(found[1])
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            reason = " ".join(str(getattr(error, "problem", None) or error).split())[:NAME]
            yield Refusal(f"{file}, frontmatter", f"is not YAML ({reason}); the rest of the file is imported")
        text = text[found.end() :]
        if is_ours(about):  # somebody has changed its fields
            yield from convert_note(file, about, text)
            return
    names = _list_names(file, about)
    fields = _read_fields(file, about)
    for section in _split_sections(text):
        if not section.text:
            continue
        title = " > ".join(section.headings)
        digest = hashlib.sha256(f"{title}\n{section.text}".encode()).hexdigest()
        yield from make_items(
            f"{file}, {title}" if title else file,
            f"markdown {digest}",
            f"{title}\n\n{section.text}" if title else section.text,
            names=names,
            links=_list_links(section.text, names),
            **fields | {"tags": list(dict.fromkeys([*fields["tags"], *_list_tags(section.text)]))[:MOST_TAGS]},
        )


def _read_frontmatter(text: str) -> dict[str, Any]:
    """Return the fields of a frontmatter, dates as texts."""
    loaded = yaml.safe_load(text)
    if not isinstance(loaded, dict):
        return {}
    entries = cast("dict[Any, Any]", loaded).items()
    return {str(name): each.isoformat() if isinstance(each, date | datetime) else each for name, each in entries}


def _list_names(file: str, about: dict[str, Any]) -> tuple[str, ...]:
    """Return the names by which other notes mean this one, in lower case."""
    path = re.sub(r"\.\w+\Z", "", file)
    aliases = about.get("aliases")
    listed: list[Any] = cast("list[Any]", aliases) if isinstance(aliases, list) else [aliases]
    given = (path, path.rpartition("/")[2], read_text(about, "title"), read_text(about, "permalink"), *listed)
    return tuple(dict.fromkeys(_name_note(each) for each in given if isinstance(each, str) and each.strip()))


def _name_note(name: str) -> str:
    return f"note {name.strip().lower()}"


def _read_fields(file: str, about: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that all memories of the file have."""
    times = (read_time(about.get(name)) for name in _TIMES)
    kind = " ".join(read_text(about, "type").split())[:WORD]
    is_note = kind.lower() in {"", "note"}
    instructs = _has_instructions(file, about)
    return {
        "type": ("instruction" if instructs else None) if is_note else kind,
        "tags": read_tags(about.get("tags")),
        "project": read_name(about, "project"),
        "author": read_name(about, "author"),
        "occurred_at": next((each for each in times if each), None),
        "source": file[-NAME:],
        "metadata": drop_empty({"title": read_text(about, "title"), "description": read_text(about, "description")}),
    }


def _has_instructions(file: str, about: dict[str, Any]) -> bool:
    *folders, name = file.lower().split("/")
    return name in INSTRUCTIONS or bool(_RULES_FOLDERS & {*folders}) or bool({"globs", "alwaysApply"} & about.keys())


def _split_sections(text: str) -> Iterator[_Section]:
    """Yield the sections of a text, each with its headings from the highest down. Code has no headings."""
    section, levels, fence = _Section([]), [0] * 0, ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip().startswith(fence):
            fence = ""
        heading = None if fence else _HEADING.fullmatch(line)
        if heading is None:
            section.lines.append(line)
            continue
        yield section
        level = len(heading[1])
        kept = sum(each < level for each in levels)
        headings = [*section.headings[:kept], heading[2].strip()]
        levels = [*levels[:kept], level]
        section = _Section(headings)
    yield section


def _list_links(text: str, own: tuple[str, ...]) -> tuple[Link, ...]:
    links = dict[str, Link]()
    for found in _WIKI_LINK.finditer(text):
        name = _name_note(found["name"])
        if name not in own:
            links.setdefault(name, Link(name, found["label"]))
    return tuple(links.values())[:_MOST_LINKS]


def _list_tags(text: str) -> list[str]:
    return [each[:WORD] for each in _TAG.findall(text)]
