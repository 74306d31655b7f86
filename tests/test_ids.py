"""Ids carry their time, and nothing else that could be guessed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from server.ids import new_id

MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(MOMENTS)
def test_an_id_is_a_version_seven_uuid_of_its_millisecond(moment):
    found = UUID(new_id(moment))
    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    assert found.int >> 80 == int(moment.timestamp() * 1000)


@given(MOMENTS)
def test_a_later_id_sorts_after_an_earlier_one(moment):
    assert new_id(moment) < new_id(moment + timedelta(milliseconds=1))


def test_ids_of_one_moment_differ():
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    assert len({new_id(moment) for _ in range(1000)}) == 1000
