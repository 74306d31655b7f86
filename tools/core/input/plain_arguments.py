"""Arguments as models and their clients send them, read for what they plainly say, before they are validated.

A model's client fills what it has nothing for with null or "", writes a list or an object as JSON in a text, and sends
a number as digits. Nothing else is guessed: a value that does not plainly say one thing stays as it is, and validation
refuses it.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel, StringConstraints, TypeAdapter, ValidationError

from server.errors import Failure, Problem
from server.storable import is_storable_number, load_json, refuse_unstorable
from tools.core.input.refusals import UnreadableEntry, WordForNothing

#: Words that stand for nothing. No name is one of them: it would filter by a name that nothing has.
_NOTHING = frozenset({"null", "none", "undefined"})
#: The characters that may stand around such a word: a text that was written as JSON twice has quotes.
_AROUND = " \t\r\n\"'"

#: A list or an object of another notation than JSON, or cut off: no words between commas.
_OTHER_NOTATION = re.compile(r"""\s*(?:\[\s*["']|\[.*,.*\]\s*$|\{.*\}\s*$|```)""", re.DOTALL)

#: How deep an entry of a list stands in the arguments.
_ENTRY_DEPTH = 2

_Kind = Literal["text", "name", "number", "truth", "list", "object", "any"]

_NUMBERS: Mapping[type, TypeAdapter[Any]] = {each: TypeAdapter(each) for each in (int, float)}
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class _Field:
    """The kinds of values that an argument takes.

    `number` is the type of a number; `entry` the model of an object, or of a list's entries.
    """

    kind: _Kind
    is_optional: bool = False
    number: type = int
    entry: type[BaseModel] | None = None


def refuse_unstorable_arguments(model: type[BaseModel], sent: Mapping[str, Any]) -> None:
    """Refuse values that cannot be stored, but not those in lists of objects: `read_arguments` checks each entry alone.

    Raises:
        Failure: `invalid`.
    """
    fields = _list_fields(model)
    refuse_unstorable({name: value for name, value in sent.items() if not _has_entries(fields.get(name), value)})


def _has_entries(field: _Field | None, value: Any) -> bool:
    return field is not None and field.kind == "list" and field.entry is not None and isinstance(value, list)


def read_arguments(model: type[BaseModel], sent: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Return the arguments as `model` takes them.

    An optional argument that is null or "" is left out, and so is one of blanks alone unless it is free text. JSON in a
    text becomes a list or an object where the model takes one, any other text becomes a list of the texts between its
    commas, and an object alone becomes a list of it. Digits become a number, an integral
    float a whole number, and `"true"` a truth value. A word for nothing, such as "null", becomes a value that
    validation refuses with a sentence. The `answered_fields` of the model are renamed or left out.

    Raises:
        Failure: `invalid` if JSON in a text holds a value that cannot be stored.
    """
    fields = _list_fields(model)
    answered = {name: argument for name, argument in _list_answered_fields(model) if name in sent}
    if answered:
        sent = _name_answered_fields(sent, answered)
    read: dict[str, Any] = {}
    for name, value in sent.items():
        field = fields.get(name)
        if field is None:
            read[name] = value
        elif not field.is_optional:
            read[name] = _READERS[field.kind](value, field, path + name)
        elif _is_word_for_nothing(value, field):
            read[name] = WordForNothing(value.strip())  # refused with the other problems, by its place
        elif not _is_left_out(value, field):
            read[name] = _READERS[field.kind](value, field, path + name)
    return read


def _is_left_out(value: Any, field: _Field) -> bool:
    """Whether a value says that an optional argument is left out. Blanks alone do, unless the argument is free text."""
    return value in (None, "") or (field.kind not in {"text", "any"} and is_nothing(value))


def is_nothing(value: Any) -> bool:
    """Whether a value is null or a text of blanks alone."""
    return value is None or (isinstance(value, str) and not value.strip())


def _name_answered_fields(sent: dict[str, Any], answered: Mapping[str, str | None]) -> dict[str, Any]:
    named = {name: value for name, value in sent.items() if name not in answered}
    for name, argument in answered.items():
        if argument is not None and named.get(argument) is None:
            named[argument] = sent[name]
    return named


def decode_json(value: Any, kind: type[list[Any]] | type[dict[str, Any]], path: str = "") -> Any:
    """Return the list or the object that a text holds as JSON; any other value as it is.

    Raises:
        Failure: `invalid` if the JSON holds a value that cannot be stored.
    """
    if not isinstance(value, str) or value.lstrip()[:1] != ("[" if kind is list else "{"):
        return value
    try:
        decoded = load_json(value)
    except (ValueError, RecursionError):
        return value
    refuse_unstorable(decoded, path)
    return cast("Any", decoded) if isinstance(decoded, kind) else value


def decode_entries(value: Any, path: str = "") -> Any:
    """Return the list of objects that a value plainly says: a list, one object alone, or either of them as JSON.

    Any other value is returned as it is.

    Raises:
        Failure: `invalid` if JSON in a text holds a value that cannot be stored.
    """
    entries = decode_json(decode_json(value, list, path), dict, path)
    return [entries] if entries and isinstance(entries, dict) else entries


def decode_words(value: Any, path: str = "") -> Any:
    """Return the list of words that a value plainly says: a list, one as JSON, or words between commas.

    Any other value is returned as it is; so is a list or an object in another notation, which validation refuses.

    Raises:
        Failure: `invalid` if JSON in a text holds a value that cannot be stored.
    """
    words = decode_json(value, list, path)
    if not isinstance(words, str) or _OTHER_NOTATION.match(words):
        return words
    return [part.strip() for part in words.split(",") if part.strip()]


def _is_word_for_nothing(value: Any, field: _Field) -> bool:
    return field.kind not in {"text", "any"} and isinstance(value, str) and value.strip(_AROUND).casefold() in _NOTHING


def _read_number(value: Any, field: _Field, _path: str) -> Any:
    is_integral = isinstance(value, float) and math.isfinite(value) and value.is_integer()
    if not (isinstance(value, str) or (field.number is int and is_integral)):
        return value
    try:
        number = _NUMBERS[field.number].validate_python(value)
    except ValidationError:
        return value
    return number if is_storable_number(number) else value


def read_truth(value: Any) -> Any:
    """Return the truth value that a text plainly says, such as "true" or "0"; any other value as it is."""
    return _TRUTHS.get(value.strip().casefold(), value) if isinstance(value, str) else value


def _read_truth(value: Any, _field: _Field, _path: str) -> Any:
    return read_truth(value)


def _read_list(value: Any, field: _Field, path: str) -> Any:
    if field.entry is None:
        return decode_words(value, path)
    entries = decode_entries(value, path)
    if not isinstance(entries, list):
        return entries
    return [_read_entry(each, field) for each in cast("list[Any]", entries)]


def _read_entry(value: Any, field: _Field) -> Any:
    """Return an entry of a list as its model takes it; one that cannot be stored becomes a value that is refused."""
    try:
        refuse_unstorable(value, depth=_ENTRY_DEPTH)
        return _read_object(value, field, "")
    except Failure as failure:
        name = failure.field or ""
        return UnreadableEntry(Problem(name, failure.message.removeprefix(f"{name}: ").removesuffix(".")))


def _read_object(value: Any, field: _Field, path: str) -> Any:
    decoded = decode_json(value, dict, path)
    if field.entry is None or not isinstance(decoded, dict):
        return decoded
    return read_arguments(field.entry, cast("dict[str, Any]", decoded), f"{path}." if path else "")


def _keep(value: Any, _field: _Field, _path: str) -> Any:
    return value


_READERS: Mapping[_Kind, Callable[[Any, _Field, str], Any]] = {
    "text": _keep,
    "name": _keep,
    "any": _keep,
    "number": _read_number,
    "truth": _read_truth,
    "list": _read_list,
    "object": _read_object,
}


@cache
def _list_answered_fields(model: type[BaseModel]) -> list[tuple[str, str | None]]:
    """The fields of answers that are no arguments of the model, and the argument that each stands for."""
    answered: Mapping[str, str | None] = getattr(model, "answered_fields", {})
    return [pair for pair in answered.items() if pair[0] not in model.model_fields]


@cache
def _list_fields(model: type[BaseModel]) -> dict[str, _Field]:
    """Return the kinds of values that each field of a model takes."""
    return {
        name: _describe_field(Annotated[field.annotation, *field.metadata], is_optional=not field.is_required())  # pyright: ignore[reportInvalidTypeForm] - a type that is known at run time
        if field.metadata
        else _describe_field(field.annotation, is_optional=not field.is_required())
        for name, field in model.model_fields.items()
    }


def _describe_field(annotation: Any, *, is_optional: bool) -> _Field:
    kind, metadata = _strip_annotation(annotation)
    origin = get_origin(kind) or kind
    if origin is list:
        entry, _ = _strip_annotation(get_args(kind)[0])
        return _Field("list", is_optional, entry=entry if _is_model(entry) else None)
    if origin is dict or _is_model(origin):
        return _Field("object", is_optional, entry=cast("Any", origin) if _is_model(origin) else None)
    if origin is bool:
        return _Field("truth", is_optional)
    if origin in _NUMBERS:
        return _Field("number", is_optional, number=origin)
    if origin is Any:
        return _Field("any", is_optional)
    is_name = any(isinstance(each, StringConstraints) and each.strip_whitespace for each in metadata)
    return _Field("name" if origin is not str or is_name else "text", is_optional)


def _strip_annotation(annotation: Any) -> tuple[Any, list[Any]]:
    """The type without null, and the constraints that it stands with."""
    metadata: list[Any] = []
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        first, *others = get_args(annotation)
        if get_origin(annotation) is Annotated:
            annotation, metadata = first, [*others, *metadata]
        else:
            annotation = next(each for each in (first, *others) if each is not type(None))
    return annotation, metadata


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
