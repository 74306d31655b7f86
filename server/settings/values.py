"""The forms in which an environment variable holds values that are no text: lists and JSON."""

import json
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode


def split_list(value: object) -> object:
    """Return comma-separated text as a list, because an environment variable holds text only."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def make_json_parser(example: str) -> Callable[[object], object]:
    """Return a function that returns the value that JSON text stands for, {} for empty text; any other value as it is.

    The example is what its error shows.
    """

    def parse(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value.strip() else {}
        except (ValueError, RecursionError):
            raise ValueError(f"must be JSON, like {example}") from None

    return parse


def _check_domains(value: list[str]) -> list[str]:
    if any("@" in each or "*" in each or "." not in each for each in value):
        raise ValueError("must be domains, like example.com, with commas between them")
    return [each.lower() for each in value]


#: A list of texts, with commas between them in a variable.
TextList = Annotated[list[str], NoDecode, BeforeValidator(split_list)]
#: A list of domains of emails, in lower case.
DomainList = Annotated[TextList, AfterValidator(_check_domains)]
