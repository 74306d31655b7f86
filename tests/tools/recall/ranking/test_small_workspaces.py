"""Recall among a few memories, where the rarity of a word says little."""

import pytest

from tests.helpers.doors import call_tool

pytestmark = pytest.mark.anyio

LONG = " ".join(f"w{n}" for n in range(5_000))


async def find(person, question, workspace):
    """Return the contents that a question finds, cut to their first words."""
    answer = await call_tool(person, "search", {"query": question, "workspace": workspace})
    assert answer.error is None, answer.text
    return {each["content"][:30] for each in answer.body["memories"]}


@pytest.mark.parametrize("rest", ["", LONG], ids=["short", "long"])
async def test_one_of_two_words_finds_what_there_is_in_a_workspace_of_one_to_three_memories(ann, rest):
    for many in (1, 2, 3):
        for holding in range(1, many + 1):
            workspace = f"w{many}{holding}"
            for n in range(many):
                await ann.store(f"{'kettle' if n < holding else 'harbour'} number {n} {rest}", workspace=workspace)
            found = await find(ann, "kettle ceremony", workspace)
            assert {each[:15] for each in found} == {f"kettle number {n}" for n in range(holding)}, workspace


async def test_one_of_six_words_finds_nothing_in_a_workspace_of_one_to_three_memories(ann):
    for many in (1, 2, 3):
        for n in range(many):
            await ann.store(f"kettle number {n}", workspace=f"w{many}")
        assert await find(ann, "kettle ceremony invitation letters printing deadline", f"w{many}") == set()
