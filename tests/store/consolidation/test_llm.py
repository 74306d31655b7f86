"""The two HTTP APIs by which a language model is asked for a summary."""

import asyncio

import httpx
import pytest
import respx
from pydantic import SecretStr

from server.config import Settings
from server.store.consolidation import llm as module
from server.store.consolidation.llm import Llm
from server.wiring.stores import open_llm
from tests.helpers.consolidations import make_chat_answer

pytestmark = pytest.mark.anyio


@respx.mock
async def test_openais_api_gets_all_notes_and_the_key_and_its_answer_is_stripped(openai):
    route = respx.post("https://llm.test/v1/chat/completions").mock(return_value=make_chat_answer(" Both. "))
    assert await openai.summarize(["a", "b"]) == "Both."
    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert b"Note 1:\\na\\n\\nNote 2:\\nb" in request.content


@respx.mock
async def test_an_answer_that_was_cut_off_or_is_empty_is_no_summary(openai):
    route = respx.post("https://llm.test/v1/chat/completions")
    for answer in (make_chat_answer("cut off in the mid", finish="length"), make_chat_answer("   ")):
        route.mock(return_value=answer)
        assert await openai.summarize(["a", "b"]) is None


@pytest.mark.parametrize(
    "answer",
    [
        b'{"choices": [{"message": {"content": "half \\ud800 of a pair"}}]}',
        b"[" * 100_000,
        b'{"choices": [{"message": {"content": "' + b"x" * module.MOST_ANSWER_BYTES + b'"}}]}',
        b'{"choices": ["message"]}',
        b"\xff\xfe\x00",
        b"",
    ],
    ids=["surrogate", "deep", "huge", "wrong form", "no text", "empty"],
)
@respx.mock
async def test_an_answer_that_nobody_can_use_is_no_summary(openai, answer):
    respx.post("https://llm.test/v1/chat/completions").mock(return_value=httpx.Response(200, content=answer))
    assert await openai.summarize(["a", "b"]) is None


async def test_an_answer_that_comes_drop_by_drop_is_waited_for_no_longer_than_a_silent_one(monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.3)

    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while not reader.at_eof():
                writer.write(b"1\r\n \r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server, asyncio.timeout(10):
        port = server.sockets[0].getsockname()[1]
        async with Llm.open("openai", f"http://127.0.0.1:{port}/v1", "small", "") as llm:
            assert await llm.summarize(["a", "b"]) is None


@respx.mock
async def test_anthropics_api_is_spoken_too():
    route = respx.post("https://llm.test/v1/messages").mock(
        return_value=httpx.Response(
            200, json={"content": [{"type": "text", "text": "Both."}], "stop_reason": "end_turn"}
        )
    )
    settings = Settings(
        llm_url="https://llm.test", llm_model="small", llm_api_key=SecretStr("sk-secret"), llm_api="anthropic"
    )
    async with open_llm(settings) as llm:
        assert llm is not None
        assert await llm.summarize(["a", "b"]) == "Both."
    headers = route.calls.last.request.headers
    assert (headers["x-api-key"], headers["anthropic-version"]) == ("sk-secret", "2023-06-01")


async def test_without_a_url_or_a_model_there_is_no_language_model():
    for settings in (Settings(), Settings(llm_url="https://llm.test"), Settings(llm_model="m")):
        async with open_llm(settings) as llm:
            assert llm is None
