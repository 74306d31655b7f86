"""Pages that neither double nor skip a row while others write: each begins after the last row of the one before."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

#: A key of an order: its column, and whether the largest comes first. Nulls come last in both orders.
SortKey = tuple[sa.ColumnElement[Any], bool]


def is_after(keys: Sequence[SortKey], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a row comes after the row with these values of the keys, in the order of the keys."""
    alternatives: list[sa.ColumnElement[bool]] = []
    equal: list[sa.ColumnElement[bool]] = []
    for (column, is_descending), value in zip(keys, values, strict=True):
        if value is None:
            equal.append(column.is_(None))
            continue
        beyond = column < value if is_descending else column > value
        alternatives.append(sa.and_(*equal, sa.or_(beyond, column.is_(None))))
        equal.append(column == value)
    return sa.or_(*alternatives)
