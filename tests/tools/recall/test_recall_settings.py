"""The settings of a workspace change its recall: alpha, threshold, language, stop words."""

import pytest

from server.memory.recall.ranking import LATE_WEIGHT
from server.store.projection.upkeep.backfill import fill_gaps
from tests.helpers.doors import call_rest, call_tool

pytestmark = pytest.mark.anyio


async def search(person, query, **arguments):
    answer = await call_tool(person, "search", {"query": query, "limit": 10, **arguments})
    assert answer.error is None, answer.text
    return answer.body


def contents(answer):
    return [each["content"] for each in answer["memories"]]


async def setting(person, key, value):
    answer = await call_rest(person, "set_setting", {"key": key, "value": value})
    assert answer.error is None, answer.text


async def test_alpha_weighs_words_against_meaning(hybrid_site):
    ann = await hybrid_site.add_person("ann")
    by_words = await ann.store("The car park takes coins only")
    by_meaning = await ann.store("Repairing an automobile at home")
    orders = {}
    for alpha in (0.0, 1.0):
        await setting(ann, "recall_alpha", alpha)
        answer = await search(ann, "fixing a car", track_access=False, explain=True)
        assert answer["ranking"] == "hybrid"
        orders[alpha] = [each["id"] for each in answer["memories"]]
        for each in answer["memories"]:
            why, arms = each["why"], alpha * each["keyword_score"] + (1 - alpha) * each["vector_score"]
            late = 0.0 if alpha == 1 else LATE_WEIGHT
            assert why["fused"] == pytest.approx((1 - late) * arms + late * why["tokens"], abs=2e-3)
            assert why["score"] == pytest.approx(why["fused"] + sum(why["nudges"].values()), abs=3e-3)
    assert orders == {0.0: [by_meaning, by_words], 1.0: [by_words, by_meaning]}


async def test_a_threshold_of_one_leaves_only_what_has_every_word(ann):
    await ann.store("green tea")
    await ann.store("green paint")
    assert len(contents(await search(ann, "green tea"))) == 2
    await setting(ann, "recall_threshold", 1)
    assert contents(await search(ann, "green tea")) == ["green tea"]
    assert contents(await search(ann, "green tea quokka")) == []
    await call_rest(ann, "reset_setting", {"key": "recall_threshold"})
    assert len(contents(await search(ann, "green tea"))) == 2


async def test_a_threshold_of_one_empties_what_only_meaning_finds(hybrid_site):
    ann = await hybrid_site.add_person("ann")
    await ann.store("Repairing an automobile at home")
    assert len(contents(await search(ann, "fixing a car"))) == 1
    await setting(ann, "recall_threshold", 1)
    assert contents(await search(ann, "fixing a car")) == []


async def test_nothing_that_fits_is_an_answer_of_nothing(hybrid_site):
    ann = await hybrid_site.add_person("ann")
    for content in ("The staging server is called egret", "Deploys go out on Tuesdays", "Ann prefers green tea"):
        await ann.store(content)
    for question in ("Who won the chess championship in 1972?", "What is the capital of Mongolia?"):
        answer = await call_tool(ann, "retrieve_context", {"message": question, "explain": True})
        assert answer.body["memories"]["matches"] == []
        assert {each["reason"] for each in answer.body["memories"]["omitted"]} <= {"gate"}
    assert contents(await search(ann, "what does Ann like to drink?"))[0] == "Ann prefers green tea"


async def test_a_workspaces_language_is_followed_once_its_words_are_indexed_anew(ann, site):
    services = site.services
    await ann.store("Der Hund schläft", project="x")
    await ann.store("Die Katze bellt")
    workspace = await services.directory.find_workspace(ann.account_id, "default")
    assert contents(await search(ann, "Hunden")) == []
    await setting(ann, "language", "german")
    await fill_gaps(services.db, services.encoder, services.projection, services.now)
    assert (await services.projection.open_collection(workspace.id)).language == "german"
    assert contents(await search(ann, "Hunden")) == ["Der Hund schläft"]
    assert (await search(ann, "Wo ist der mit den Hunden?"))["query_terms"] == ["hunden"]
    await ann.store("Mit zwei Hunden mehr")
    assert set(contents(await search(ann, "Hund"))) == {"Der Hund schläft", "Mit zwei Hunden mehr"}
    await call_rest(ann, "reset_setting", {"key": "language"})
    await fill_gaps(services.db, services.encoder, services.projection, services.now)
    assert (await services.projection.open_collection(workspace.id)).language == "english"
    assert contents(await search(ann, "Hunden")) == ["Mit zwei Hunden mehr"]


async def test_another_workspace_keeps_its_language(ann, site):
    services = site.services
    await ann.store("Der Hund schläft")
    await ann.store("Der Hund schläft", workspace="attic")
    await setting(ann, "language", "german")
    await fill_gaps(services.db, services.encoder, services.projection, services.now)
    assert len(contents(await search(ann, "Hunden"))) == 1
    assert contents(await search(ann, "Hunden", workspace="attic")) == []
    attic = await services.directory.find_workspace(ann.account_id, "attic")
    assert (await services.projection.open_collection(attic.id)).language == "english"


async def test_a_workspaces_stop_words_are_not_looked_for(ann):
    await ann.store("the heron project has a budget")
    assert len(contents(await search(ann, "heron"))) == 1
    await setting(ann, "stop_words", ["Heron"])
    answer = await search(ann, "heron budget")
    assert answer["query_terms"] == ["budget"]
    assert contents(await search(ann, "heron paint")) == []


async def test_what_fits_much_less_comes_along_only_if_its_number_is_asked_for(ann):
    await ann.store("green tea from Uji")
    await ann.store("the paint of the door is green")
    for tool, question in (("search", "query"), ("retrieve_context", "message")):
        asked = {question: "green tea from Uji", "track_access": False}
        few, many = await call_tool(ann, tool, asked), await call_tool(ann, tool, {**asked, "limit": 10})
        assert [len(read_matches(each.body)) for each in (few, many)] == [1, 2]


def read_matches(body):
    return body["memories"] if isinstance(body["memories"], list) else body["memories"]["matches"]
