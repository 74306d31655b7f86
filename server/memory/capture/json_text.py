"""JSON in a text, as hooks send the arguments and the answers of tools."""

from collections.abc import Mapping
from typing import Any, cast

from server.storable import load_json, make_storable

#: Fields of answers that repeat whole files. Nothing is made of them.
_FILES = frozenset({"originalFile", "structuredPatch"})


def decode_json_text(value: Any) -> Any:
    """Return the object or the list that a text is the JSON of; any other value as it is.

    Values that no database holds are left out of it or replaced.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in {"{", "["}:
        return value
    try:
        return make_storable(load_json(value))
    except (ValueError, RecursionError):
        return value


def read_tool_json(value: Any) -> Any:
    """Return `decode_json_text` of a value, without the whole files that an editor repeats."""
    value = decode_json_text(value)
    if isinstance(value, dict):
        fields = cast("Mapping[str, Any]", value)
        return {name: each for name, each in fields.items() if name not in _FILES}
    return value
