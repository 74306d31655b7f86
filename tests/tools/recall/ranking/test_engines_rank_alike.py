"""The embedded engine and a Qdrant server give the same recall, to a thousandth in every figure."""

from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.doubles.qdrant_rest import QdrantDouble, serve_double
from tests.helpers.clock import Clock
from tests.helpers.doors import call_rest
from tests.helpers.site import open_site

pytestmark = pytest.mark.anyio

TALK = [
    (
        "Ann",
        "We are moving the shop from MySQL to Postgres in March",
        {"occurred_at": "2026-03-02", "tags": ["database"]},
    ),
    ("Ben", "Why not stay where we are?", {}),
    ("Ann", "Because of the JSON indexes", {}),
    ("Ben", "Then who restores the dump of the orders?", {"entity": "orders"}),
    ("Cleo", "I do, on Friday, when I am back from Lisbon", {"occurred_at": "2026-11-20"}),
    ("Ben", "Fine. The staging server is called egret", {"project": "heron"}),
    ("Ann", "Deploys go out on Tuesdays", {"type": "decision"}),
    ("Cleo", "The bicycle in the hall is mine, please do not move it", {}),
    ("Ben", "I prefer green tea in the afternoon", {"type": "preference"}),
    ("Ann", "Coffee for me, without sugar", {"type": "preference"}),
    ("Cleo", "src/app.py reads its settings from the environment", {"tags": ["code"]}),
    ("Ben", "Deploys go out on  tuesdays", {}),
    ("Ann", "我把钥匙放在厨房里了", {}),
]
QUESTIONS = [
    "Why did we choose Postgres?",
    "Who restores the orders, and when?",
    "What does Ben like to drink?",
    "what was said last week",
    "staging",
    "Where is src/app.py configured?",
    "when do deploys go out",
    "钥匙在哪里",
    "What is the capital of Mongolia?",
    "Cleo's bike",
]
ASKED = [
    {},
    {"limit": 2},
    {"project": "heron"},
    {"scope": "project"},
    {"type": ["preference"]},
    {"tags": ["CODE", "database"]},
    {"author": "Ben"},
    {"max_tokens": 80},
]
SHOWN = ("content", "score", "keyword_score", "vector_score")


@asynccontextmanager
async def open_with_talk(settings):
    """Somebody on a server with these settings, who remembers the talk."""
    clock = Clock()
    async with open_site(settings, clock) as site:
        if settings.embedding_model != "none":
            await site.services.encoder.source.wait_ready()
        ann = await site.add_person("ann")
        for author, text, more in TALK:
            await ann.store(text, author=author, session="s", **more)
            clock.move(minutes=1)  # among equals the newer id goes first
        gone = await ann.store("MySQL is what we stay with", session="s")
        await call_rest(ann, "delete_memory", {"id": gone})
        yield ann


# The two engines add the products of two vectors up in different orders, so a figure that lies
# between two thousandths may be rounded up by one of them and down by the other.
TOLERANCE = 0.0011


def check_alike(served, embedded, where=()):
    """Fail unless the two are equal but for `TOLERANCE` in their fractions; `where` is the way to this part."""
    if isinstance(embedded, float):
        assert served == pytest.approx(embedded, abs=TOLERANCE), where
    elif isinstance(embedded, dict):
        assert list(served) == list(embedded), where
        for key, value in embedded.items():
            check_alike(served[key], value, (*where, key))
    elif isinstance(embedded, (list, tuple)):
        assert len(served) == len(embedded), where
        for place, value in enumerate(embedded):
            check_alike(served[place], value, (*where, place))
    else:
        assert served == embedded, where


async def recall_all(person):
    """Return the answers to every question: contents, scores and reasons."""
    found = {}
    for question in QUESTIONS:
        for number, how in enumerate(ASKED):
            arguments = {"message": question, "explain": True, "track_access": False, **how}
            answer = await call_rest(person, "retrieve_context", arguments)
            assert answer.error is None, answer.text
            said = answer.body["memories"]
            reasons = sorted(each["reason"] for each in said["omitted"])
            matches = [{name: each[name] for name in SHOWN} for each in said["matches"]]
            whys = [each["why"] for each in said["matches"]]
            found[question, number] = (matches, reasons, said["ranking"], said["query_terms"], whys)
            plain = (await call_rest(person, "retrieve_context", arguments | {"explain": False})).body["memories"][
                "matches"
            ]
            assert [{name: each[name] for name in SHOWN} for each in plain] == matches, "explaining changes nothing"
    return found


@pytest.fixture
def settings_of(settings, tmp_path):
    """Settings of a server: (name, URL of a Qdrant server or none, folder of models or none)."""

    def make(name, url="", models: Path | None = None):
        data_dir = tmp_path / name
        data_dir.mkdir()
        if models is not None:
            (data_dir / "models").symlink_to(models)
        model = "auto" if models else "none"
        return settings.model_copy(update={"data_dir": data_dir, "qdrant_url": url, "embedding_model": model})

    return make


@pytest.mark.parametrize("with_model", [False, True])
async def test_both_engines_recall_the_same_in_the_same_order(settings_of, tmp_path, models, with_model):
    folder = models if with_model else None
    async with open_with_talk(settings_of("edge", models=folder)) as ann:
        embedded = await recall_all(ann)
    (tmp_path / "double").mkdir()
    with serve_double(QdrantDouble(tmp_path / "double")) as url:
        async with open_with_talk(settings_of("server", url, folder)) as ann:
            served = await recall_all(ann)
    check_alike(served, embedded)
    assert embedded["Why did we choose Postgres?", 0][0], "something is recalled"
    assert embedded["What is the capital of Mongolia?", 0][0] == []
    for (question, _), each in embedded.items():
        # The model knows no Chinese.
        assert each[2] == ("hybrid" if with_model and question.isascii() else "keyword"), question
