"""Texts that look like credentials are stored with a notice, refused or redacted, by every tool that stores."""

import asyncio

import pytest
from pydantic import BaseModel

from tests.helpers.doors import call_rest, call_tool, check_refusal
from tools.core.input.screening import screen

pytestmark = pytest.mark.anyio

KEY = "AKIA" + "QWERTYUIOP123456"
TEXT = f"The deploy user has {KEY} since Tuesday"
#: How each tool that stores text is called with the key in it.
WRITES = {
    "store_memory": {"content": TEXT},
    "ingest_memories": {"memories": [{"content": "Tea"}, {"content": TEXT}]},
    "update_working_memory": {"section": "active_work", "content": TEXT},
    "add_item": {"category": "active_work", "title": "Deploy", "content": TEXT},
    "add_skip": {"item": "deploys", "reason": TEXT, "expires": "2099-01-01"},
    "update_identity": {"crystal": TEXT},
    "add_golden": {"query": TEXT, "text": "Tea"},
}


async def set_rule(person, rule):
    assert (await call_rest(person, "set_setting", {"key": "secrets", "value": rule})).status == 200


@pytest.mark.parametrize("name", WRITES)
async def test_a_credential_is_stored_with_a_notice_that_names_its_kind_and_not_its_value(cat, name):
    answer = await call_tool(cat, name, WRITES[name])
    notice = answer.body["meta"]["notice"]
    assert "(AWS Access Key)" in notice
    assert KEY not in notice


async def test_a_changed_memory_is_looked_at_as_well_and_metadata_too(cat):
    memory_id = await cat.store("Tea")
    for change in ({"content": TEXT}, {"metadata": {"a": [{"b": KEY}]}}, {"tags": [KEY]}):
        answer = await call_tool(cat, "update_memory", {"id": memory_id} | change)
        assert "(AWS Access Key)" in answer.body["meta"]["notice"], change


async def test_the_keys_of_metadata_are_looked_at_and_no_answer_quotes_them(cat):
    sent = {"content": "Tea", "metadata": {"a": {KEY: 1}}}
    assert "(AWS Access Key)" in (await call_tool(cat, "store_memory", sent)).body["meta"]["notice"]
    await set_rule(cat, "refuse")
    answer = await call_rest(cat, "store_memory", sent)
    assert (answer.status, answer.body["field"]) == (400, "metadata.a")
    assert KEY not in answer.text
    await set_rule(cat, "redact")
    answer = await call_tool(cat, "store_memory", sent)
    assert answer.body["memory"]["metadata"] == {"a": {"[redacted: AWS Access Key]": 1}}


async def test_the_notice_joins_those_that_the_tool_has(cat):
    answer = await call_tool(cat, "store_memory", {"content": TEXT, "expires_at": "2001-01-01"})
    assert "in the past" in answer.body["meta"]["notice"]
    assert "(AWS Access Key)" in answer.body["meta"]["notice"]


async def test_a_question_with_a_credential_is_answered_without_a_word(cat):
    assert "notice" not in (await call_tool(cat, "search", {"query": TEXT})).body["meta"] or KEY not in str(
        (await call_tool(cat, "search", {"query": TEXT})).body["meta"]
    )


@pytest.mark.parametrize("name", WRITES)
async def test_a_workspace_can_refuse_credentials_and_stores_nothing(cat, name):
    await set_rule(cat, "refuse")
    await check_refusal(cat, name, WRITES[name], says="looks like a credential (AWS Access Key); remove it")
    assert KEY not in (await call_rest(cat, name, WRITES[name])).text
    for listing in ("list_memories", "list_items", "list_skips", "list_golden", "read_identity"):
        assert KEY not in str((await call_rest(cat, listing, {})).body)


@pytest.mark.parametrize("name", WRITES)
async def test_a_workspace_can_redact_credentials(cat, name):
    await set_rule(cat, "redact")
    answer = await call_tool(cat, name, WRITES[name])
    assert answer.body["meta"]["notice"] == "A credential was redacted before it was stored (AWS Access Key)."
    assert KEY not in str(answer.body)
    everything = [
        (await call_rest(cat, listing, {})).body
        for listing in (
            "list_memories",
            "list_items",
            "list_skips",
            "list_golden",
            "read_identity",
            "read_working_memory",
        )
    ]
    assert KEY not in str(everything)
    assert "[redacted: AWS Access Key]" in str(everything)


async def test_an_ingest_that_skips_leaves_out_the_memory_with_a_credential(cat):
    await set_rule(cat, "refuse")
    answer = (await call_rest(cat, "ingest_memories", WRITES["ingest_memories"] | {"on_error": "skip"})).body
    assert (answer["ingested"], [each["index"] for each in answer["refused"]]) == (1, [1])
    assert answer["refused"][0]["field"] == "content"


async def test_a_long_text_is_looked_at_to_its_end(cat):
    answer = await call_tool(cat, "store_memory", {"content": "tea " * 8000 + KEY})
    assert "(AWS Access Key)" in answer.body["meta"]["notice"]


class Texts(BaseModel):
    """Arguments with any number of texts."""

    texts: list[str]


async def test_many_long_texts_are_looked_at_in_parts_and_those_of_another_caller_come_in_between():
    many = asyncio.create_task(screen(Texts(texts=["tea " * 8000] * 20)))
    one = asyncio.create_task(screen(Texts(texts=["tea " * 800 + KEY])))
    assert (await one).kinds == {"texts.0": ["AWS Access Key"]}
    assert not many.done()
    assert (await many).kinds == {}
