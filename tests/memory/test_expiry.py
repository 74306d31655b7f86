"""The end of an entry of the skip list, as people and models write it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.expiry import Expiry, parse_expiry

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-12-01", datetime(2026, 12, 1, tzinfo=UTC)),
        (" until 2026-12-01 ", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12-01T10:00:00Z", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01T10:00:00", datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ("2026-12-01T10:00:00+02:00", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("1999-01-01", datetime(1999, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_date_or_a_date_time_is_shown_as_it_was_given(text, at):
    assert (parse_expiry(text, NOW).shown, parse_expiry(text, NOW).at) == (text.strip(), at)


@pytest.mark.parametrize("text", ["9999-12-31", "until 9999-12-31T23:59:59Z", "9999-12-31T23:59:59-05:00"])
def test_the_last_days_of_the_calendar_mean_never(text):
    assert parse_expiry(text, NOW) == Expiry("never", None)


@pytest.mark.parametrize("text", ["2026-12-01t10:00:00z", "until 2026-12-01T09:59:60Z"])
def test_the_small_letters_and_leap_seconds_of_rfc_3339_are_taken(text):
    at = parse_expiry(text, NOW).at
    assert at is not None
    assert abs(at - datetime(2026, 12, 1, 10, tzinfo=UTC)) <= timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("3 days", timedelta(days=3)),
        ("3days", timedelta(days=3)),
        ("For 3 Days", timedelta(days=3)),
        ("in two weeks", timedelta(weeks=2)),
        ("an hour", timedelta(hours=1)),
        ("1.5 hours", timedelta(minutes=90)),
        ("2 weeks, 1 day and 12 hrs", timedelta(days=15, hours=12)),
        ("30 min", timedelta(minutes=30)),
        ("tomorrow", timedelta(days=1)),
        ("until next week", timedelta(weeks=1)),
        ("0 days", timedelta()),
        ("P3D", timedelta(days=3)),
        ("p2w", timedelta(weeks=2)),
        ("PT36H", timedelta(hours=36)),
        ("P1DT0,5H", timedelta(days=1, minutes=30)),
        ("PT90M15S", timedelta(minutes=90, seconds=15)),
    ],
)
def test_a_duration_counts_from_now_and_is_shown_as_its_end(text, after):
    expiry = parse_expiry(text, NOW)
    assert expiry.at == NOW + after
    assert datetime.fromisoformat(expiry.shown) == expiry.at


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1 month", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("P1M", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("next month", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("11 months", datetime(2026, 12, 31, 12, tzinfo=UTC)),
        ("a year", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("P1Y2M3DT4H", datetime(2027, 4, 3, 16, tzinfo=UTC)),
    ],
)
def test_months_and_years_are_the_calendars(text, at):
    assert parse_expiry(text, NOW).at == at


@pytest.mark.parametrize(
    "text",
    [
        "until the migration is done",
        "when Bob agrees",
        "2 PRs are merged",
        "never",
        "a week after the launch",
        "完了まで",
    ],
)
def test_a_condition_in_words_is_kept_and_has_no_end(text):
    assert (parse_expiry(text, NOW).shown, parse_expiry(text, NOW).at) == (text, None)


@pytest.mark.parametrize("text", ["2026-13-01", "2026-02-30", "3", "P", "P3", "--", "12:30", "?"])
def test_figures_that_are_no_time_are_refused_rather_than_kept_for_ever(text):
    with pytest.raises(ValueError, match="must be a date"):
        parse_expiry(text, NOW)


@pytest.mark.parametrize(
    "text",
    ["99999999 days", "999999999 years", "P999999999Y", "8000 years", "0001-01-01"],
)
def test_a_time_beyond_the_calendar_is_refused(text):
    with pytest.raises(ValueError, match="between the years 1 and 9999"):
        parse_expiry(text, NOW)


@given(st.text(max_size=60) | st.from_regex(r"(P|for )?[0-9]{1,12} ?(days|D|M|Y|years)?", fullmatch=True))
def test_any_text_is_an_expiry_or_refused(text):
    try:
        expiry = parse_expiry(text, NOW)
    except ValueError:
        return
    assert expiry.shown
    assert expiry.at is None or expiry.at.tzinfo is UTC
