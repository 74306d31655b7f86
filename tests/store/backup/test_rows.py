"""Whatever the values of a row are, they come back from a part as they were."""

import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.store.backup.manifest import ColumnContent, TableContent
from server.store.backup.refusals import DamagedBackup
from server.store.backup.rows import RowPacker, unpack_rows

KINDS: dict[Any, Any] = {
    "text": st.text(st.characters(exclude_categories=["Cs"])),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "time": st.datetimes(timezones=st.just(UTC)),
    "json": st.text(),
    "bytes": st.binary(max_size=300),
}
TABLE = TableContent(name="t", columns=tuple(ColumnContent(name=kind, kind=kind) for kind in KINDS), rows=0)
ROWS = st.lists(st.tuples(*(st.none() | values for values in KINDS.values())), max_size=6)


def pack(rows) -> Any:
    packer = RowPacker(1, TABLE)
    for row in rows:
        packer.add_row(row)
    return packer.take_part()


@settings(max_examples=25)
@given(ROWS)
def test_rows_come_back_as_they_were(rows):
    part = pack(rows)
    if not rows:
        assert part is None
        return
    number, found = unpack_rows(part, [TABLE, TABLE])
    assert number == 1
    assert [tuple(row.values()) for row in found] == rows


def test_a_time_without_a_zone_is_in_utc():
    time = datetime(2026, 5, 1, 12, 30)
    part = pack([(None, None, None, None, time, None, None)])
    (row,) = unpack_rows(part, [TABLE, TABLE]).rows
    assert row["time"] == time.replace(tzinfo=UTC)


@pytest.mark.parametrize("tables", [[], [TABLE], [TABLE, TABLE.model_copy(update={"columns": TABLE.columns[1:]})]])
def test_rows_that_are_not_of_these_tables_are_damaged(tables):
    part = pack([("x", 1, 1.0, True, None, "{}", b"abc")])
    with pytest.raises(DamagedBackup, match="its rows"):
        unpack_rows(part, tables)


def test_rows_that_are_nested_too_deeply_are_damaged():
    text = zlib.compress(b"[" * 100_000)
    with pytest.raises(DamagedBackup, match="its rows"):
        unpack_rows(len(text).to_bytes(4, "big") + text, [TABLE])


def test_a_part_that_grows_beyond_all_bounds_is_damaged(monkeypatch):
    part = pack([("x" * 10_000, 1, 1.0, True, None, "{}", b"")])
    monkeypatch.setattr("server.store.backup.rows.MOST_PART_BYTES", 5000)
    with pytest.raises(DamagedBackup):
        unpack_rows(part, [TABLE, TABLE])
