"""The one form in which a text is compared with what was erased, so that it cannot come back in other dress."""

import json
import unicodedata
from typing import Any

#: Signs that only enclose words, and those that only end them. Signs that change a value (`-5`, `.env`, `5%`) stay.
_ENCLOSING = "\"'“”‘’«»„()[]{}*`_"  # noqa: RUF001 - the curly quotes are meant
_ENDING = f"{_ENCLOSING}.,;:!?…。、，！？؟"  # noqa: RUF001 - as above


def normalize_forgotten(text: str) -> str:
    """Return a text without what does not change its words: capitals, white space, and signs around words."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = (each.rstrip(_ENDING).lstrip(_ENCLOSING) for each in folded.split())
    return " ".join(word for word in words if word) or " ".join(folded.split())


def describe_origin(source: str, kind: str, payload: Any) -> str:
    """Return the value that makes a report of an agent the same one if it is sent again, at any time."""
    return json.dumps([source, kind, payload], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
