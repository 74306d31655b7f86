"""Operators in a search, through every door; and a message that is never read for them."""

import pytest

from tests.helpers.doors import call_rest, call_tool

pytestmark = pytest.mark.anyio

EGRET = "The staging server is called egret"
HERON = "The server for staging data was a heron until May"
CHECKOUT = "Checkout pays by Stripe"
INVOICES = "Invoices go out by Klarna"


@pytest.fixture
async def birds(ann):
    """Somebody with some memories."""
    await ann.store(EGRET, type="fact", tags=["Infra"], author="Ann")
    await ann.store(HERON, type="decision", author="Ben")
    await ann.store(CHECKOUT, type="decision", project="webshop")
    await ann.store(INVOICES, type="decision", project="office")
    return ann


async def search(person, query, **arguments):
    """The contents that a search finds, alike through both doors."""
    sent = {"query": query, "track_access": False} | arguments
    over_rest, over_mcp = await call_rest(person, "search", sent), await call_tool(person, "search", sent)
    found = [each["content"] for each in over_rest.body["memories"]]
    assert found == [each["content"] for each in over_mcp.body["memories"]]
    return found


async def test_a_phrase_stands_in_the_text_word_for_word(birds):
    assert await search(birds, '"staging server"') == [EGRET]
    assert await search(birds, '"server staging"') == []


async def test_a_word_with_a_minus_is_in_no_answer(birds):
    assert await search(birds, "staging server -heron") == [EGRET]
    assert await search(birds, "staging server -author:Ann") == [HERON]


async def test_or_finds_what_fits_one_of_several(birds):
    assert set(await search(birds, "stripe OR klarna")) == {CHECKOUT, INVOICES}
    assert len(await search(birds, "stripe OR klarna", limit=1)) == 1


async def test_a_field_is_the_filter_of_that_name_and_the_argument_holds_as_well(birds):
    assert await search(birds, "staging type:decision") == [HERON]
    assert await search(birds, "staging tag:infra") == [EGRET]
    assert await search(birds, "staging type:decision", type=["fact"]) == []


async def test_fields_without_words_list_the_newest(birds):
    newest = [
        INVOICES,
        CHECKOUT,
        HERON,
    ]
    assert await search(birds, "type:decision") == newest
    assert await search(birds, "type:decision -klarna", limit=2) == newest[1:]
    answer = await call_rest(birds, "search", {"query": "type:decision"})
    assert answer.body["ranking"] == "recent"


async def test_a_query_that_only_its_operators_keep_empty_says_so(birds):
    answer = await call_rest(birds, "search", {"query": "staging -staging"})
    assert answer.body["memories"] == []
    assert "operators" in answer.body["meta"]["notice"]


async def test_a_phrase_is_found_behind_many_memories_with_the_same_words(ann):
    await ann.call("ingest_memories", {"memories": [{"content": f"server {n} for staging"} for n in range(60)]})
    await ann.store("Long ago somebody wrote that our staging server had a name; nobody knows which one it was")
    assert len(await search(ann, '"staging server"')) == 1


async def test_a_message_is_never_read_for_operators(birds):
    message = 'should I use "server staging" for -egret type:preference OR not?'
    context = await call_rest(birds, "retrieve_context", {"message": message, "include": ["memories"], "limit": 5})
    assert len(context.body["memories"]["matches"]) == 2
    linked = await call_tool(birds, "context", {"query": message}, path="/v1/mcp")
    assert len(linked.body["observations"]) == 2


async def test_a_withheld_memory_is_in_no_list_of_the_newest(birds):
    await birds.call("add_skip", {"item": "heron", "reason": "gone", "expires": "never"})
    await birds.call("set_setting", {"key": "skip_enforcement", "value": "withhold"})
    assert all("heron" not in each for each in await search(birds, "type:decision"))
