"""An operation's JSON schemas (2020-12), as a model should read them: no noise, nothing hidden."""

from functools import cache
from typing import Any

from pydantic import BaseModel


@cache
def schema(model: type[BaseModel]) -> dict[str, Any]:
    """What an operation takes, strict (`additionalProperties` is false), or what it answers (null fields left out)."""
    shown: dict[str, Any] = _clean(model.model_json_schema())
    return shown


def _clean(node: Any) -> Any:
    """Without pydantic's titles, without the docstrings of classes, and without hidden fields."""
    if isinstance(node, list):
        return [_clean(each) for each in node]  # pyright: ignore[reportUnknownVariableType] - JSON
    if not isinstance(node, dict):
        return node
    is_object = "properties" in node
    cleaned = {k: _clean(v) for k, v in node.items() if k != "properties" and not (k == "title" and isinstance(v, str))}  # pyright: ignore[reportUnknownVariableType] - JSON
    if is_object:
        properties: dict[str, Any] = node["properties"]
        cleaned["properties"] = {k: _clean(v) for k, v in properties.items() if not v.get("hidden")}
        cleaned.pop("description", None)
    return cleaned  # pyright: ignore[reportUnknownVariableType] - JSON
