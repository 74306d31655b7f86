"""claude-mem's names for projects, sessions, events and jobs, and its words for a refusal of their arguments."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from server.errors import Failure, Problem
from server.memory.models import LATEST
from tools.capture import events, jobs, projects, sessions
from tools.compat.translation import PROJECT, rename_arguments, translate_entries
from tools.core.dialect import Request
from tools.core.operation import Operation

_EVENT = {
    "sourceType": "source",
    "eventType": "type",
    "occurredAtEpoch": "occurred_at",
    "serverSessionId": "session_id",
    "contentSessionId": "content_id",
    "platformSource": "platform",
}
#: By operation: our name of each argument that claude-mem names otherwise, by its name.
NAMES: Mapping[str, Mapping[str, str]] = {
    "start_session": {
        "externalSessionId": "external_id",
        "contentSessionId": "content_id",
        "agentId": "agent_id",
        "agentType": "agent_type",
        "platformSource": "platform",
    },
    "record_event": _EVENT,
    "create_project": {"rootPath": "path"},
    "list_jobs": {"projectId": "project"},
    "requeue_jobs": {"projectId": "project"},
}
#: Names of claude-mem that tell its requests from others, beside those above; we have no use for them.
_UNUSED = frozenset({"slug", "memorySessionId", "sourceEventId"})
_START = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_EPOCH = (LATEST - _START) // timedelta(milliseconds=1)

#: The operations that only claude-mem's clients have a name for.
OPERATIONS: tuple[Operation, ...] = (
    *projects.OPERATIONS,
    *sessions.OPERATIONS,
    *events.OPERATIONS,
    *jobs.OPERATIONS,
)
_ROUTED = frozenset(operation.name for operation in OPERATIONS)


class _RefusedArguments(Failure):
    """A refusal of arguments, which claude-mem's clients read as `issues`, each with the path of its field."""

    def to_body(self) -> dict[str, object]:
        problems = self.problems or (Problem(self.field or "", self.message),)
        issues = [{"code": "custom", "path": _split_path(each.field), "message": each.message} for each in problems]
        return super().to_body() | {"issues": issues}


def is_capture(name: str) -> bool:
    """Whether an operation is one of capture."""
    return name in _ROUTED


def add_issues(failure: Failure) -> Failure:
    """Return the refusal of arguments with claude-mem's `issues`; any other one as it is."""
    if failure.code != "invalid":
        return failure
    return _RefusedArguments(failure.code, failure.message, field=failure.field, problems=failure.problems)


def make_translator(operation: Operation) -> Callable[[dict[str, Any]], Request]:
    """Return the translation of a request to an operation of capture."""
    if operation.name == "record_events":
        return _translate_batch
    names = {**(PROJECT if operation.is_in_workspace else {}), **NAMES.get(operation.name, {})}
    known = frozenset(operation.args.model_fields)
    return lambda arguments: _translate(arguments, names, known)


def _translate(arguments: dict[str, Any], names: Mapping[str, str], known: frozenset[str]) -> Request:
    """Give arguments our names. In a request in claude-mem's words, names that nobody knows are left out, as there."""
    request = rename_arguments(arguments, names)
    is_theirs = request.spellings or not _UNUSED.isdisjoint(arguments)
    if is_theirs and not request.arguments.keys() <= known:
        taken = known | names.keys()
        request = replace(request, arguments={k: v for k, v in request.arguments.items() if k in taken})
    if request.spellings.get("occurred_at"):
        request.arguments["occurred_at"] = _read_epoch(request.arguments["occurred_at"])
    return request


def _translate_batch(arguments: dict[str, Any]) -> Request:
    """Give a batch our names. Its events name its project, each of them the same."""
    request = rename_arguments(arguments, PROJECT)
    request = replace(request, arguments=dict(request.arguments))
    translated = translate_entries(request.arguments, "events", _translate_entry)
    entries = cast("Any", translated.arguments.get("events"))
    spellings = {**request.spellings, **translated.spellings}
    if not isinstance(entries, list):
        return replace(translated, spellings=spellings)
    project, field = translated.arguments.get("workspace"), request.spellings.get("workspace", "workspace")
    for index, entry in enumerate(cast("list[Any]", entries)):
        named = cast("dict[str, Any]", entry).pop("projectId", None) if isinstance(entry, dict) else None
        if named is None:
            continue
        if project is None:
            project, field = named, f"events.{index}.projectId"
        elif named != project:
            path = f"events.{index}.projectId"
            message = f"{path}: all events of a batch must be of one project; send another batch for this one."
            raise Failure("invalid", message, field=path)
    if project is None:
        return replace(translated, spellings=spellings)
    return replace(
        translated,
        arguments={**translated.arguments, "workspace": project},
        spellings=spellings if field == "workspace" else {"workspace": field, **spellings},
    )


_EVENT_FIELDS = frozenset(events.NewEvent.model_fields) | {"projectId"}


def _translate_entry(entry: dict[str, Any]) -> Request:
    return _translate(entry, _EVENT, _EVENT_FIELDS)


def _read_epoch(value: Any) -> Any:
    """Return the time that a number of milliseconds since 1970 stands for, as text.

    Raises:
        Failure: `invalid` if it is no such number.
    """
    if value is None or value == "":
        return None
    digits = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if isinstance(value, float) and value.is_integer():
        digits = f"{value:.0f}"
    epoch = int(digits) if digits.isdecimal() and len(digits) <= len(str(_LATEST_EPOCH)) else -1
    if not 0 <= epoch <= _LATEST_EPOCH:
        field = "occurredAtEpoch"
        message = f"{field}: must be a whole number of milliseconds since 1970, from 0 to {_LATEST_EPOCH}."
        raise Failure("invalid", message, field=field)
    return (_START + timedelta(milliseconds=epoch)).isoformat()


def _split_path(field: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in field.split(".") if part]
