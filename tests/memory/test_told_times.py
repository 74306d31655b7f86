"""The time at which a text plainly says that it happened, and all the dates that say something else."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from server.memory.dates.told import MOST_CHARACTERS, find_told_time

#: A Monday.
NOW = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)


def find_day(text, now=NOW, zone: tzinfo = UTC):
    told = find_told_time(text, now, zone)
    return None if told is None else f"{told:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Yesterday we moved to Postgres.", "2026-11-29"),
        ("Last night's backup failed", "2026-11-29"),
        ("The demo went well last Friday.", "2026-11-27"),
        ("Two weeks ago the disk was full", "2026-11-16"),
        ("Last week we decided to use gRPC", "2026-11-26"),
        ("On 3 May 2026 we moved to Postgres", "2026-05-03"),
        ("On May 3rd, 2026 Ann joined", "2026-05-03"),
        ("2026-05-03: the backup failed", "2026-05-03"),
        ("In May 2026 we switched to uv", "2026-05-16"),
        ("Yesterday we decided to launch on 3 March 2027", "2026-11-29"),
        ("Gestern haben wir auf Postgres umgestellt", "2026-11-29"),
        ("Vor zwei Wochen war die Platte voll", "2026-11-16"),
        ("Am 3.5.2026 war die Abnahme", "2026-05-03"),
        ("Hier nous avons décidé de garder Redis", "2026-11-29"),
        ("Le 3 mai 2026 nous avons choisi Postgres", "2026-05-03"),
        ("Il y a trois jours le disque était plein", "2026-11-27"),
        ("Ayer decidimos usar gRPC", "2026-11-29"),
        ("El 3 de mayo de 2026 elegimos Postgres", "2026-05-03"),
        ("Ieri abbiamo scelto Postgres", "2026-11-29"),
        ("Ontem escolhemos Postgres", "2026-11-29"),
        ("Gisteren kozen we Postgres", "2026-11-29"),
        ("Вчера мы выбрали Postgres", "2026-11-29"),
        ("3 мая 2026 мы выбрали Postgres", "2026-05-03"),
        ("昨天我们决定用Postgres", "2026-11-29"),
        ("2026年5月3日に決めた", "2026-05-03"),
        ("三天前决定", "2026-11-27"),
    ],
)
def test_a_plain_time_of_the_past_is_read(text, day):
    assert find_day(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "The deploy key is in the vault",
        "Today we shipped 2.0",  # the time of storing says as much
        "The demo is on Friday",
        "On 3 May we moved",  # of which year?
        "The contract ends on 3 May 2027",
        "Since 3 May 2026 we use Postgres",
        "The deadline is 3 May 2026",
        "Ann was born on 3 May 1990",
        "From 3 May to 5 May 2026 we were in Graz",
        "We moved on 3 May 2024, and back on 5 June 2025",
        "The port is 2026",
        "tests/report-2026-05-03.pdf has the figures",
        "Hier ist der Schlüssel",
        "I painted that sunrise last year",
        "yesterday " + "x " * (MOST_CHARACTERS // 2),
        "",
    ],
)
def test_a_date_that_says_something_else_is_no_time_of_a_memory(text):
    assert find_day(text) is None


def test_days_are_those_of_the_time_zone_and_shown_as_such_in_utc():
    early = datetime(2026, 11, 30, 0, 30, tzinfo=UTC)
    for name, day in (("UTC", "2026-11-29"), ("America/New_York", "2026-11-28"), ("Pacific/Auckland", "2026-11-29")):
        assert find_day("We moved yesterday", early, ZoneInfo(name)) == day
    for name in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 14 hours before UTC, and 11 behind it
        assert find_day("On 3 May 2026 we moved", zone=ZoneInfo(name)) == "2026-05-03"


def test_the_edges_of_the_calendar_are_no_error():
    for now in (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)):
        for zone in (UTC, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")):
            for text in ("999 months ago", "vor 999 Monaten", "999 days ago", "yesterday", "letzte Woche"):
                find_told_time(f"We moved {text}", now, zone)
