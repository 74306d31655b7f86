"""From what pydantic found wrong to what a person or a model can act on."""

from typing import Any

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
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "string_pattern_mismatch": "has a character that is not allowed here",
}
_SHOWN = 60


def refused(error: ValidationError, model: type[BaseModel]) -> Failure:
    """The first thing that is wrong, with its field; how many more there are is said too."""
    problems = error.errors(include_url=False)
    first = problems[0]
    field = ".".join(map(str, first["loc"]))
    known = ", ".join(sorted(shown_fields(model)))
    template = _SAY.get(first["type"], first["msg"].removeprefix("Value error, "))
    message = template.format(**{"known": known} | first.get("ctx", {})) if first["type"] in _SAY else template
    more = f" ({len(problems) - 1} more problem(s) after this one.)" if len(problems) > 1 else ""
    return Failure("invalid", f"{field or 'arguments'}: {message}{_sent(first)}.{more}", field=field or None)


def shown_fields(model: type[BaseModel]) -> list[str]:
    """The fields a caller is told of: those that are in the schema."""
    return [name for name, field in model.model_fields.items() if not is_hidden(field.json_schema_extra)]


def is_hidden(extra: object) -> bool:
    """Whether a field is declared only so that other systems' clients can send it."""
    return isinstance(extra, dict) and bool(extra.get("hidden"))  # pyright: ignore[reportUnknownMemberType] - any mapping


def _sent(problem: Any) -> str:
    value = problem["input"]
    if problem["type"] in {"missing", "extra_forbidden"} or isinstance(value, dict | list):
        return ""
    text = str(value)
    return f"; you sent {text!r}" if len(text) <= _SHOWN else f"; you sent {len(text)} characters"


def refuse_unstorable(value: object, path: str = "") -> None:
    """Refuse text that a database cannot hold: NUL, and surrogates without their other half."""
    if isinstance(value, str):
        if "\x00" in value:
            raise Failure("invalid", f"{path}: must not contain the NUL character.", field=path)
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise Failure("invalid", f"{path}: has half a surrogate pair; send whole characters.", field=path)
    elif isinstance(value, dict):
        for key, each in value.items():  # pyright: ignore[reportUnknownVariableType] - JSON
            where = f"{path}.{key}" if path else str(key)  # pyright: ignore[reportUnknownArgumentType] - JSON
            refuse_unstorable(key, "field name")  # pyright: ignore[reportUnknownArgumentType] - JSON
            refuse_unstorable(each, where)  # pyright: ignore[reportUnknownArgumentType] - JSON
    elif isinstance(value, list):
        for index, each in enumerate(value):  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - JSON
            refuse_unstorable(each, f"{path}.{index}")  # pyright: ignore[reportUnknownArgumentType] - JSON
