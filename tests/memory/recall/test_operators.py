"""The operators of a search: they are read from any text, and say which memories may be answered."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.memory.languages import Language
from server.memory.recall.operators import MOST_ALTERNATIVES, MOST_CONDITIONS, read_operators


@dataclass
class Remembered:
    """A memory."""

    content: str = "The staging server is called egret"
    type: str = "fact"
    tags: list[str] = field(default_factory=list)
    scope: str = "global"
    project: str | None = None
    entity: str | None = None
    author: str | None = None
    session: str | None = None


def divide(query):
    """The alternatives of a query that has operators."""
    alternatives = read_operators(query)
    assert alternatives is not None
    return alternatives


def admits(query: str, memory: Remembered | None = None, language: Language = "english"):
    """Whether one of a query's alternatives admits a memory."""
    return any(each.admits(memory or Remembered(), language) for each in read_operators(query) or ())


#: Pieces of which queries with many operators are made.
pieces = st.sampled_from(
    [
        '"',
        "“",
        "”",
        "«",
        "」",
        "-",
        "--",
        "OR",
        "or",
        "type:",
        "tag:",
        "scope:",
        "project:x",
        ":",
        "a",
        "B",
        "é",
        "备",
        "5",
    ]
)
queries = st.text() | st.lists(pieces | st.just(" "), max_size=30).map("".join)


@given(queries)
def test_any_text_is_read_and_none_raises(query):
    alternatives = read_operators(query)
    if alternatives is None:
        return
    assert 1 <= len(alternatives) <= MOST_ALTERNATIVES
    for each in alternatives:
        assert isinstance(each.admits(Remembered(query or "x"), "german"), bool)
        assert all(phrase in each.text for phrase in each.phrases)


@given(st.text())
def test_a_text_of_plain_words_has_no_operators(text):
    words = [word.strip(':-"“”„«»「」『』') for word in text.split()]
    plain = " ".join(word for word in words if word != "OR" and ":" not in word)
    if not any(sign in plain for sign in '"“”„«»「」『』'):
        assert read_operators(plain) is None


@pytest.mark.parametrize(
    "query",
    [
        "when can I ship to staging?",
        'a 5" disk and a 3" one',
        'it said "unbalanced',
        "» «",
        '"" "…"',
        "OR either",
        "this or that",
        "this OR",
        "-5 degrees, --write, - a list",
        "https://example.com note: type: scope:everywhere",
        "std::move C++ -> x",
    ],
)
def test_a_text_that_only_looks_like_operators_is_words(query):
    assert read_operators(query) is None


def test_a_query_is_divided_into_alternatives_with_their_own_conditions():
    first, second = divide('stripe -refund type:decision OR "pay pal" tag:money')
    assert (first.text, first.without, first.list_values("type")) == ("stripe", ("refund",), ["decision"])
    assert (second.text, second.phrases, second.list_values("tags")) == ("pay pal", ("pay pal",), ["money"])


def test_alternatives_beyond_the_most_are_words_of_the_last():
    alternatives = divide(" OR ".join(f"w{n}" for n in range(20)))
    assert len(alternatives) == MOST_ALTERNATIVES
    assert alternatives[-1].text.split()[-1] == "w19"


@pytest.mark.parametrize("sign", ["-w{}", '"w{}"', "tag:w{}", "-type:w{}"])
def test_conditions_beyond_the_most_are_words(sign):
    (alternative,) = divide(" ".join(sign.format(n) for n in range(20_000)))
    conditions = (alternative.phrases, alternative.without, alternative.fields, alternative.without_fields)
    assert sum(map(len, conditions)) == MOST_CONDITIONS
    assert alternative.text.endswith(sign.format(19_999))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"staging server"', True),
        ('"STAGING  server,"', True),
        ('"server staging"', False),
        ('"staging serve"', False),
        ("x -egret", False),
        ("x -egrets", False),
        ('x -"server is"', False),
        ("x -heron", True),
        ("type:fact", True),
        ("kind:decision", False),
        ("-type:fact", False),
        ("tag:infra", False),
        ("project:shop", True),
        ("-project:shop", True),
        ("scope:global author:Ann", False),
        ("author:Ann OR egret -heron", True),
    ],
)
def test_a_memory_is_admitted_by_its_text_and_its_fields(query, expected):
    assert admits(query) is expected


def test_several_values_of_a_field_are_a_choice_and_tags_have_no_case():
    memory = Remembered(type="decision", tags=["Infra"], author="Ann", scope="project", project="web shop")
    assert admits("type:fact type:decision tag:infra", memory)
    assert admits('project:"web shop" author:Ann', memory)
    assert not admits("project:other", memory)
    assert not admits('-project:"web shop"', memory)


@pytest.mark.parametrize(
    ("content", "query", "language"),
    [
        ("暂存服务器叫白鹭, 每周二部署", "「暂存服务器」", "english"),
        ("Die Straße nach Köln ist gesperrt", "“STRASSE nach koln”", "german"),
        ("Сервер называется цапля", "«сервер называется»", "russian"),
        ("السيرفر اسمه بلشون", '"اسمه بلشون"', "arabic"),
        ("सर्वर का नाम बगुला है", '"नाम बगुला"', "english"),
        ("스테이징 서버는 백로", '"스테이징 서버"', "english"),
        ("The ｄｅｐｌｏｙ key", '"deploy KEY"', "english"),  # noqa: RUF001 - the wide letters are meant
    ],
)
def test_phrases_and_words_to_leave_out_work_in_any_language(content, query, language):
    memory = Remembered(content)
    assert admits(query, memory, language)
    assert not admits(f"x -{query}", memory, language)
