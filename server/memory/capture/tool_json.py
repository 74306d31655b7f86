"""The arguments and the answers of tools, as hooks send them: objects, or their JSON in a text."""

from collections.abc import Mapping
from typing import Any, cast

from server.storable import load_json, make_storable

#: Fields of answers that repeat whole files. Nothing is made of them.
_FILES = frozenset({"originalFile", "structuredPatch"})


def read_tool_json(value: Any) -> Any:
    """Return the object or the list that a text is the JSON of; any other value as it is.

    What no database holds is left out or replaced, and whole files that an editor repeats are left out.
    """
    if isinstance(value, str):
        value = _decode(value)
    if isinstance(value, dict):
        fields = cast("Mapping[str, Any]", value)
        return {name: each for name, each in fields.items() if name not in _FILES}
    return value


def _decode(text: str) -> Any:
    if text.lstrip()[:1] not in {"{", "["}:
        return text
    try:
        return make_storable(load_json(text))
    except (ValueError, RecursionError):
        return text
