"""An operation's JSON schemas (2020-12), as a model should read them: without noise."""

from functools import cache
from typing import Any, cast

from pydantic import BaseModel


@cache
def build_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of an operation's arguments, or of its answer.

    Arguments are strict: `additionalProperties` is false. An answer's null fields may be absent.
    """
    shown: dict[str, Any] = _clean_schema(model.model_json_schema())
    return shown


def _clean_schema(node: Any) -> Any:
    """Remove pydantic's titles, and the docstrings of classes."""
    if isinstance(node, list):
        each = cast("list[Any]", node)
        return [_clean_schema(one) for one in each]
    if not isinstance(node, dict):
        return node
    given = cast("dict[str, Any]", node)
    cleaned = {
        k: _clean_schema(v) for k, v in given.items() if k != "properties" and not (k == "title" and isinstance(v, str))
    }
    if "properties" in given:
        properties: dict[str, Any] = given["properties"]
        cleaned["properties"] = {k: _clean_schema(v) for k, v in properties.items()}
        cleaned.pop("description", None)
    return cleaned
