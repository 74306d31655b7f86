"""The memories in the answer of a language model."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.memory.extraction import ExtractedMemory, parse_memories

TEA = {"content": " Ann likes tea ", "type": "preference", "tags": ["Tea", "tea", "ann"]}
FOUND = [ExtractedMemory("Ann likes tea", "preference", ["tea", "ann"])]


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps([TEA]),
        f"```json\n{json.dumps([TEA])}\n```",
        f"Here they are:\n{json.dumps([TEA], indent=1)}\nThat is all.",
        f"<think>note [a]</think>The [1] memory:\n{json.dumps([TEA], indent=1)}\nIt is from line [7].",
        json.dumps(
            [TEA, TEA, {"content": ""}, {"type": "fact"}, {"content": 5}, "tea", None, {"content": "x" * 40_000}]
        ),
    ],
)
def test_the_array_is_found_and_each_memory_is_read_once(answer):
    assert parse_memories(answer, 20) == FOUND


@pytest.mark.parametrize("answer", ["", "I found nothing.", "[1, 2", '{"content": "x"}', "[" * 100_000])
def test_an_answer_without_an_array_is_none(answer):
    assert parse_memories(answer, 20) is None


@pytest.mark.parametrize(
    "answer", ["[" * 400_000, "```\n" + "\n" * 20_000 + "x", "```" + " \n" * 8000, "[ " * 200_000, "[" + " " * 400_000]
)
def test_an_answer_that_is_made_to_be_slow_to_read_is_read_at_once(answer):
    began = time.process_time()
    assert parse_memories(answer, 20) is None
    assert time.process_time() - began < 1


def test_an_unknown_type_is_an_observation_and_there_are_at_most_so_many_memories_and_tags():
    entries = [{"content": f"{n}", "type": "mood", "tags": [f"t{k}" for k in range(9)]} for n in range(5)]
    found = parse_memories(json.dumps(entries), 3)
    assert found is not None
    assert [each.content for each in found] == ["0", "1", "2"]
    assert {each.type for each in found} == {"observation"}
    assert [len(each.tags) for each in found] == [7] * 3


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["content", "type", "tags"]), inner),
    max_leaves=8,
)


@settings(max_examples=60)
@given(JSON)
def test_whatever_a_model_answers_every_memory_can_be_stored(value):
    for each in parse_memories(json.dumps(value), 20) or []:
        assert each.content.strip() == each.content != ""
        assert "\x00" not in each.content
        each.content.encode()
        assert all(tag and tag == tag.lower() for tag in each.tags)
