"""Dates in a question: what it names, and how near a memory is to that."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from timeit import repeat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.memory.dates.grammar import MOST_SPANS, Span, compute_nearness, find_spans

NOW = datetime(2023, 11, 15, 14, 30, tzinfo=UTC)  # a Wednesday
MOMENTS = st.datetimes(timezones=st.just(UTC))
GRAINS = ("day", "week", "month", "year")


def list_spans(text, now=NOW):
    """Each span as its first day, the day after its last, and its grain."""
    return [(span.start.date().isoformat(), span.end.date().isoformat(), span.grain) for span in find_spans(text, now)]


ONE_DAY = [
    ("what happened on 2023-05-08?", "2023-05-08"),
    ("2023/05/08", "2023-05-08"),
    ("at 2023-05-08T10:00:00Z", "2023-05-08"),
    ("0099-01-02", "0099-01-02"),
    ("on 8 May 2023", "2023-05-08"),
    ("May 8, 2023", "2023-05-08"),
    ("Was John there on 8th December, 2023", "2023-12-08"),
    ("shared on December 1,2023", "2023-12-01"),
    ("8-May-2023", "2023-05-08"),
    ("the 8th of May, 2023", "2023-05-08"),
    ("May the 8th of 2023", "2023-05-08"),
    ("Monday, 8 May 2023", "2023-05-08"),
    ("Feb. 3, 2022", "2022-02-03"),
    ("sept. 12", "2023-09-12"),
    ("SEPT 12 2021", "2021-09-12"),
    ("May 8th", "2023-05-08"),
    ("on 8 may", "2023-05-08"),
    ("the 8th of may", "2023-05-08"),
    ("Nov 15", "2023-11-15"),
    ("Nov 16", "2022-11-16"),
    ("am 8. Mai 2023", "2023-05-08"),
    ("29 February", "2020-02-29"),
    ("29 February 2024", "2024-02-29"),
    ("today", "2023-11-15"),
    ("tonight", "2023-11-15"),
    ("what did we do this  morning", "2023-11-15"),
    ("yesterday", "2023-11-14"),
    ("last night", "2023-11-14"),
    ("the day before yesterday", "2023-11-13"),
    ("tomorrow", "2023-11-16"),
    ("3 days ago", "2023-11-12"),
    ("a few days ago", "2023-11-12"),
    ("last Tuesday", "2023-11-14"),
    ("on Tuesday", "2023-11-14"),
    ("on Wednesday", "2023-11-08"),
    ("on sat", "2023-11-11"),
    ("this Friday", "2023-11-17"),
    ("next Friday", "2023-11-17"),
    ("next Wednesday", "2023-11-22"),
    ("letzten Dienstag", "2023-11-14"),
    ("Monday of last week", "2023-11-06"),
    ("the day after 31 December 2022", "2023-01-01"),
    ("two days before 1 March 2024", "2024-02-28"),
    ("the Sunday before October 25, 2022", "2022-10-23"),
    ("the Friday after 5 May 2023", "2023-05-12"),
    ("late yesterday", "2023-11-14"),
]
LONGER = [
    ("2023-05", ("2023-05-01", "2023-06-01", "month")),
    ("May 2023", ("2023-05-01", "2023-06-01", "month")),
    ("december of 2023", ("2023-12-01", "2024-01-01", "month")),
    ("in may", ("2023-05-01", "2023-06-01", "month")),
    ("Which outdoor spot did Joanna visit May?", ("2023-05-01", "2023-06-01", "month")),
    ("in November", ("2023-11-01", "2023-12-01", "month")),
    ("in December", ("2022-12-01", "2023-01-01", "month")),
    ("last November", ("2022-11-01", "2022-12-01", "month")),
    ("this May", ("2023-05-01", "2023-06-01", "month")),
    ("next May", ("2024-05-01", "2024-06-01", "month")),
    ("im März", ("2023-03-01", "2023-04-01", "month")),
    ("IM MÄRZ", ("2023-03-01", "2023-04-01", "month")),
    ("how many times in 2023 was it", ("2023-01-01", "2024-01-01", "year")),
    ("the end of 2022", ("2022-09-02", "2023-01-01", "year")),
    ("mid-May 2023", ("2023-05-11", "2023-05-22", "week")),
    ("in the summer of 2023", ("2023-06-01", "2023-09-01", "month")),
    ("summer 2021", ("2021-06-01", "2021-09-01", "month")),
    ("in the fall", ("2023-09-01", "2023-12-01", "month")),
    ("last summer", ("2023-06-01", "2023-09-01", "month")),
    ("this winter", ("2023-12-01", "2024-03-01", "month")),
    ("Q2 2024", ("2024-04-01", "2024-07-01", "month")),
    ("2024-Q4", ("2024-10-01", "2025-01-01", "month")),
    ("in q1", ("2023-01-01", "2023-04-01", "month")),
    ("last week", ("2023-11-06", "2023-11-13", "week")),
    ("this week", ("2023-11-13", "2023-11-20", "week")),
    ("next week", ("2023-11-20", "2023-11-27", "week")),
    ("last weekend", ("2023-11-11", "2023-11-13", "week")),
    ("last month", ("2023-10-01", "2023-11-01", "month")),
    ("this month", ("2023-11-01", "2023-12-01", "month")),
    ("previous quarter", ("2023-07-01", "2023-10-01", "month")),
    ("last year", ("2022-01-01", "2023-01-01", "year")),
    ("two weeks ago", ("2023-10-29", "2023-11-05", "week")),
    ("a couple of weeks ago", ("2023-10-29", "2023-11-05", "week")),
    ("a month ago", ("2023-10-01", "2023-11-01", "month")),
    ("4 years ago", ("2019-01-01", "2020-01-01", "year")),
    ("in the past week", ("2023-11-08", "2023-11-16", "week")),
    ("the last 3 days", ("2023-11-12", "2023-11-16", "week")),
    ("the last two months", ("2023-09-15", "2023-11-16", "month")),
    ("5-8 May 2023", ("2023-05-05", "2023-05-09", "week")),
    ("May 5 to 8, 2023", ("2023-05-05", "2023-05-09", "week")),
    ("early May 2023", ("2023-05-01", "2023-05-11", "week")),
    ("late May 2023", ("2023-05-22", "2023-06-01", "week")),
    ("in the middle of June 2023", ("2023-06-11", "2023-06-21", "week")),
    ("the first half of September 2022", ("2022-09-01", "2022-09-16", "month")),
    ("the second half of last year", ("2022-07-02", "2023-01-01", "year")),
    ("the second week of November", ("2023-11-08", "2023-11-15", "week")),
    ("the last week of February 2024", ("2024-02-23", "2024-03-01", "week")),
    ("the week of 7 June 2023", ("2023-06-05", "2023-06-12", "week")),
    ("the month of May 2023", ("2023-05-01", "2023-06-01", "month")),
    ("the week before August 3, 2023", ("2023-07-27", "2023-08-03", "week")),
    ("the week after 8 May 2023", ("2023-05-09", "2023-05-16", "week")),
    ("two weeks before August 11, 2023", ("2023-07-25", "2023-08-01", "week")),
    ("a month after 30 January 2023", ("2023-02-01", "2023-03-01", "month")),
    ("last weekend before April 10, 2023", ("2023-04-08", "2023-04-10", "week")),
    ("the weekend after 4 June 2023", ("2023-06-10", "2023-06-12", "week")),
    ("between May and July 2023", ("2023-05-01", "2023-08-01", "month")),
    ("between August 11 and August 15 2021", ("2021-08-11", "2021-08-16", "week")),
    ("between November and February 2023", ("2022-11-01", "2023-03-01", "year")),
    ("from November 2021 to January", ("2021-11-01", "2022-02-01", "month")),
    ("between July 2023 and May 2023", ("2023-05-01", "2023-08-01", "month")),
    ("between early May and mid June 2023", ("2023-05-01", "2023-06-21", "month")),
    ("from 2019 to 2021", ("2019-01-01", "2022-01-01", "year")),
    ("2019\u20132021", ("2019-01-01", "2022-01-01", "year")),
    ("between Monday and Wednesday", ("2023-11-06", "2023-11-09", "week")),
    ("since March", ("2023-03-01", "2023-11-16", "year")),
    ("since yesterday", ("2023-11-14", "2023-11-16", "week")),
    ("since 2030", ("2030-01-01", "2031-01-01", "year")),
    ("after May 2023", ("2023-06-01", "2023-11-16", "year")),
    ("before 10 June 2023", ("0001-01-01", "2023-06-10", "year")),
    ("until the summer of 2022", ("0001-01-01", "2022-09-01", "year")),
    ("before 0001-01-01", ("0001-01-01", "0001-01-02", "day")),
    ("on 31 June 2023", ("2023-06-01", "2023-07-01", "month")),
]
NO_DATE = """
may I ask|May I come in?|this may be wrong|THIS MAY BE WRONG|item 3 may fail|march on|on the march|they march 3 miles
He said the Sun is hot|he sat down|I am sat here|a second thought|in spring boot|Spring Boot|fall back|question Q2
version 2023.1|v2023|port 8080|port 2000|line 1999|build 20230508x|20230508|1999 items|2000 tokens|2048 MB|2023x|x2023
2048-bit keys|1920x1080|$2000|#2023|CVE-2023-1234|call 1-800-2023|timeout=2000|20:23|1899|2101|9999|the 1990s
2023-13|2023-13-01|2023-02-30|1234-56-78|555-2023-11|0000-01-01|every Tuesday|on Tuesdays|Chiang Mai|last words|past it
99999 years ago|9999 years ago|how long ago|next time|this way|32 foo|decide|mayor|marching|sunny||   |?!
""".replace("\n", "|").split("|")


@pytest.mark.parametrize(("text", "day"), ONE_DAY)
def test_a_named_day_is_that_day(text, day):
    after = date.fromisoformat(day) + timedelta(days=1)
    assert list_spans(text) == [(day, after.isoformat(), "day")]


@pytest.mark.parametrize(("text", "span"), LONGER)
def test_a_named_stretch_is_from_its_first_day_to_the_day_after_its_last(text, span):
    assert list_spans(text) == [span]


@pytest.mark.parametrize("text", NO_DATE)
def test_plain_words_and_numbers_name_no_date(text):
    assert list_spans(text) == []


@pytest.mark.parametrize(
    ("now", "text", "span"),
    [
        ("2024-01-01", "yesterday", ("2023-12-31", "2024-01-01", "day")),
        ("2024-01-01", "last week", ("2023-12-25", "2024-01-01", "week")),
        ("2024-01-01", "last month", ("2023-12-01", "2024-01-01", "month")),
        ("2024-01-10", "this winter", ("2023-12-01", "2024-03-01", "month")),
        ("2024-02-29", "last year", ("2023-01-01", "2024-01-01", "year")),
        ("2024-02-29", "the past year", ("2023-02-28", "2024-03-01", "year")),
        ("2024-03-31", "the past month", ("2024-02-29", "2024-04-01", "month")),
        ("1904-02-28", "29 February", ("1896-02-29", "1896-03-01", "day")),
        ("2023-12-31", "next week", ("2024-01-01", "2024-01-08", "week")),
        ("2023-12-31", "this weekend", ("2023-12-30", "2024-01-01", "week")),
        ("2023-12-31", "last weekend", ("2023-12-23", "2023-12-25", "week")),
        ("2022-06-01", "between May and July 2030", ("2030-05-01", "2030-08-01", "month")),
    ],
)
def test_what_is_relative_holds_at_the_ends_of_months_and_years(now, text, span):
    assert list_spans(text, datetime.combine(date.fromisoformat(now), time(23, 59), UTC)) == [span]


def test_the_day_is_the_one_of_utc():
    late = datetime(2023, 11, 15, 23, 30, tzinfo=timezone(-timedelta(hours=5)))
    assert list_spans("today", late) == [("2023-11-16", "2023-11-17", "day")]


def test_phrases_come_in_the_order_of_the_text_once_each_and_at_most_four():
    may, june, july = (("2023-05-01", "2023-06-01", "month"), ("2023-06-01", "2023-07-01", "month"),
                       ("2023-07-01", "2023-08-01", "month"))  # fmt: skip
    assert list_spans("in July, or in May 2023 or June 2023?") == [july, may, june]
    assert list_spans("In May, June and July 2021") == [
        (start.replace("2023", "2021"), end.replace("2023", "2021"), grain) for start, end, grain in (may, june, july)
    ]
    assert list_spans("today or today") == list_spans("today")
    assert list_spans("2001, 2002, 2003, 2004, 2005") == [
        (f"{y}-01-01", f"{y + 1}-01-01", "year") for y in range(2001, 2005)
    ]


def test_of_phrases_that_overlap_the_longest_counts():
    assert list_spans("on 8 May 2023") == [("2023-05-08", "2023-05-09", "day")]  # and neither May 2023 nor 2023
    assert len(list_spans("the week before yesterday")) == 1


def test_digits_of_other_scripts_make_no_date_and_no_error():
    for text in ("٢٠٢٣", "２０２３", "८ may ask", "2023٥", "on ٨ days ago"):  # noqa: RUF001 - meant
        assert list_spans(text) == []


@pytest.mark.parametrize(
    "unit", ["1 may ", "may-", "9 ", "2023-05-", "last ", "the 8 and ", " ", "between may and ", "May to ", "x", "İ"]
)
def test_a_hundred_kilobytes_of_anything_take_no_longer_than_two(unit):
    long, short = unit * (100_000 // len(unit)), unit * (2_000 // len(unit) + 1)
    assert find_spans(long, NOW) == find_spans(short, NOW)
    assert min(repeat(lambda: find_spans(long, NOW), number=1, repeat=3)) < 0.25


def test_a_date_after_the_first_two_thousand_characters_is_not_looked_for():
    assert list_spans("word " * 500 + "on 8 May 2023") == []


WORDS = """may May march 8 31 29 2023 1999 9999 0001-01-01 9999-12-31 last next this past week weekend days year ago
    two between and to since before after until early late first half of the in on Sunday sun Q2 winter February today
    yesterday tomorrow , -""".split()  # noqa: SIM905 - words are read best as words
TEXTS = st.one_of(
    st.text(max_size=200),
    st.sampled_from([text for text, _ in ONE_DAY + LONGER]),
    st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join),
)


@given(TEXTS, MOMENTS)
@example("since 2023", datetime.max.replace(tzinfo=UTC))
@example("next year until 9999", datetime.max.replace(tzinfo=UTC))
@example("last week before 0001-01-01", datetime.min.replace(tzinfo=UTC))
def test_any_text_at_any_time_has_few_spans_in_order_and_in_the_calendar(text, now):
    named = find_spans(text, now)
    assert len(named) <= MOST_SPANS
    for span in named:
        assert span.start < span.end
        assert span.start.tzinfo is UTC
        assert span.end.tzinfo is UTC
        assert span.grain in GRAINS


@given(st.text(st.characters(exclude_categories=["Nd"], exclude_characters="aeiouAEIOUäÄ"), max_size=200), MOMENTS)
def test_a_text_without_digits_and_without_vowels_names_no_date(text, now):
    assert find_spans(text, now) == ()  # every word of a date has a vowel


@given(st.sampled_from(ONE_DAY + LONGER))
def test_capitals_and_spaces_around_a_date_change_nothing(case):
    text = case[0]
    assert find_spans(f"  ({text})  ", NOW) == find_spans(text, NOW)


def span_of(grain):
    return Span(datetime(2023, 5, 8, tzinfo=UTC), datetime(2023, 5, 9, tzinfo=UTC), grain)


@pytest.mark.parametrize(
    ("grain", "days_from_the_end", "expected"),
    [
        ("day", -0.5, 1.0), ("day", -1, 1.0), ("day", 0, 1.0), ("day", 7, 0.5), ("day", 14, 0.0), ("day", 100, 0.0),
        ("day", -2, 0.2), ("day", -4, 0.0), ("day", -100, 0.0),
        ("week", -0.5, 1.0), ("week", 3.5, 0.75), ("week", 14, 0.0), ("week", -2.5, 0.15), ("week", -4, 0.0),
        ("month", -0.5, 1.0), ("month", 0, 0.5), ("month", 30.9, 0.5), ("month", 31, 0.0), ("month", -1.1, 0.0),
        ("year", -0.5, 0.3), ("year", 0, 0.0), ("year", -1.1, 0.0),
    ],
)  # fmt: skip
def test_a_memory_is_near_a_span_as_the_table_says(grain, days_from_the_end, expected):
    span = span_of(grain)
    assert compute_nearness(span, span.end + timedelta(days=days_from_the_end)) == pytest.approx(expected)


@given(MOMENTS, MOMENTS, MOMENTS, st.sampled_from(GRAINS))
def test_nearness_is_between_zero_and_one_and_nowhere_more_than_inside(one, other, at, grain):
    if one == other:
        return
    span = Span(min(one, other), max(one, other), grain)
    assert 0 <= compute_nearness(span, at) <= compute_nearness(span, span.start) <= 1


@given(st.timedeltas(timedelta(0), timedelta(days=40)), st.timedeltas(timedelta(0), timedelta(days=40)))
def test_who_is_further_from_a_day_is_not_nearer(one, other):
    span = span_of("day")
    near, far = sorted((one, other))
    assert compute_nearness(span, span.end + near) >= compute_nearness(span, span.end + far)
    assert compute_nearness(span, span.start - near) >= compute_nearness(span, span.start - far)
