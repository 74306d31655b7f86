"""The settings of a workspace through both doors: what may be set, by whom, and who sees it."""

import json

import pytest

from tests.helpers.doors import call_rest, call_tool, check_refusal, read_answer, read_totals
from tools.settings import SETTING_NAMES

pytestmark = pytest.mark.anyio


async def values(person, **where):
    """Every setting's value, by key."""
    answer = await person.call("get_settings", where)
    return {each["key"]: each["value"] for each in answer["settings"]}


async def seen_by_recall(site, person, name="default"):
    """The settings as every other operation sees them."""
    return (await site.services.directory.find_workspace(person.account_id, name)).settings


async def test_a_setting_set_through_one_door_is_read_through_the_other(ann, site):
    assert (await call_tool(ann, "set_setting", {"key": "recall_alpha", "value": 0.7})).body["value"] == 0.7
    assert (await call_rest(ann, "set_setting", {"key": "language", "value": "german"})).body["value"] == "german"
    over_rest = {each["key"]: each["value"] for each in (await call_rest(ann, "get_settings", {})).body["settings"]}
    assert over_rest == await values(ann)
    assert (over_rest["recall_alpha"], over_rest["language"], over_rest["half_life_days"]) == (0.7, "german", 7.0)
    found = await seen_by_recall(site, ann)
    assert (found.recall_alpha, found.language) == (0.7, "german")


async def test_a_setting_that_is_reset_has_its_default_again(ann, site):
    for name, door in (("recall_alpha", call_rest), ("half_life_days", call_tool)):
        await call_rest(ann, "set_setting", {"key": name, "value": 1})
        for _ in range(2):
            assert (await door(ann, "reset_setting", {"key": name})).error is None
    assert await seen_by_recall(site, ann) == type(await seen_by_recall(site, ann))()


async def test_all_settings_are_listed_in_order_with_their_defaults_and_times(ann):
    await call_rest(ann, "set_setting", {"key": "stop_words", "value": ["heron"]})
    listed = (await call_rest(ann, "get_settings", {})).body["settings"]
    assert tuple(each["key"] for each in listed) == SETTING_NAMES
    assert all(each["description"].endswith(".") for each in listed)
    (words,) = [each for each in listed if each["updated_at"] is not None]
    assert (words["value"], words["default"], words["updated_at"]) == (["heron"], [], "2026-11-21T12:00:00.000Z")


@pytest.mark.parametrize(
    ("key", "sent", "meant"),
    [
        ("recall_alpha", "0.7", 0.7),
        ("recall_alpha", " 1 ", 1.0),
        ("half_life_days", "14", 14.0),
        ("stop_words", "heron, Egret,", ["heron", "egret"]),
        ("stop_words", '["heron"]', ["heron"]),
        ("stop_words", "", []),
        ("half_lives", '{"fact": 30}', {"fact": 30.0}),
        ("language", "german", "german"),
        ("skip_enforcement", "withhold", "withhold"),
    ],
)
async def test_a_value_that_is_sent_as_text_is_read_as_what_it_means(ann, key, sent, meant):
    for door in (call_rest, call_tool):
        assert (await door(ann, "set_setting", {"key": key, "value": sent})).body["value"] == meant
        assert (await values(ann))[key] == meant


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("recall_alpha", 1.5, "value: recall_alpha: must be at most 1.0; you sent '1.5'."),
        ("recall_alpha", "-1", "value: recall_alpha: must be at least 0.0; you sent '-1'."),
        ("recall_alpha", "much", "value: recall_alpha: must be a number; you sent 'much'."),
        ("recall_alpha", "NaN", "value: must be a finite number"),
        ("recall_alpha", "1e999", "value: must be a finite number"),
        ("recall_alpha", True, "value: recall_alpha: must be a number"),
        ("recall_alpha", None, "value: recall_alpha: must be a number"),
        ("recall_threshold", [], "value: recall_threshold: must be a number"),
        ("language", "klingon", "value: language: must be one of 'arabic', 'danish'"),
        ("stop_words", ["a"] * 201, "value: stop_words: must have at most 200 entries"),
        ("stop_words", ["a" * 101], "value: stop_words.0: must have at most 100 characters"),
        ("stop_words", '["\\ud800"]', "value.0: has half a surrogate pair"),
        ("stop_words", '["\\u0000"]', "value.0: must not contain the NUL character"),
        ("stop_words", "[" * 70 + "]" * 70, "value: is nested more than 64 deep"),
        ("stop_words", "[" * 100_000, "value: stop_words.0: must have at most 100 characters"),
        ("skip_enforcement", "shout", "value: skip_enforcement: must be one of 'annotate' or 'withhold'"),
        ("half_life_days", 0, "value: half_life_days: must be more than 0"),
        ("half_life_days", 36_501, "value: half_life_days: must be at most 36500"),
        ("half_lives", {"fact": 0}, "value: half_lives.fact: must be more than 0"),
        ("half_lives", {f"t{n}": 1 for n in range(51)}, "value: half_lives: must have at most 50 entries"),
        ("half_lives", {" ": 1}, "must have at least 1 character"),
        ("half_lives", "soon", "value: half_lives: must be an object"),
        ("consolidation_share", -0.1, "value: consolidation_share: must be at least 0"),
        ("consolidation", "always", "value: consolidation: must be one of 'off', 'duplicates' or 'tags'"),
        ("consolidation_share", 1.01, "value: consolidation_share: must be at most 1"),
        ("colour", "blue", "key: there is no setting 'colour'; settings are recall_alpha, recall_threshold, "),
    ],
    ids=lambda each: str(each)[:20],
)
async def test_a_value_out_of_bounds_is_refused_by_name_and_sets_nothing(ann, key, value, says):
    before = await read_totals(ann)
    await check_refusal(ann, "set_setting", {"key": key, "value": value}, says=says)
    assert await read_totals(ann) == before == {"memories": 0, "workspaces": 0, "keys": 1}


