"""JSON from outside: client metadata, sent to the server or fetched by it."""

from typing import Any, cast

from server.storable import load_json, refuse_unstorable


def parse_json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that the bytes stand for.

    Raises:
        ValueError: they stand for none. The message completes a sentence whose subject is the sender's text.
        Failure: `invalid`, a value in it cannot be stored: it has half a surrogate pair or a NUL, for example.
    """
    try:
        value = load_json(body)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")  # noqa: TRY004 - the value is wrong, and not the argument's type
    refuse_unstorable(value)
    return cast("dict[str, Any]", value)
