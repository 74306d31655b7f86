"""Questions as people type them: with errors, in any script, and with only part of an identifier."""

from pathlib import Path

import pytest

from tests.helpers.doors import call_rest

pytestmark = pytest.mark.anyio

SETS = Path(__file__).parents[3] / "benchmarks" / "languages"


async def search(person, query, **more):
    answer = await call_rest(person, "search", {"query": query, **more})
    assert answer.error is None
    return [each["content"] for each in answer.body["memories"]]


async def test_a_question_with_typing_errors_finds_what_was_meant_below_an_exact_match(ann):
    meant = "We took the postgres choice for billing"
    await ann.store(meant)
    await ann.store("The garden gate is green")
    assert await search(ann, "postgress chioce for biling") == [meant]
    exact = "The biling is a rare bird"
    await ann.store(exact)
    assert (await search(ann, "biling"))[0] == exact


async def test_a_word_that_was_just_stored_changed_or_deleted_is_known_or_unknown_at_once(ann):
    await ann.store("The garden gate is green")
    assert await search(ann, "kubernets") == []
    memory_id = await ann.store("We run kubernetes")
    assert await search(ann, "kubernets") == ["We run kubernetes"]
    answer = await call_rest(ann, "update_memory", {"id": memory_id, "content": "We run nomad"})
    assert answer.error is None
    assert await search(ann, "kubernets") == []
    assert (await call_rest(ann, "delete_memory", {"id": memory_id})).error is None
    assert await search(ann, "nommad cluster") == []


async def test_the_words_of_other_people_correct_nothing(ann, bob):
    await bob.store("We run kubernetes")
    await ann.store("The garden gate is green")
    assert await search(ann, "kubernets") == []


async def test_chinese_grammar_finds_nothing_and_the_backup_comes_before_the_tea(ann):
    await ann.store("小李什么时候都喜欢喝乌龙茶")
    await ann.store("数据库备份每天凌晨三点自动运行")
    assert (await search(ann, "备份什么时候跑"))[0].startswith("数据库备份")
    assert await search(ann, "你好呀") == []


@pytest.mark.parametrize("path", sorted(SETS.glob("*.txt")), ids=lambda path: path.stem)
async def test_a_language_is_recalled_by_its_words_at_default_settings(ann, path):
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" | ") for line in lines if " | " in line]
    unrelated = [line[2:] for line in lines if line.startswith("? ")]
    answer = await call_rest(ann, "ingest_memories", {"memories": [{"content": fact} for fact, _ in pairs]})
    assert answer.error is None
    missed = [question for fact, question in pairs if fact not in await search(ann, question, limit=3)]
    false = [prompt for prompt in unrelated if await search(ann, prompt)]
    assert len(missed) <= len(pairs) // 20, missed
    assert len(false) <= len(unrelated) // 10, false