async def test_a_setting_that_is_not_known_cannot_be_reset_either(ann):
    await check_refusal(
        ann, "reset_setting", {"key": "colour"}, says="key: there is no setting 'colour'; settings are "
    )


async def test_two_people_have_settings_of_their_own(ann, bob, site):
    await ann.store("x")
    await bob.store("x")
    await call_rest(ann, "set_setting", {"key": "recall_alpha", "value": 0.7})
    await call_rest(bob, "set_setting", {"key": "recall_alpha", "value": 0.1})
    await call_rest(bob, "reset_setting", {"key": "language"})
    assert (await values(ann))["recall_alpha"] == (await seen_by_recall(site, ann)).recall_alpha == 0.7
    assert (await values(bob))["recall_alpha"] == (await seen_by_recall(site, bob)).recall_alpha == 0.1
    for name, arguments in (
        ("get_settings", {}),
        ("set_setting", {"key": "recall_alpha", "value": 0}),
        ("reset_setting", {"key": "recall_alpha"}),
    ):
        for door in (call_rest, call_tool):
            assert (await door(ann, name, arguments | {"workspace": "bob/default"})).error == "not_found"
    assert (await values(bob))["recall_alpha"] == 0.1


async def test_each_workspace_has_settings_of_its_own(ann, site):
    await call_rest(ann, "set_setting", {"key": "recall_alpha", "value": 0.7, "workspace": "notes"})
    assert (await seen_by_recall(site, ann, "notes")).recall_alpha == 0.7
    answer = await ann.call("get_settings")
    assert answer["meta"] == {"workspace": "default", "workspace_exists": False}
    assert (await values(ann))["recall_alpha"] == 0.5


async def test_who_may_only_read_sees_settings_and_changes_none(ann, site):
    reader = await site.add_person("ann", scopes=["memory:read"])
    assert (await values(reader))["recall_alpha"] == 0.5
    assert (await call_rest(reader, "set_setting", {"key": "recall_alpha", "value": 1})).error == "insufficient_scope"
    assert (await call_rest(reader, "reset_setting", {"key": "recall_alpha"})).error == "insufficient_scope"
    assert (await values(ann))["recall_alpha"] == 0.5


def spoken(response):
    """The text that Memento's clients read."""
    return response.json()["content"][0]["text"]


async def test_memento_reads_what_was_set_as_json_text(ann):
    http = ann.http
    assert spoken(await http.get("/v1/settings")) == "[]"
    for key, value in (("recall_alpha", "0.7"), ("half_life_days", 14), ("half_lives", {"fact": 30})):
        assert (await http.put(f"/v1/settings/{key}", json={"value": value})).status_code == 200
    assert json.loads(spoken(await http.get("/v1/settings"))) == [
        {"key": "recall_alpha", "value": "0.7", "updated_at": "2026-11-21T12:00:00.000Z"},
        {"key": "half_life_days", "value": "14", "updated_at": "2026-11-21T12:00:00.000Z"},
        {"key": "half_lives", "value": '{"fact": 30.0}', "updated_at": "2026-11-21T12:00:00.000Z"},
    ]


async def test_memento_is_told_in_its_own_sentences(ann):
    http = ann.http
    put = await http.put("/v1/settings/recall_alpha", json={"value": "0.7"})
    assert (put.status_code, spoken(put)) == (200, 'Setting "recall_alpha" set to "0.7".')
    for _ in range(2):
        gone = await http.delete("/v1/settings/recall_alpha")
        assert (gone.status_code, spoken(gone)) == (200, 'Setting "recall_alpha" deleted (reverted to default).')
    assert read_answer(await http.put("/v1/settings/recall_alpha", json={})).text == "value: is required."
