"""The values that can be stored: JSON without the texts and numbers that a database or JSON itself cannot hold."""

import json
import math
from typing import Any

from server.errors import Failure

#: How deep JSON may be nested: any JSON library can read that, and no sensible request is deeper.
DEPTH = 64
#: How many digits a whole number may have: readers of JSON that know only floats can read it.
DIGITS = 308
_TOO_LARGE = 10**DIGITS
_MANY_DIGITS = f"is a number of more than {DIGITS} digits; send it as text"


def load_json(text: str | bytes) -> Any:
    """Return the value that JSON stands for.

    Too many digits, NaN and Infinity become numbers that `refuse_unstorable` refuses by their place.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deep.
    """
    return json.loads(text, parse_int=_read_digits)


def _read_digits(digits: str) -> int:
    return int(digits) if len(digits) <= DIGITS + 1 else _TOO_LARGE  # one more for a sign


def is_storable_number(value: float) -> bool:
    """Whether a number is finite, and has at most `DIGITS` digits if it is a whole one."""
    return math.isfinite(value) if isinstance(value, float) else -_TOO_LARGE < value < _TOO_LARGE


def make_storable(value: Any, depth: int = 0) -> Any:
    """Return JSON with values that can be stored in place of those that `refuse_unstorable` refuses.

    NUL is left out, half a surrogate pair becomes the replacement character, and a number or a part that is nested too
    deep becomes a text that says so.
    """
    if isinstance(value, str):
        return _make_text_storable(value)
    if isinstance(value, int | float):
        return value if is_storable_number(value) else "[a number that cannot be stored]"
    if not isinstance(value, dict | list):
        return value
    if depth >= DEPTH:
        return "[nested too deep]"
    if isinstance(value, list):
        return [make_storable(each, depth + 1) for each in value]  # pyright: ignore[reportUnknownVariableType] - JSON
    return {_make_text_storable(str(key)): make_storable(each, depth + 1) for key, each in value.items()}  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType] - JSON


def _make_text_storable(text: str) -> str:
    text = text.replace("\x00", "")
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def refuse_unstorable(value: Any, path: str = "", depth: int = 0) -> None:
    """Refuse a value that a database cannot hold or JSON cannot express.

    These are the NUL character, half a surrogate pair, an infinite number, a whole number of more than `DIGITS` digits,
    and JSON nested deeper than `DEPTH`.

    Raises:
        Failure: `invalid`.
    """
    if isinstance(value, str):
        _refuse_text(value, path)
    elif isinstance(value, int | float):
        if not is_storable_number(value):
            fault = "must be a finite number" if isinstance(value, float) else _MANY_DIGITS
            raise Failure("invalid", f"{path}: {fault}.", field=path)
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
