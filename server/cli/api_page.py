"""The page docs/api.md, made of the catalogue's rows and of the files in docs/api.

Each subject has two files there, e.g. skip-list.md and skip-list.json. The first has texts: those before any heading
are about the subject, those under a heading with an operation's name are about that operation. The second has
exchanges: a test sends their requests, in this order, to a server that has no data yet, and compares the whole answers.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError

from tools.catalog import SUBJECTS
from tools.core.operation import Effect, Operation
from tools.core.schema import build_schema
from tools.toolsets import SHORT

#: The texts before the subjects and after them.
INTRODUCTION, OTHER_ROUTES = "introduction.md", "other-routes.md"

_HEAD = "<!-- Written by `loci docs` from the catalogue and docs/api. Change those, not this page. -->\n"
_TABLE = "| argument | type | default | meaning |\n|---|---|---|---|\n"
#: A request's body that is not longer is shown in one line.
_LINE = 100
_EFFECTS = {Effect.READ: "reads", Effect.CREATE: "creates", Effect.UPDATE: "changes", Effect.DELETE: "deletes"}
#: For each type of JSON schema: its name, the keys of its bounds, and their unit.
_TYPES = {
    "string": ("text", "minLength", "maxLength", " characters"),
    "integer": ("whole number", "minimum", "maximum", ""),
    "number": ("number", "minimum", "maximum", ""),
    "array": ("list", "minItems", "maxItems", " entries"),
    "boolean": ("true or false", "", "", ""),
    "object": ("JSON object", "", "", ""),
    "null": ("null", "", "", ""),
}


class PageError(ValueError):
    """The page cannot be made of its files. The message says why."""


class Exchange(BaseModel):
    """A request and its whole answer. Without `operation` it only prepares later ones, and is not on the page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: str | None = None
    note: str | None = None
    request: str
    headers: dict[str, str] = {}
    body: dict[str, JsonValue] | None = None
    answer: JsonValue

    def to_markdown(self) -> str:
        """Return the request and the answer, the answer without its nulls."""
        note = f"{self.note}\n\n" if self.note else ""
        head = "\n".join([self.request, *(f"{name}: {value}" for name, value in self.headers.items())])
        body = "" if self.body is None else f"\n\n{_render_body(self.body)}"
        answer = json.dumps(drop_nulls(self.answer), indent=2, ensure_ascii=False)
        return f"{note}```http\n{head}{body}\n```\n\n```json\n{answer}\n```\n"


def render_page(folder: Path) -> str:
    """Return the text of docs/api.md.

    Raises:
        PageError: a file of the folder is missing, is not valid, or names an operation that its subject does not have.
    """
    before, after = _read_markdown(folder / INTRODUCTION), _read_markdown(folder / OTHER_ROUTES)
    title, _, before = before.partition("\n")
    subjects = [_render_subject(folder, title, operations) for title, operations in SUBJECTS.items()]
    contents = [*_list_headings(before), *_list_subjects(), *_list_headings(after)]
    return "\n".join([_HEAD, title, "", "\n".join(contents), before, *subjects, after])


def make_anchor(title: str) -> str:
    """Return the anchor that GitHub gives to a heading; the files of a subject have it as their name."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def load_exchanges(folder: Path, title: str) -> list[Exchange]:
    """Return the exchanges of a subject, in the order in which they are sent. Raises PageError."""
    path = folder / f"{make_anchor(title)}.json"
    try:
        exchanges = TypeAdapter(list[Exchange]).validate_json(_read_text(path))
    except ValidationError as error:
        raise PageError(f"{path}: {error}") from None
    names = {operation.name for operation in SUBJECTS[title]}
    if unknown := {each.operation for each in exchanges if each.operation} - names:
        raise PageError(f"{path}: {title} has no operation {', '.join(sorted(unknown))}.")
    if missing := names - {each.operation for each in exchanges}:
        raise PageError(f"{path}: add an exchange that shows {', '.join(sorted(missing))}.")
    return exchanges


def drop_nulls(value: JsonValue) -> JsonValue:
    """Return a JSON value without the fields that are null."""
    if isinstance(value, dict):
        return {name: drop_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [drop_nulls(each) for each in value]
    return value


def describe_type(shape: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Return the type of an argument in plain words, with its bounds."""
    if "$ref" in shape:
        fields = definitions[shape["$ref"].rpartition("/")[2]]["properties"]
        return f"object with {_join_names(fields, 'and')}"
    if "anyOf" in shape:
        return " or ".join(describe_type(each, definitions) for each in shape["anyOf"])
    if "enum" in shape:
        return _join_names(shape["enum"], "or")
    if shape.get("format") == "date-time":
        return "date or date-time"
    if "type" not in shape:
        return "any JSON value"
    name, lower, upper, unit = _TYPES[shape["type"]]
    each = f", each: {describe_type(shape['items'], definitions)}" if "items" in shape else ""
    return f"{name}{_describe_bounds(shape, lower, upper, unit)}{each}"


