"""The arguments and the answers of tools, as hooks send them: objects, or their JSON in a text."""

import json
from collections.abc import Mapping
from typing import Any, cast

from server.errors import Failure
from server.storable import load_json, refuse_unstorable

#: Fields of answers that repeat whole files. Nothing is made of them.
_FILES = frozenset({"originalFile", "structuredPatch"})


def read_tool_json(value: Any) -> Any:
    """Return the object or the list that a text is the JSON of; any other value as it is.

    NUL and halves of surrogate pairs, which no database holds, are left out or replaced. Whole files that an editor
    repeats are left out.
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
        decoded = load_json(text)
        try:
            refuse_unstorable(decoded)
        except Failure:
            decoded = load_json(_make_storable(decoded))
            refuse_unstorable(decoded)
    except (ValueError, RecursionError, Failure):
        return text
    return decoded


def _make_storable(decoded: Any) -> str:
    plain = json.dumps(decoded, ensure_ascii=False).replace("\\u0000", "")
    return plain.encode("utf-8", "replace").decode()
