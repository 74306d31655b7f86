"""The events of a session out of what was reported, in the fields that agents' hooks and claude-mem send."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from server.memory.capture.json_text import decode_json_text
from server.memory.capture.models import CapturedEvent, EventKind

#: By the words that clients have for an event, without case, `_` and `-`: its kind.
_KINDS: Mapping[str, EventKind] = {
    **dict.fromkeys(
        ("userpromptsubmit", "userpromptsubmitted", "userprompt", "prompt", "usermessage", "beforeagent"), "prompt"
    ),
    "beforesubmitprompt": "prompt",
    **dict.fromkeys(("tooluse", "posttooluse", "posttoolusefailure", "toolresult", "toolcall", "aftertool"), "tool"),
    **dict.fromkeys(("aftershellexecution", "afterfileedit", "aftermcpexecution"), "tool"),
    **dict.fromkeys(("assistantmessage", "stop", "reply", "agentmessage", "message", "afteragent"), "reply"),
    "afteragentresponse": "reply",
    **dict.fromkeys(("sessionend", "end"), "end"),
}
#: The events of Cursor that are a call of one of its own tools: the tool, and the fields that are its arguments.
_OWN_TOOLS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "aftershellexecution": ("Shell", ("command",)),
    "afterfileedit": ("Edit", ("file_path", "edits")),
}
#: The fields in which the text of a prompt and of a reply may stand: the first that has one counts.
_TEXTS: Mapping[EventKind, tuple[str, ...]] = {
    "prompt": ("prompt", "user_prompt", "message", "text", "content"),
    "reply": (
        "last_assistant_message",
        "assistant_message",
        "prompt_response",
        "message",
        "text",
        "content",
        "response",
    ),
}
_RESULTS = ("tool_response", "tool_result", "toolResult", "tool_output", "result_json", "result", "output", "error")
#: The fields of a tool's answer that are its text.
_OUTPUTS = ("stdout", "stderr", "output", "llmContent", "content", "text", "error", "result", "message")


@dataclass(frozen=True, slots=True)
class OwnTool:
    """A tool call that is an event of its own: the name of the tool, and its arguments."""

    name: str
    arguments: dict[str, Any]


def read_event(event_id: str, event_type: str, payload: Any, at: datetime) -> CapturedEvent:
    """Return an event as extraction takes it. Every payload gives one; a field that it lacks is empty."""
    fields = _as_object(payload)
    kind = find_kind(event_type, fields)
    is_tool = kind == "tool"
    own = find_own_tool(event_type, fields)
    if own is not None:
        fields = {"tool_name": own.name, "tool_input": own.arguments, **fields}
    result = next((fields[name] for name in _RESULTS if fields.get(name) not in (None, "")), None) if is_tool else None
    return CapturedEvent(
        id=event_id,
        kind=kind,
        at=at,
        text=payload if isinstance(payload, str) else _find_text(fields, _TEXTS.get(kind, ())),
        tool=_read_name(fields, "tool_name", "toolName", "tool") if is_tool else None,
        arguments=_read_object(_find_arguments(fields)) if is_tool else {},
        result=_read_result(result),
        failed=is_tool and _has_failed(event_type, fields, result),
        folder=_find_folder(fields),
    )


def find_kind(event_type: str, payload: Any) -> EventKind:
    """Return the kind of an event: its type decides, or the name that the hook itself has put into the payload."""
    for name in _list_names(event_type, payload):
        if (kind := _KINDS.get(name)) is not None:
            return kind
    return "other"


def find_own_tool(event_type: str, payload: Any) -> OwnTool | None:
    """Return the tool call that an event is by its name, as Cursor's `afterFileEdit`; None for any other event."""
    for event in _list_names(event_type, payload):
        if event in _OWN_TOOLS:
            name, arguments = _OWN_TOOLS[event]
            fields = _as_object(payload)
            return OwnTool(name, {each: fields[each] for each in arguments if each in fields})
    return None


def _list_names(event_type: str, payload: Any) -> list[str]:
    """Return the names that an event has, folded: its type, and the name that the hook has put into the payload."""
    fields = _as_object(payload)
    names = (event_type, fields.get("hook_event_name"), fields.get("hookEventName"))
    return [_fold(name) for name in names if isinstance(name, str)]


def _find_arguments(fields: Mapping[str, Any]) -> Any:
    return next((fields[name] for name in ("tool_input", "arguments", "toolArgs") if name in fields), None)


def _find_folder(fields: Mapping[str, Any]) -> str | None:
    roots: Any = fields.get("workspace_roots")
    first = {"workspace_root": roots[0]} if isinstance(roots, list) and roots else {}  # pyright: ignore[reportUnknownVariableType] - JSON
    return _read_name({**first, **fields}, "cwd", "folder", "workspace_root")


def _as_object(value: Any) -> Mapping[str, Any]:
    """Return an object of JSON; an empty one for any other value."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _fold(name: str) -> str:
    return name.strip().lower().replace("_", "").replace("-", "").replace(".", "")


def _find_text(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := _read_text(fields.get(name)))), "")


def _read_text(value: Any) -> str:
    """Return the text of a message: a text, or the texts of its parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        part = _as_object(value)  # pyright: ignore[reportUnknownArgumentType] - JSON
        return _read_text(part.get("text", part.get("content")))
    if isinstance(value, list):
        return "\n".join(text for each in cast("list[Any]", value) if (text := _read_text(each)))
    return ""


def _read_name(fields: Mapping[str, Any], *names: str) -> str | None:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value), None)


def _read_object(value: Any) -> Mapping[str, Any]:
    """Return an object that may have been sent as JSON in a text; anything else as the object's `input`."""
    value = decode_json_text(value)
    return _as_object(value) if isinstance(value, dict) or value is None else {"input": value}


def _read_result(result: Any) -> str:
    """Return a tool's answer as text: its outputs if it is an object that has some, else its JSON."""
    if isinstance(result, str):
        decoded = decode_json_text(result)
        return _read_result(decoded) if isinstance(decoded, dict) else result
    if isinstance(result, dict):
        fields = _as_object(result)  # pyright: ignore[reportUnknownArgumentType] - JSON
        texts = [text for name in _OUTPUTS if (text := _read_text(fields.get(name)))]
        return "\n".join(texts) if texts else json.dumps(fields, ensure_ascii=False)
    if isinstance(result, list):
        return _read_text(result) or json.dumps(result, ensure_ascii=False)
    return "" if result is None else json.dumps(result)


def _has_failed(event_type: str, fields: Mapping[str, Any], result: Any) -> bool:
    """Whether a tool call failed, as far as the hook says so."""
    named = str(fields.get("hook_event_name", ""))
    if "failure" in event_type.lower() or "failure" in named.lower() or fields.get("error"):
        return True
    if isinstance(result, str) and result.lstrip().startswith(("Error:", "Exit code ")):
        return True
    answer = _as_object(decode_json_text(result))
    if (
        answer.get("is_error") is True
        or answer.get("interrupted") is True
        or answer.get("success") is False
        or answer.get("error")
    ):
        return True
    code: Any = next((answer[name] for name in ("exit_code", "exitCode", "returnCode") if name in answer), 0)
    return isinstance(code, int) and code != 0
