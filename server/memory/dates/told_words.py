# ruff: noqa: RUF001 - Cyrillic letters are meant
"""Words of dates in stored texts, in the languages that the grammar of dates does not read. All in small letters."""

from collections.abc import Mapping
from typing import Literal

from server.memory.dates.stretches import STRETCHES, Stretch

Unit = Literal["day", "week", "month"]
#: The stretches that are over, with the phrases for them. "hier" is also a German word.
PAST: Mapping[Stretch, tuple[str, ...]] = {
    name: STRETCHES[name] for name in ("yesterday", "before yesterday", "last week", "last month")
}
AMBIGUOUS = frozenset({"hier"})
FRENCH = r"\b(?:nous|avons|avez|ont|j'ai|on\sa|les|une|est|dans|avec|pour|été|et)\b"

#: "3 days ago": the pattern around the number and the unit, and the words of each unit.
AGO: tuple[tuple[str, Mapping[Unit, str]], ...] = (
    (r"\bvor\s{count}\s{unit}\b", {"day": "tage?n?", "week": "wochen?", "month": "monate?n?"}),
    (r"\bil\sy\sa\s{count}\s{unit}\b", {"day": "jours?", "week": "semaines?", "month": "mois"}),
    (r"\bhace\s{count}\s{unit}\b", {"day": "días?", "week": "semanas?", "month": "mes(?:es)?"}),
    (r"\bhá\s{count}\s{unit}\b", {"day": "dias?", "week": "semanas?", "month": "mês|meses"}),
    (r"\b{count}\s{unit}\sfa\b", {"day": "giorn[io]", "week": "settiman[ae]", "month": "mes[ei]"}),
    (r"\b{count}\s{unit}\sgeleden\b", {"day": "dag(?:en)?", "week": "we(?:ek|ken)", "month": "maand(?:en)?"}),
    (r"\b{count}\s{unit}\sназад\b", {"day": "день|дня|дней", "week": "недел[юиь]|недели", "month": "месяц(?:а|ев)?"}),
    (r"{count}\s?{unit}前", {"day": "天|日", "week": "周|週間|个?星期|個?星期", "month": "个月|個月|か月|ヶ月|ヵ月"}),
)
#: Numbers as words. "vor einem Monat", "il y a une semaine", "两天前".
NUMBERS: Mapping[int, str] = {
    1: "ein einem einer un une una uno um uma een één один одну 一",
    2: "zwei deux dos due dois duas twee два две 二 两 兩",
    3: "drei trois tres tre três drie три 三",
    4: "vier quatre cuatro quattro quatro четыре 四",
    5: "fünf cinq cinco cinque vijf пять 五",
    6: "sechs six seis sei zes шесть 六",
    7: "sieben sept siete sette sete zeven семь 七",
    8: "acht huit ocho otto oito восемь 八",
    9: "neun neuf nueve nove negen девять 九",
    10: "zehn dix diez dieci dez tien десять 十",
}
#: The names of months beside a day or a year.
MONTHS = (
    "janvier enero gennaio janeiro januari января январе",
    "février fevrier febrero febbraio fevereiro februari февраля феврале",
    "mars marzo março maart марта марте",
    "avril abril aprile апреля апреле",
    "mai mayo maggio maio mei мая мае",
    "juin junio giugno junho juni июня июне",
    "juillet julio luglio julho juli июля июле",
    "août aout agosto augustus августа августе",
    "septembre septiembre settembre setembro сентября сентябре",
    "octobre octubre ottobre outubro октября октябре",
    "novembre noviembre novembro ноября ноябре",
    "décembre decembre diciembre dicembre dezembro декабря декабре",
)
#: A date after one of these, in the same clause, is not when something happened: it ends, begins or bounds something.
BOUNDING = (
    # English
    "since after before until till by from between born birthday due expires expired valid starting starts effective",
    "deadline founded is are be will would should as",
    # German
    "seit nach vor bis ab zwischen geboren geburtstag fällig gültig ist sind wird werden",
    # French, Spanish, Italian, Portuguese, Dutch
    "depuis après avant jusqu'au jusqu'à dès né née est sont sera desde después antes hasta nacido nació es son será",
    "da dal dopo prima fino nato nata è sono sarà depois até nasceu é são sinds na voor tot vanaf geboren is zijn",
    # Russian
    "с после до по родился родилась будет",
)
