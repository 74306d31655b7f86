"""An operation's JSON schemas (2020-12): for programs with every bound, and for models without noise."""

from collections.abc import Mapping
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


#: What a model needs of a schema. Bounds and patterns are left out: a refusal names the one that was missed.
_SHOWN_KEYS = ("type", "description", "enum", "const", "items", "properties", "required")


@cache
def build_shown_schema(model: type[BaseModel], names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """The JSON schema of an operation's arguments as a list of tools shows it to models: types in their plainest form.

    Args:
        model: the model of the arguments.
        names: the arguments to show; None for all. Others are taken all the same, so the schema does not rule them out.
    """
    whole = build_schema(model)
    properties: dict[str, Any] = whole.get("properties", {})
    shown = {name: _strip_schema(properties[name], whole.get("$defs", {})) for name in names or properties}
    bare: dict[str, Any] = {"type": "object", "properties": shown}
    if "required" in whole:
        bare["required"] = whole["required"]
    if len(shown) == len(properties):
        bare["additionalProperties"] = False
    return bare


def _strip_schema(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without bounds, defaults and null, with what it refers to in its place."""
    whole = _resolve(node, definitions)
    bare = {key: whole[key] for key in _SHOWN_KEYS if key in whole}
    if "items" in bare:
        bare["items"] = _strip_schema(bare["items"], definitions)
    if "properties" in bare:
        bare["properties"] = {name: _strip_schema(each, definitions) for name, each in bare["properties"].items()}
    return bare


def _resolve(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with the keys of its definition, or of the type that it has if it is not null."""
    if "$ref" in node:
        return {**definitions[node["$ref"].rpartition("/")[2]], **node}
    if "anyOf" in node:
        meant = next(each for each in node["anyOf"] if each.get("type") != "null")
        return {**_resolve(meant, definitions), **node}
    return node