def _describe_bounds(shape: dict[str, Any], lower: str, upper: str, unit: str) -> str:
    least, most = shape.get(lower), shape.get(upper)
    above = f", above {shape['exclusiveMinimum']}" if "exclusiveMinimum" in shape else ""
    if most is None:
        return above if least is None else f"{above}, at least {least}{unit}"
    return f"{above}, at most {most}{unit}" if least is None else f"{above}, {least} to {most}{unit}"


def _join_names(names: Iterable[str], word: str) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} {word} {last}" if others else last


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise PageError(f"{path} is missing.")
    return path.read_text(encoding="utf-8")


def _read_markdown(path: Path) -> str:
    """Return a file's text with its links changed for the page, which is one folder above."""
    return _read_text(path).replace("](../", "](")


def _list_subjects() -> list[str]:
    """Return the subjects' lines of the table of contents."""
    links = {title: [f"[`{each.name}`](#{each.name})" for each in rows] for title, rows in SUBJECTS.items()}
    return [f"* [{title}](#{make_anchor(title)}): {', '.join(names)}" for title, names in links.items()]


def _list_headings(text: str) -> list[str]:
    """Return a text's lines of the table of contents."""
    return [f"* [{title}](#{make_anchor(title)})" for title in re.findall(r"^## (.+)$", text, re.MULTILINE)]


def _render_subject(folder: Path, title: str, operations: Iterable[Operation]) -> str:
    texts = _load_texts(folder / f"{make_anchor(title)}.md")
    exchanges = load_exchanges(folder, title)
    parts = [f"## {title}\n", texts.pop("", "")]
    for operation in operations:
        shown = [each.to_markdown() for each in exchanges if each.operation == operation.name]
        parts += [_render_operation(operation), texts.pop(operation.name, ""), *shown]
    if texts:
        raise PageError(f"{folder / make_anchor(title)}.md: {title} has no operation {', '.join(texts)}.")
    return "\n".join(part for part in parts if part)


def _load_texts(path: Path) -> dict[str, str]:
    """Return a subject's texts by the operation that they are about; the subject's own text has the key ''."""
    if not path.is_file():
        return {}
    first, *others = re.split(r"^### (.+)\n", _read_markdown(path), flags=re.MULTILINE)
    texts = {"": first} | dict(zip(others[::2], others[1::2], strict=True))
    return {name: f"{text.strip()}\n" for name, text in texts.items() if text.strip()}


def _render_operation(operation: Operation) -> str:
    routes = ", ".join(f"`{method} {path}`" for method, path in operation.routes)
    listed = (
        "listed" if operation.name in SHORT else "listed with `toolset=all`" if operation.is_listed else "not listed"
    )
    head = f"{routes} · scope `{operation.scope}` · {_EFFECTS[operation.effect]} · {listed}"
    return f"### {operation.name}\n\n{head}\n\n{operation.description}\n\n{_render_arguments(operation)}"


def _render_arguments(operation: Operation) -> str:
    shape = build_schema(operation.args)
    required, definitions = shape.get("required", ()), shape.get("$defs", {})
    rows = [
        _render_argument(name, each, definitions, is_required=name in required)
        for name, each in shape.get("properties", {}).items()
    ]
    return _TABLE + "".join(rows) if rows else "Takes no arguments.\n"


def _render_argument(name: str, shape: dict[str, Any], definitions: dict[str, Any], *, is_required: bool) -> str:
    default = shape.get("default")
    type_ = describe_type(shape, definitions)
    if not is_required:  # null is then only its default: it was left out
        type_ = type_.removesuffix(" or null")
    shown = "required" if is_required else "" if default in (None, "", [], {}) else f"`{json.dumps(default)}`"
    cells = [f"`{name}`", type_, shown, shape["description"]]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _render_body(body: dict[str, JsonValue]) -> str:
    line = json.dumps(body, ensure_ascii=False)
    return line if len(line) <= _LINE else json.dumps(body, indent=2, ensure_ascii=False)
