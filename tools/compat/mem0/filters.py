"""mem0's filters: conditions on fields of a memory, joined by AND, OR and NOT."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, cast

from server.errors import Failure
from server.memory.models import read_moment

#: Our field of each of mem0's that says to whom a memory belongs.
OWNERS: Mapping[str, str] = {"user_id": "author", "agent_id": "source", "app_id": "project", "run_id": "session"}
_TIMES = ("created_at", "updated_at")
_OTHERS = ("categories", "keywords", "memory_ids", "metadata")
_KNOWN = ", ".join([*OWNERS, *_TIMES, *_OTHERS])
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gte": lambda one, other: one >= other,
    "gt": lambda one, other: one > other,
    "lte": lambda one, other: one <= other,
    "lt": lambda one, other: one < other,
    "ne": lambda one, other: one != other,
    "eq": lambda one, other: one == other,
}
_OPERATORS = ", ".join([*_COMPARISONS, "in", "contains", "icontains"])
#: The deepest nesting of a filter, and the most conditions of one.
MOST_DEPTH, MOST_CONDITIONS = 8, 100


class Filtered(Protocol):
    """The fields of a memory that filters read."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def content(self) -> str:
        """Its text."""
        ...

    @property
    def tags(self) -> list[str]:
        """Its tags."""
        ...

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata."""
        ...


Condition = Callable[[Filtered], bool]


def read_filters(filters: Mapping[str, Any] | None) -> Condition | None:
    """Return the condition that filters mean; None if there are none.

    Raises:
        Failure: `invalid` for a field, an operator or a value that filters do not have.
    """
    if not filters:
        return None
    return _Reader().read(filters, 0)


class _Reader:
    def __init__(self) -> None:
        self._count = 0

    def read(self, filters: object, depth: int) -> Condition:
        if not isinstance(filters, dict) or depth > MOST_DEPTH:
            raise _refuse(f"must be objects, nested at most {MOST_DEPTH} deep, like {{'AND': [{{'user_id': 'ann'}}]}}")
        parts = [self._read_entry(str(key), value, depth) for key, value in cast("dict[Any, Any]", filters).items()]
        return lambda memory: all(part(memory) for part in parts)

    def _read_entry(self, key: str, value: Any, depth: int) -> Condition:
        self._count += 1
        if self._count > MOST_CONDITIONS:
            raise _refuse(f"have at most {MOST_CONDITIONS} conditions")
        if key not in {"AND", "OR", "NOT"}:
            return _read_condition(key, value)
        entries: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
        parts = [self.read(each, depth + 1) for each in entries]
        if key == "AND":
            return lambda memory: all(part(memory) for part in parts)
        if key == "OR":
            return lambda memory: any(part(memory) for part in parts)
        return lambda memory: not any(part(memory) for part in parts)


def _read_condition(field: str, wanted: Any) -> Condition:
    if field in OWNERS:
        return _compare(field, OWNERS[field], wanted, lambda value: value)
    if field in _TIMES:
        return _compare(field, field, wanted, _read_time)
    if field == "memory_ids":
        return _compare(field, "id", {"in": wanted} if isinstance(wanted, list) else wanted, lambda value: value)
    if field == "keywords":
        return _compare(field, "content", wanted if isinstance(wanted, dict) else {"icontains": wanted}, lambda v: v)
    if field == "categories":
        return _has_category(wanted)
    if field == "metadata" and isinstance(wanted, dict):
        pairs = cast("dict[str, Any]", wanted).items()
        return lambda memory: all(memory.metadata.get(key) == value for key, value in pairs)
    raise _refuse(f"have no field {field[:60]!r}; send one of {_KNOWN}, or AND, OR, NOT")


def _has_category(wanted: Any) -> Condition:
    asked: Any = cast("dict[str, Any]", wanted) if isinstance(wanted, dict) else {"in": wanted}
    values: Any = next(iter(asked.values()), None)
    names = {str(each) for each in (cast("list[Any]", values) if isinstance(values, list) else [values])}
    return lambda memory: not names.isdisjoint(memory.tags)


def _read_time(value: Any) -> datetime:
    try:
        return read_moment(value)
    except (ValueError, AttributeError, TypeError):
        raise _refuse(f"have a time that cannot be read: {str(value)[:40]!r}; send 2026-11-21") from None


def _compare(field: str, name: str, wanted: Any, read: Callable[[Any], Any]) -> Condition:
    """Return the condition that compares a field of a memory with a value, or as an operator says."""
    if wanted == "*":
        return lambda memory: getattr(memory, name) is not None
    if not isinstance(wanted, dict):
        value = read(wanted)
        return lambda memory: getattr(memory, name) == value
    parts = [_read_operator(field, str(key), value, read) for key, value in cast("dict[Any, Any]", wanted).items()]

    def is_met(memory: Filtered) -> bool:
        value = getattr(memory, name)
        return value is not None and all(part(value) for part in parts)

    return is_met


def _read_operator(field: str, operator: str, wanted: Any, read: Callable[[Any], Any]) -> Callable[[Any], bool]:
    if operator == "in" and isinstance(wanted, list):
        values = [read(each) for each in cast("list[Any]", wanted)]
        return lambda value: value in values
    if operator in {"contains", "icontains"} and field not in _TIMES:
        text = str(wanted)
        if operator == "contains":
            return lambda value: text in str(value)
        return lambda value: text.casefold() in str(value).casefold()
    if operator in _COMPARISONS and isinstance(wanted, str):
        compare, other = _COMPARISONS[operator], read(wanted)
        return lambda value: compare(value, other)
    raise _refuse(f"cannot compare {field} by {operator[:60]!r} with that; send one of {_OPERATORS}")


def _refuse(says: str) -> Failure:
    return Failure("invalid", f"filters: filters {says}.", field="filters")
