"""The translation of a request's arguments into our names, before the operation validates them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from server.errors import Failure
from server.memory.models import Image
from tools.core.dialect import Request
from tools.core.input.plain_arguments import decode_entries, decode_json, read_arguments
from tools.core.input.refusals import failure_from_validation, quote_sent

#: claude-mem's name of a workspace; every operation inside one takes it.
PROJECT = {"projectId": "workspace"}

_EMPTY: tuple[Any, ...] = (None, [], {}, "", 0)

M = TypeVar("M", bound=BaseModel)


def rename_arguments(arguments: dict[str, Any], names: Mapping[str, str]) -> Request:
    """Give arguments our names: `names` maps the name of another system to ours, the one that goes first at the top.

    If an argument is sent under two names, the second stays as it is, and the operation refuses it as unknown.
    """
    if names.keys().isdisjoint(arguments):
        return Request(arguments)
    renamed, spellings = dict(arguments), dict[str, str]()
    for theirs, ours in names.items():
        if theirs in renamed and ours not in renamed:
            renamed[ours] = renamed.pop(theirs)
            spellings[ours] = theirs
    return Request(renamed, spellings)


def drop_unsupported(arguments: dict[str, Any], unsupported: frozenset[str]) -> dict[str, Any]:
    """Drop the arguments that another system knows and this server does not act on, if nothing is lost by that.

    They are empty, or describe pictures as answers do, so that an answer can be sent back.

    Raises:
        Failure: `invalid` for the first other one.
    """
    if unsupported.isdisjoint(arguments):
        return arguments
    for name in sorted(unsupported):
        if (value := arguments.get(name)) not in _EMPTY and not _describes_pictures(value):
            message = f"{name}: is not supported by this server; leave it out{quote_sent(value)}."
            raise Failure("invalid", message, field=name)
    return {name: value for name, value in arguments.items() if name not in unsupported}


def _describes_pictures(value: Any) -> bool:
    entries = decode_entries(value)
    return isinstance(entries, list) and all(
        isinstance(each, dict) and each.keys() <= Image.model_fields.keys()
        for each in entries  # pyright: ignore[reportUnknownVariableType] - JSON
    )


def take_arguments(request: Request, model: type[M]) -> tuple[Request, M]:
    """Take the arguments that only another system has out of a request; return the rest of it, and these, checked.

    Raises:
        Failure: `invalid`, naming the argument.
    """
    sent = {name: request.arguments[name] for name in model.model_fields if name in request.arguments}
    if not sent:
        return request, model()
    try:
        taken = model.model_validate(read_arguments(model, sent), strict=True)
    except ValidationError as error:
        raise failure_from_validation(error, model) from None
    left = {name: value for name, value in request.arguments.items() if name not in sent}
    return replace(request, arguments=left), taken


def with_argument(request: Request, name: str, value: Any, spelling: str | None = None) -> Request:
    """Return the request with one more argument of ours; `spelling` is the name under which the client sent it."""
    spellings = request.spellings if spelling is None else {**request.spellings, name: spelling}
    return replace(request, arguments={**request.arguments, name: value}, spellings=spellings)


def translate_entries(arguments: dict[str, Any], name: str, translate: Callable[[dict[str, Any]], Request]) -> Request:
    """Translate each object of a list among the arguments; other values are left for validation."""
    entries: Any = decode_entries(arguments.get(name), name)
    if not isinstance(entries, list):
        return Request(arguments)
    translated: list[Any] = []
    spellings: dict[str, str] = {}
    for index, each in enumerate(entries):  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType] - JSON
        entry = decode_json(each, dict)
        if not isinstance(entry, dict):
            translated.append(entry)
            continue
        path = f"{name}.{index}"
        try:
            request = translate(entry)  # pyright: ignore[reportUnknownArgumentType] - JSON
        except Failure as failure:
            raise Failure(failure.code, f"{path}.{failure.message}", field=f"{path}.{failure.field}") from None
        translated.append(request.arguments)
        spellings |= {f"{path}.{ours}": f"{path}.{theirs}" for ours, theirs in request.spellings.items()}
    return Request({**arguments, name: translated}, spellings)
