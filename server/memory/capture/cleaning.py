"""The cleaning of what is reported, before it is stored: no private text, no credentials, and a bounded size."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from server.memory.capture.private import cut_private
from server.memory.credentials import redact_credentials

#: The most bytes of a payload, as JSON in UTF-8.
PAYLOAD_BYTES = 256 * 1024
#: The length, in characters, to which the texts of a payload that is too large are cut: the first that is enough.
_CUTS = (100_000, 30_000, 10_000, 3_000, 1_000, 300, 100)
#: The name of a field whose own name was private.
_PRIVATE_NAME = "private"


def clean_payload(payload: Any) -> Any:
    """Return a payload of JSON as it may be stored: see `clean_text`. A large one is cut in the middle of its texts."""
    return bound_payload(_map_texts(payload, clean_text))


def clean_text(text: str) -> str:
    """Return a text without its private parts, and with the kind of each credential in its place."""
    return redact_credentials(cut_private(text))


def bound_payload(payload: Any) -> Any:
    """Return a payload that has at most `PAYLOAD_BYTES` as JSON: long texts are cut, and then the rest."""
    if measure(payload) <= PAYLOAD_BYTES:
        return payload
    for longest in _CUTS:
        cut = _map_texts(payload, lambda text, longest=longest: cut_middle(text, longest))
        if measure(cut) <= PAYLOAD_BYTES:
            return cut
    return {"cut": cut_middle(json.dumps(payload, ensure_ascii=False), PAYLOAD_BYTES // 4)}


def cut_middle(text: str, longest: int) -> str:
    """Return a text of about `longest` characters: a longer one loses its middle, and says how much that was."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters cut …]\n{text[-half:]}"


def measure(payload: Any) -> int:
    """Return the bytes that a value has as JSON."""
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return JSON with each of its texts changed, the names of fields as well."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return {_change_name(name, change): _map_texts(each, change) for name, each in fields.items()}
    if isinstance(value, list):
        return [_map_texts(each, change) for each in cast("list[Any]", value)]
    return value


def _change_name(name: str, change: Callable[[str], str]) -> str:
    changed = change(name)
    return changed if changed.strip() or changed == name else _PRIVATE_NAME
