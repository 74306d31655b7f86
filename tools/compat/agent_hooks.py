"""The events of agents' hooks in our words: whatever a client sends beside what we know is left out."""

from dataclasses import replace
from typing import Any

from tools.capture.hooks import OnEvent
from tools.compat.translation import PROJECT, rename_arguments
from tools.core.dialect import Request

_NAMES = {**PROJECT, "hook_event_name": "event", "conversation_id": "session_id"}
_KNOWN = frozenset(OnEvent.model_fields)


def read_event(sent: dict[str, Any]) -> Request:
    """Return a hook's event as a request to `on_event`."""
    request = rename_arguments(sent, _NAMES)
    return replace(request, arguments={name: each for name, each in request.arguments.items() if name in _KNOWN})
