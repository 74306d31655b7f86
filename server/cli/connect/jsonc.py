"""Additions to JSON files of other programs. Comments, order and blanks stay as they are.

An addition is one piece of text. If that is taken out again, the file is as it was before.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

_TOKEN = re.compile(
    r'(?P<blank>[\s\ufeff]+|//[^\n]*|/\*.*?\*/)|(?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")|(?P<mark>[{}\[\],:])'
    r'|(?P<word>[^\s{}\[\],:"/]+)',
    re.DOTALL,
)


class BrokenJson(ValueError):  # noqa: N818 - as it is said
    """A text that is no JSON. It says in which line."""


class Taken(ValueError):  # noqa: N818 - as it is said
    """A path at which there is something else already."""


@dataclass(slots=True)
class Node:
    """A value of JSON, and its place in the text: from `begin` on with its name, and `tail` behind its last member."""

    value: Any
    begin: int
    start: int
    end: int = 0
    tail: int = 0
    ends_with_comma: bool = False
    members: dict[str, "Node"] = field(default_factory=dict[str, "Node"])
    items: list["Node"] = field(default_factory=list["Node"])


def parse_jsonc(text: str) -> Node:
    """Return the object that a text is, with the places of all in it.

    Raises:
        BrokenJson: the text is no JSON, or no object.
    """
    reader = _Reader(text)
    try:
        node = reader.read_value()
    except RecursionError:
        raise reader.fail() from None
    if reader.kind != "end" or not isinstance(node.value, dict):
        raise reader.fail()
    return node


def add_value(text: str, path: tuple[str, ...], value: Any) -> tuple[str, str]:
    """Add a value at a path of names: the new text, and the piece that was put in; "" if the value is there already.

    The items of a list are added to the list that is there.

    Raises:
        BrokenJson: the text is no JSON, or no object.
        Taken: another value is there, or one that has no members is on the way.
    """
    node, left = parse_jsonc(text), list(path)
    while left and left[0] in node.members:
        node = node.members[left.pop(0)]
    if not left:
        if node.value == value:
            return text, ""
        if not isinstance(node.value, list) or not isinstance(value, list):
            raise Taken(".".join(path))
        there: list[Any] = [each.value for each in node.items]
        missing = [each for each in cast("list[Any]", value) if each not in there]
        bodies = [json.dumps(each, indent=2, ensure_ascii=False) for each in missing]
        return _insert(text, node, bodies) if bodies else (text, "")
    if not isinstance(node.value, dict):
        raise Taken(".".join(path))
    for name in reversed(left[1:]):
        value = {name: value}
    return _insert(text, node, [f"{json.dumps(left[0])}: {json.dumps(value, indent=2, ensure_ascii=False)}"])


def remove_value(text: str, path: tuple[str, ...], value: Any) -> str:
    """Take a value out of a text in which others have changed something; nothing if the value is not there."""
    node = parse_jsonc(text)
    for name in path[:-1]:
        if name not in node.members:
            return text
        node = node.members[name]
    found = node.members.get(path[-1])
    if found is None:
        return text
    if found.value == value:
        return _cut(text, node, found)
    if isinstance(found.value, list) and isinstance(value, list):
        for item in cast("list[Any]", value):
            at = next((each for each in found.items if each.value == item), None)
            if at is not None:
                return remove_value(_cut(text, found, at), path, value)
    return text


def _insert(text: str, node: Node, bodies: list[str]) -> tuple[str, str]:
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    base = _read_indentation(text, node.start)
    first = min((each.start for each in (*node.members.values(), *node.items)), default=None)
    inner = base + ("\t" if base.startswith("\t") else "  ")
    if first is not None and "\n" in text[node.start : first]:
        inner = _read_indentation(text, first)
    lines = ",".join("\n" + inner + body.replace("\n", "\n" + inner) for body in bodies)
    if node.tail == node.start + 1:
        piece, at = f"{lines}\n{base}", node.tail
    else:
        piece, at = ("" if node.ends_with_comma else ",") + lines, node.tail
    piece = piece.replace("\n", end_of_line)
    return text[:at] + piece + text[at:], piece


def _read_indentation(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _cut(text: str, parent: Node, node: Node) -> str:
    children = sorted((*parent.members.values(), *parent.items), key=lambda each: each.start)
    index = children.index(node)
    if index > 0:
        return text[: children[index - 1].end] + text[node.end :]
    if len(children) > 1:
        return text[: node.begin] + text[children[1].begin :]
    return text[: parent.start + 1] + text[parent.tail :]


class _Reader:
    """Reads values, one token ahead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self.end = 0
        self.kind = self.piece = ""
        self._tokens = self._list_tokens()
        self._step()

    def fail(self) -> BrokenJson:
        return BrokenJson(f"line {self.text.count(chr(10), 0, self.at) + 1}")

    def read_value(self) -> Node:
        node = Node(None, self.at, self.at)
        if self.kind == "mark" and self.piece in "{[":
            self._read_children(node, "}" if self.piece == "{" else "]")
            return node
        try:
            if self.kind not in {"string", "word"}:
                raise self.fail()
            node.value = json.loads(self.piece)
        except ValueError:
            raise self.fail() from None
        node.end = self.end
        self._step()
        return node

    def _read_children(self, node: Node, closing: str) -> None:
        node.value = {} if closing == "}" else []
        node.tail = self.end
        self._step()
        while not (self.kind == "mark" and self.piece == closing):
            begin = self.at
            name = self._read_name() if closing == "}" else ""
            child = self.read_value()
            child.begin = begin
            if closing == "}":
                node.members[name] = child
                node.value[name] = child.value
            else:
                node.items.append(child)
                node.value.append(child.value)
            node.tail, node.ends_with_comma = child.end, False
            if self.kind == "mark" and self.piece == ",":
                node.tail, node.ends_with_comma = self.end, True
                self._step()
            elif not (self.kind == "mark" and self.piece == closing):
                raise self.fail()
        node.end = self.end
        self._step()

    def _read_name(self) -> str:
        if self.kind != "string":
            raise self.fail()
        try:
            name = json.loads(self.piece)
        except ValueError:
            raise self.fail() from None
        self._step()
        self._take_colon()
        return name

    def _take_colon(self) -> None:
        if self.kind != "mark" or self.piece != ":":
            raise self.fail()
        self._step()

    def _step(self) -> None:
        self.kind, self.piece, self.at, self.end = next(self._tokens)

    def _list_tokens(self) -> Iterator[tuple[str, str, int, int]]:
        at = 0
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            if match is None:
                self.at = at
                raise self.fail()
            at = match.end()
            if match.lastgroup != "blank":
                yield match.lastgroup or "", match[0], match.start(), at
        while True:
            yield "end", "", at, at
