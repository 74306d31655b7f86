# ruff: noqa: RUF001 - letters and signs of other scripts are meant
"""Questions about a time, a type or a person alone, and questions that only look like them."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from server.memory.recall.time_question import TYPES_OF_PERSON, TimeQuestion, read_time_question

#: A Monday.
NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
YESTERDAY = ("2026-11-29", "2026-11-30")
LAST_WEEK = ("2026-11-23", "2026-11-30")
OCTOBER = ("2026-10-01", "2026-11-01")


def read(text: str, now: datetime = NOW, zone: tzinfo = UTC) -> Any:
    return read_time_question(text, now, zone)


def days(found):
    """The first day and the day after the last one of what a question asks for; None if it names no time."""
    assert found is not None
    return None if found.start is None else (found.start.date().isoformat(), found.end.date().isoformat())


LANGUAGES = {
    "en": ("what did we decide last week", "What happened in October?", "what’s new?", "what did I work on yesterday?"),
    "de": (
        "was haben wir letzte Woche entschieden?",
        "Was ist im Oktober passiert?",
        "Was gibt es Neues?",
        "was habe ich gestern gemacht?",
    ),
    "fr": (
        "qu'est-ce qu'on a décidé la semaine dernière ?",
        "qu'est-ce qui s'est passé en octobre ?",
        "quoi de neuf ?",
        "sur quoi ai-je travaillé hier ?",
    ),
    "es": ("¿qué decidimos la semana pasada?", "¿qué pasó en octubre?", "¿qué hay de nuevo?", "¿en qué trabajé ayer?"),
    "it": (
        "cosa abbiamo deciso la settimana scorsa?",
        "cosa è successo in ottobre?",
        "cosa c'è di nuovo?",
        "su cosa ho lavorato ieri?",
    ),
    "pt": (
        "o que decidimos na semana passada?",
        "o que aconteceu em outubro?",
        "o que há de novo?",
        "em que trabalhei ontem?",
    ),
    "nl": (
        "wat hebben we vorige week besloten?",
        "wat is er in oktober gebeurd?",
        "wat is er nieuw?",
        "waar heb ik gisteren aan gewerkt?",
    ),
    "ru": ("что мы решили на прошлой неделе?", "что произошло в октябре?", "что нового?", "над чем я работал вчера?"),
    "zh": ("我们上周决定了什么？", "十月发生了什么？", "有什么新消息？", "我昨天做了什么？"),
    "ja": (
        "先週何を決めましたか？",
        "10月に何が起きましたか？",
        "何か新しいことはありますか？",
        "昨日何をしましたか？",
    ),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_about_a_time_alone_are_read_in_ten_languages(language):
    decided, happened, newest, worked = map(read, LANGUAGES[language])
    assert (days(decided), decided.types) == (LAST_WEEK, ("decision",))
    assert (days(happened), happened.types) == (OCTOBER, ())
    assert newest == TimeQuestion()
    assert (days(worked), worked.types, worked.person) == (YESTERDAY, (), None)


ABOUT_ME = [
    *("what do you know about me?", "was weißt du über mich?", "que sais-tu de moi ?", "¿qué sabes de mí?"),
    *("cosa sai di me?", "o que você sabe sobre mim?", "wat weet je over mij?", "что ты знаешь обо мне?"),
    *("你知道我什么？", "私について何を知っていますか？"),
]


@pytest.mark.parametrize("text", ABOUT_ME)
def test_a_question_about_the_person_asks_for_preferences_and_instructions(text):
    assert read(text) == TimeQuestion(types=TYPES_OF_PERSON)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what happened on 3 October?", ("2026-10-03", "2026-10-04")),
        ("what did we do today?", ("2026-11-30", "2026-12-01")),
        ("what happened this week?", ("2026-11-30", "2026-12-07")),
        ("what did we do on Friday?", ("2026-11-27", "2026-11-28")),
        ("which decisions did we make in the last two weeks?", ("2026-11-16", "2026-12-01")),
        ("what have I missed since last Monday?", ("2026-11-23", "2026-12-01")),
        ("what happened in 2025?", ("2025-01-01", "2026-01-01")),
        ("list the decisions of last month", OCTOBER),
        ("what happened in December?", ("2025-12-01", "2026-01-01")),
    ],
)
def test_dates_are_stretches_of_days(text, expected):
    assert days(read(text)) == expected


def test_a_question_may_name_a_person_or_a_type_alone():
    found = read("What did Theo work on yesterday?")
    assert (days(found), found.person) == (YESTERDAY, "Theo")
    assert read("what did we decide?") == TimeQuestion(types=("decision",))
    assert read("what are my preferences?") == TimeQuestion(types=("preference",))


@pytest.mark.parametrize(
    "text",
    [
        "what did we decide about the database last week?",
        "what happened to the importer in October?",
        "why was checkout down in October?",
        "which database did we pick yesterday?",
        "what did Theo say about Redis last week",
        "what did the customer decide last week?",
        "was haben wir letzte Woche über Postgres entschieden?",
        "我们上周关于数据库决定了什么？",
        "先週データベースについて何を決めましたか？",
        "what's new in Python 3.13?",
        "is there anything new about the audit?",
        "what is the new plan?",
        "what do you know about Theo?",
        "when is Ben's birthday?",
        "who replaces Lukas in December?",
        "when did we decide that?",
        "fix the test that fails at night",
        *("hello", "thanks", "we", "what", "decision", "last week", "October", "", "?", " ", "\x00", "¿"),
        "what did we decide last week? " * 20,
    ],
)
def test_a_question_with_a_subject_and_a_word_alone_are_searched(text):
    assert read(text) is None


def test_a_day_begins_where_the_person_is():
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    tokyo = ZoneInfo("Asia/Tokyo")
    found = read("what did we do today?", late, tokyo)
    assert found.start == datetime(2026, 12, 1, tzinfo=tokyo)
    assert days(read("what did we do on Friday?", late, tokyo)) == ("2026-11-27", "2026-11-28")
    west = timezone(timedelta(hours=-12))
    assert days(read("what happened yesterday?", NOW, west)) == ("2026-11-28", "2026-11-29")
