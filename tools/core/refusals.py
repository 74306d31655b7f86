"""From what pydantic found wrong to what a person or a model can act on."""

import math
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from server.errors import Failure

_SAY = {
    "extra_forbidden": "there is no such field; known ones are {known}",
    "missing": "is required",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "string_pattern_mismatch": "has a character that is not allowed here",
}
_SHOWN = 60
#: How deep JSON may be nested: far below where any JSON library gives up, far above what anyone means.
DEPTH = 64


def refused(error: ValidationError, model: type[BaseModel], spellings: Mapping[str, str] = {}) -> Failure:
    """The first thing that is wrong, with its field as the client spelled it, and the number of further problems."""
    problems = error.errors(include_url=False)
    first = problems[0]
    field = _spelled(".".join(map(str, first["loc"])), spellings)
    known = ", ".join(sorted(_inside(model, first["loc"]).model_fields))
    template = _SAY.get(first["type"], first["msg"].removeprefix("Value error, "))
    message = template.format(**{"known": known} | first.get("ctx", {})) if first["type"] in _SAY else template
    more = f" ({len(problems) - 1} more problem(s) after this one.)" if len(problems) > 1 else ""
    return Failure("invalid", f"{field or 'arguments'}: {message}{_sent_value(first)}.{more}", field=field or None)


def _inside(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that has the field at a location: the arguments', or one nested in them."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        model = model if field is None else _model_in(field.annotation) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def _sent_value(problem: Any) -> str:
    return "" if problem["type"] in {"missing", "extra_forbidden"} else quote_sent(problem["input"])


def quote_sent(value: Any) -> str:
    """The end of a refusal that quotes the value which was sent; "" for a list or an object."""
    if isinstance(value, dict | list):
        return ""
    text = str(value)  # pyright: ignore[reportUnknownArgumentType] - JSON
    return f"; you sent {text!r}" if len(text) <= _SHOWN else f"; you sent {len(text)} characters"


def _spelled(path: str, spellings: Mapping[str, str]) -> str:
    """The path of an argument as the client named it."""
    for ours, theirs in spellings.items():
        if path == ours or path.startswith(f"{ours}."):
            return theirs + path[len(ours) :]
    return path


def refuse_unstorable(value: Any, path: str = "", depth: int = 0) -> None:
    """Refuse what a database cannot hold or JSON cannot say.

    That is NUL, a surrogate without its other half, an infinite number, and nesting that no library reads back.
    """
    if isinstance(value, str):
        _refuse_text(value, path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Failure("invalid", f"{path}: must be a finite number.", field=path)
    elif isinstance(value, dict | list):
        if depth > DEPTH:
            raise Failure("invalid", f"{path.split('.', maxsplit=1)[0]}: is nested more than {DEPTH} deep.")
        entries: Any = value.items() if isinstance(value, dict) else enumerate(value)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType,reportUnknownMemberType] - JSON
        for key, each in entries:
            _refuse_text(str(key), "field name")
            refuse_unstorable(each, f"{path}.{key}" if path else str(key), depth + 1)


def _refuse_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise Failure("invalid", f"{path}: must not contain the NUL character.", field=path)
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise Failure("invalid", f"{path}: has half a surrogate pair; send whole characters.", field=path)
