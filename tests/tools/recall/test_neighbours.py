"""A turn of a conversation is found by what was said just before it, as long as that stands."""

import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ann(site):
    return await site.add_person("ann")


async def search_contents(ann, words):
    answer = await ann.call("search", {"query": words, "limit": 30})
    return {memory["content"] for memory in answer["memories"]}


@pytest.fixture
async def talk(ann):
    """Three turns of one session, and one of another between them."""
    ids = {}
    for text, session in (("Lisbon or Porto?", "a"), ("Nothing here", "b"), ("The second one", "a"), ("In May", "a")):
        ids[text] = await ann.store(text, session=session)
    return ids


@pytest.mark.usefixtures("talk")
async def test_the_two_turns_after_a_word_are_found_by_it_and_other_sessions_are_not(ann):
    assert await search_contents(ann, "Lisbon") == {"Lisbon or Porto?", "The second one", "In May"}
    await ann.store("Agreed", session="a")
    assert "Agreed" not in await search_contents(ann, "Lisbon")


async def test_a_turn_that_says_something_else_now_takes_its_followers_with_it(ann, talk):
    await ann.call("update_memory", {"id": talk["Lisbon or Porto?"], "content": "Rome or Milan?"})
    assert await search_contents(ann, "Lisbon") == set()
    assert await search_contents(ann, "Milan") == {"Rome or Milan?", "The second one", "In May"}


async def test_a_turn_that_moves_to_another_session_leaves_the_one_and_leads_the_other(ann, talk):
    await ann.call("update_memory", {"id": talk["Lisbon or Porto?"], "session": "b"})
    assert await search_contents(ann, "Lisbon") == {"Lisbon or Porto?", "Nothing here"}


@pytest.mark.parametrize("erase", [False, True])
async def test_a_deleted_turn_is_found_by_nobody_any_more(ann, talk, erase):
    await ann.call("delete_memory", {"id": talk["Lisbon or Porto?"], "erase": erase})
    assert await search_contents(ann, "Lisbon") == set()
    assert await search_contents(ann, "second") == {"The second one", "In May"}


async def test_a_merged_turn_is_found_by_what_was_said_before_its_sources_as_long_as_that_stands(ann, talk):
    await ann.store("Where do we stay?", session="c")
    again = await ann.store("The second one!", session="c")
    merged = {"source_ids": [talk["The second one"], again], "content": "The second one, twice"}
    run = (await ann.call("consolidate_group", merged))["run"]
    assert await search_contents(ann, "Lisbon") == {"Lisbon or Porto?", "The second one, twice", "In May"}
    assert await search_contents(ann, "stay") == {"Where do we stay?", "The second one, twice"}
    await ann.call("update_memory", {"id": talk["Lisbon or Porto?"], "content": "Rome or Milan?"})
    assert await search_contents(ann, "Lisbon") == set()
    assert await search_contents(ann, "Milan") == {"Rome or Milan?", "The second one, twice", "In May"}
    await ann.call("delete_memory", {"id": talk["Lisbon or Porto?"], "erase": True})
    assert await search_contents(ann, "Milan") == set()
    await ann.call("undo_consolidation", {"run": run})
    assert await search_contents(ann, "stay") == {"Where do we stay?", "The second one!"}


async def test_what_is_built_anew_finds_the_same(ann, talk, site):
    before = await search_contents(ann, "Lisbon")
    workspace = await site.services.directory.find_workspace(ann.account_id, "default")
    await site.services.projection.forget(workspace.id)
    assert await search_contents(ann, "Lisbon") == before
    assert len(before) == len(talk) - 1
