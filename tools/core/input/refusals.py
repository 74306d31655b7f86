"""Refusals of arguments, in words that a person or a model can act on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from server.errors import Failure, Problem, make_invalid_failure

_TEXTS = {
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
_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True)
class WordForNothing:
    """A word such as "null" in place of an optional argument. No field takes it."""

    word: str


@dataclass(frozen=True, slots=True)
class UnreadableEntry:
    """An entry of a list that has a value which cannot be stored. No model takes it, so that the others are read."""

    problem: Problem


def failure_from_validation(
    error: ValidationError, model: type[BaseModel], spellings: Mapping[str, str] = {}
) -> Failure:
    """Tell every problem, with its field as the client spelled it."""
    return make_invalid_failure(list_problems(error, model, spellings))


def list_problems(error: ValidationError, model: type[BaseModel], spellings: Mapping[str, str] = {}) -> list[Problem]:
    """Return the problems that validation found, in the order of the fields."""
    return [_tell_problem(each, model, spellings) for each in error.errors(include_url=False)]


def _tell_problem(details: Any, model: type[BaseModel], spellings: Mapping[str, str]) -> Problem:
    field = _spell_path(".".join(map(str, details["loc"])), spellings)
    if isinstance(details["input"], UnreadableEntry):
        problem = details["input"].problem
        return Problem(".".join(part for part in (field, problem.field) if part), problem.message)
    if isinstance(details["input"], WordForNothing):
        word = details["input"].word
        return Problem(field, f"the word {word!r} stands for no value; leave the argument out, or send null")
    message = str(_TEXTS.get(details["type"], details["msg"].removeprefix("Value error, ")))
    if details["type"] in _TEXTS:
        known = ", ".join(sorted(_find_model(model, details["loc"]).model_fields))
        message = message.format(**{"known": known} | details.get("ctx", {}))
    return Problem(field, message + _quote_input(details))


def _find_model(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """Find the model that has the field at a location: the arguments, or a model nested in them."""
    for part in location[:-1]:
        field = model.model_fields.get(str(part))
        model = model if field is None else _find_nested_model(field.annotation) or model
    return model


def _find_nested_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _find_nested_model(each))), None)


def _quote_input(problem: Any) -> str:
    return "" if problem["type"] in {"missing", "extra_forbidden"} else quote_sent(problem["input"])


def quote_sent(value: Any) -> str:
    """The end of a refusal that quotes the value which was sent; "" for a list or an object."""
    if isinstance(value, dict | list):
        return ""
    text = str(value)  # pyright: ignore[reportUnknownArgumentType] - JSON
    return f"; you sent {text!r}" if len(text) <= _LONGEST_QUOTE else f"; you sent {len(text)} characters"


def with_spelling(failure: Failure, spellings: Mapping[str, str]) -> Failure:
    """The refusal with its field as the client spelled it."""
    if failure.field is None or (spelled := _spell_path(failure.field, spellings)) == failure.field:
        return failure
    message = failure.message
    if message.startswith((f"{failure.field}:", f"{failure.field} ")):
        message = spelled + message.removeprefix(failure.field)
    return Failure(failure.code, message, field=spelled)


def _spell_path(path: str, spellings: Mapping[str, str]) -> str:
    """The path of an argument as the client named it."""
    for ours, theirs in spellings.items():
        if path == ours or path.startswith(f"{ours}."):
            return theirs + path[len(ours) :]
    return path
