"""The values that can be stored: JSON without the texts and numbers that a database or JSON itself cannot hold."""

import math
from typing import Any

from server.errors import Failure

#: How deep JSON may be nested: any JSON library can read that, and no sensible request is deeper.
DEPTH = 64


def refuse_unstorable(value: Any, path: str = "", depth: int = 0) -> None:
    """Refuse a value that a database cannot hold or JSON cannot express.

    These are the NUL character, half a surrogate pair, an infinite number, and JSON nested deeper than `DEPTH`.

    Raises:
        Failure: `invalid`.
    """
    if isinstance(value, str):
        _refuse_text(value, path)
    elif isinstance(value, float) and not math.isfinite(value):
        raise Failure("invalid", f"{path}: must be a finite number.", field=path)
    elif isinstance(value, dict | list):
        if depth > DEPTH:
            raise Failure("invalid", f"{path.split('.', maxsplit=1)[0]}: is nested more than {DEPTH} deep.")
        entries: Any = value.items() if isinstance(value, dict) else enumerate(value)  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType,reportUnknownMemberType] - JSON
        for key, each in entries:
            _refuse_text(str(key), "field name")
            refuse_unstorable(each, f"{path}.{key}" if path else str(key), depth + 1)


def _refuse_text(text: str, path: str) -> None:
    if "\x00" in text:
        raise Failure("invalid", f"{path}: must not contain the NUL character.", field=path)
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise Failure("invalid", f"{path}: has half a surrogate pair; send whole characters.", field=path)
