"""The events of agents' hooks in our words. All other values that a client sends are left out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from server.memory.capture.payloads import find_kind, find_own_tool
from tools.capture.hooks import OnEvent
from tools.compat.translation import PROJECT, rename_arguments
from tools.core.dialect import Request

#: The names of Claude Code, Codex, Gemini CLI, Cursor and VS Code for our fields.
_NAMES = {
    **PROJECT,
    "hook_event_name": "event",
    "hookEventName": "event",
    "conversation_id": "session_id",
    "sessionId": "session_id",
    "toolName": "tool_name",
    "toolArgs": "tool_input",
    "toolResult": "tool_response",
    "tool_output": "tool_response",
    "result_json": "tool_response",
    "prompt_response": "last_assistant_message",
}
_KNOWN = frozenset(OnEvent.model_fields)


def read_event(sent: dict[str, Any]) -> Request:
    """Return a hook's event as a request to `on_event`."""
    request = rename_arguments(sent, _NAMES)
    arguments = {name: each for name, each in request.arguments.items() if name in _KNOWN}
    # What Cursor has in other fields is added under our names.
    for name, value in _list_cursors(arguments.get("event"), sent):
        arguments.setdefault(name, value)
    return replace(request, arguments=arguments)


def _list_cursors(event: Any, sent: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = list[tuple[str, Any]]()
    if "cursor_version" in sent:
        found.append(("platform", "cursor"))
    roots, text = sent.get("workspace_roots"), sent.get("text")
    if isinstance(roots, list) and roots and isinstance(first := cast("list[Any]", roots)[0], str):
        found.append(("cwd", first))
    if not isinstance(event, str):
        return found
    if isinstance(text, str) and find_kind(event, {}) == "reply":
        found.append(("last_assistant_message", text))
    if (own := find_own_tool(event, sent)) is not None:
        found += [("tool_name", own.name), ("tool_input", own.arguments), ("tool_response", sent.get("output"))]
    return found
