"""The first part of a backup. It says what follows: the step of the schema, the tables, their columns and sizes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

#: The kinds of values, which are the same in every database.
Kind = Literal["text", "integer", "number", "boolean", "time", "date", "json", "bytes"]


class ColumnContent(BaseModel):
    """A column, and the kind of its values."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind


class TableContent(BaseModel):
    """A table, its columns in the order of a row's values, and the number of its rows."""

    model_config = ConfigDict(frozen=True)

    name: str
    columns: tuple[ColumnContent, ...]
    rows: int


class Manifest(BaseModel):
    """The content of a backup. A table comes after the tables that it refers to."""

    model_config = ConfigDict(frozen=True)

    made_at: datetime
    #: The step of the schema's migration at which the record was.
    step: str
    tables: tuple[TableContent, ...]
    #: The secret key of the data folder. Only an encrypted backup has it.
    secret_key: str | None = None

    @property
    def row_count(self) -> int:
        """The number of rows of all tables."""
        return sum(table.rows for table in self.tables)

    def count_rows(self, table: str) -> int:
        """Return the number of rows of a table; 0 if the backup does not have it."""
        return sum(each.rows for each in self.tables if each.name == table)


class Ending(BaseModel):
    """The last part of a backup: the number of rows that were written for each table, in the manifest's order."""

    rows: tuple[int, ...]


def describe_columns(table: sa.Table) -> Sequence[ColumnContent]:
    """Return the columns of a reflected table, with the kinds of their values."""
    return tuple(ColumnContent(name=column.name, kind=_find_kind(column)) for column in table.columns)


def _find_kind(column: sa.Column[object]) -> Kind:
    # The order matters: a text of any length is a String, too.
    kinds: list[tuple[type[sa.types.TypeEngine[Any]], Kind]] = [
        (sa.JSON, "json"),
        (sa.LargeBinary, "bytes"),
        (sa.DateTime, "time"),
        (sa.Date, "date"),
        (sa.Boolean, "boolean"),
        (sa.Integer, "integer"),
        (sa.Float, "number"),
        (sa.String, "text"),
    ]
    for sql_type, kind in kinds:
        if isinstance(column.type, sql_type):
            return kind
    raise TypeError(f"{column} is of a type that no backup can hold yet: {column.type!r}")
