"""Words for stretches of time that are counted from today, in ten languages. All are in small letters."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal

from server.memory.dates.months import add_months

_DAY = timedelta(days=1)
#: A stretch of time that is counted from today.
Stretch = Literal[
    "today", "yesterday", "before yesterday", "this week", "last week", "this month", "last month", "last year"
]


def split_phrases(text: str) -> tuple[str, ...]:
    """Return the phrases of a text, which stand between commas."""
    return tuple(phrase for each in text.split(",") if (phrase := " ".join(each.split())))


STRETCHES: Mapping[Stretch, tuple[str, ...]] = {
    "today": split_phrases(
        """
        today, heute, aujourd'hui, hoy, oggi, hoje, vandaag, сегодня, 今天, 今日, きょう
        """
    ),
    "yesterday": split_phrases(
        """
        yesterday, gestern, hier, ayer, ieri, ontem, gisteren, вчера, 昨天, 昨日, きのう
        """
    ),
    "before yesterday": split_phrases(
        """
        the day before yesterday, day before yesterday, vorgestern, avant-hier, anteayer, antes de ayer,
        l'altro ieri, anteontem, eergisteren, позавчера, 前天, おととい, 一昨日
        """
    ),
    "this week": split_phrases(
        """
        this week, diese woche, in dieser woche, cette semaine, esta semana, questa settimana, nesta semana,
        deze week, на этой неделе, 这周, 本周, 这个星期, 這週, 今週
        """
    ),
    "last week": split_phrases(
        """
        last week, letzte woche, in der letzten woche, vorige woche, la semaine dernière, la semaine passée,
        la semana pasada, la settimana scorsa, a semana passada, na semana passada, semana passada, vorige week,
        afgelopen week, на прошлой неделе, 上周, 上週, 上星期, 上个星期, 上個星期, 先週
        """
    ),
    "this month": split_phrases(
        """
        this month, diesen monat, in diesem monat, ce mois-ci, ce mois, este mes, questo mese, este mês,
        neste mês, deze maand, в этом месяце, 这个月, 本月, 這個月, 今月
        """
    ),
    "last month": split_phrases(
        """
        last month, letzten monat, im letzten monat, vorigen monat, le mois dernier, le mois passé,
        el mes pasado, il mese scorso, lo scorso mese, o mês passado, no mês passado, mês passado, vorige maand,
        afgelopen maand, в прошлом месяце, 上个月, 上個月, 上月, 先月
        """
    ),
    "last year": split_phrases(
        """
        last year, letztes jahr, im letzten jahr, l'année dernière, l'an dernier, el año pasado, l'anno scorso,
        o ano passado, no ano passado, ano passado, vorig jaar, afgelopen jaar, в прошлом году, 去年, 昨年
        """
    ),
}


def count_days(stretch: Stretch, today: date) -> tuple[date, date]:
    """Return the first day of a stretch, and the day after its last one."""
    monday, first = today - today.weekday() * _DAY, today.replace(day=1)
    days = {
        "today": (today, today + _DAY),
        "yesterday": (today - _DAY, today),
        "before yesterday": (today - 2 * _DAY, today - _DAY),
        "this week": (monday, monday + 7 * _DAY),
        "last week": (monday - 7 * _DAY, monday),
        "this month": (first, add_months(first, 1)),
        "last month": (add_months(first, -1), first),
        "last year": (date(today.year - 1, 1, 1), date(today.year, 1, 1)),
    }
    return days[stretch]
