"""From what pydantic found wrong to what a person or a model can act on."""

import math
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


def refused(error: ValidationError, model: type[BaseModel]) -> Failure:
    """The first thing that is wrong, with its field; how many more there are is said too."""
    problems = error.errors(include_url=False)
    first = problems[0]
    field = ".".join(map(str, first["loc"]))
    known = ", ".join(sorted(shown_fields(_inside(model, first["loc"]))))
    template = _SAY.get(first["type"], first["msg"].removeprefix("Value error, "))
    message = template.format(**{"known": known} | first.get("ctx", {})) if first["type"] in _SAY else template
    more = f" ({len(problems) - 1} more problem(s) after this one.)" if len(problems) > 1 else ""
    return Failure("invalid", f"{field or 'arguments'}: {message}{_sent(first)}.{more}", field=field or None)


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


def shown_fields(model: type[BaseModel]) -> list[str]:
    """The fields a caller is told of: those that are in the schema."""
    return [name for name, field in model.model_fields.items() if not is_hidden(field.json_schema_extra)]


def is_hidden(extra: Any) -> bool:
    """Whether a field is declared only so that other systems' clients can send it."""
    return isinstance(extra, dict) and "hidden" in extra


def _sent(problem: Any) -> str:
    value = problem["input"]
    if problem["type"] in {"missing", "extra_forbidden"} or isinstance(value, dict | list):
        return ""
    text = str(value)
    return f"; you sent {text!r}" if len(text) <= _SHOWN else f"; you sent {len(text)} characters"


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
