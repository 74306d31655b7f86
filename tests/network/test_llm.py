"""The three HTTP APIs by which a language model is asked."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
import respx
from pydantic import SecretStr

from server.config import Settings
from server.network import llm as module
from server.network.llm import Llm, LlmAnswer, LlmFailed
from server.wiring.stores import open_llm
from tests.helpers.consolidations import make_chat_answer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def openai():
    async with open_model("openai", "https://llm.test/v1/") as llm:
        yield llm


@asynccontextmanager
async def open_model(api, url):
    """Open the model of these settings."""
    settings = Settings(llm_url=url, llm_model="small", llm_api_key=SecretStr("sk-secret"), llm_api=api)
    async with open_llm(settings) as llm:
        assert llm is not None
        yield llm


@respx.mock
async def test_openais_api_gets_the_question_and_the_key_and_tells_what_it_cost(openai):
    answer = {"choices": [{"message": {"content": "Both."}}], "usage": {"total_tokens": 57}}
    route = respx.post("https://llm.test/v1/chat/completions").mock(return_value=httpx.Response(200, json=answer))
    assert await openai.ask("Merge.", "a and b") == LlmAnswer("Both.", 57)
    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert b"Merge." in request.content
    assert b"a and b" in request.content


@respx.mock
async def test_an_answer_that_was_cut_off_is_none(openai):
    answer = make_chat_answer("cut off in the mid", finish="length")
    respx.post("https://llm.test/v1/chat/completions").mock(return_value=answer)
    with pytest.raises(LlmFailed):
        await openai.ask("Merge.", "a and b")


@respx.mock
async def test_what_an_api_does_not_count_is_estimated_from_the_letters(openai):
    for usage in ({}, {"usage": None}, {"usage": {"total_tokens": "many"}}, {"usage": {"total_tokens": -1}}):
        answer = {"choices": [{"message": {"content": "Both."}}]} | usage
        respx.post("https://llm.test/v1/chat/completions").mock(return_value=httpx.Response(200, json=answer))
        assert (await openai.ask("x" * 200, "y" * 195)).tokens == 100


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
async def test_an_answer_that_nobody_can_use_is_a_failure(openai, answer):
    respx.post("https://llm.test/v1/chat/completions").mock(return_value=httpx.Response(200, content=answer))
    with pytest.raises(LlmFailed) as failed:
        await openai.ask("Merge.", "a and b")
    assert "half" not in failed.value.reason


@respx.mock
async def test_a_refusal_is_told_by_its_status(openai):
    respx.post("https://llm.test/v1/chat/completions").mock(return_value=httpx.Response(429, text="slow down"))
    with pytest.raises(LlmFailed) as failed:
        await openai.ask("Merge.", "a and b")
    assert failed.value.reason == "status 429"


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

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server, asyncio.timeout(60):
        port = server.sockets[0].getsockname()[1]
        async with Llm.open("openai", f"http://127.0.0.1:{port}/v1", "small", "") as llm:
            with pytest.raises(LlmFailed):
                await llm.ask("Merge.", "a and b")


@respx.mock
async def test_anthropics_api_is_spoken_too():
    answer = {
        "content": [{"type": "text", "text": "Both."}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 50, "output_tokens": 7},
    }
    route = respx.post("https://llm.test/v1/messages").mock(return_value=httpx.Response(200, json=answer))
    async with open_model("anthropic", "https://llm.test") as llm:
        assert await llm.ask("Merge.", "a and b") == LlmAnswer("Both.", 57)
    headers = route.calls.last.request.headers
    assert (headers["x-api-key"], headers["anthropic-version"]) == ("sk-secret", "2023-06-01")


@respx.mock
async def test_geminis_api_is_spoken_too_and_its_thoughts_are_left_out():
    parts = [{"text": "Let me see.", "thought": True}, {"text": "Both."}]
    answer = {
        "candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"totalTokenCount": 57},
    }
    route = respx.post("https://llm.test/v1beta/models/small:generateContent")
    route.mock(return_value=httpx.Response(200, json=answer))
    async with open_model("gemini", "https://llm.test/v1beta") as llm:
        assert await llm.ask("Merge.", "a and b") == LlmAnswer("Both.", 57)
        assert route.calls.last.request.headers["x-goog-api-key"] == "sk-secret"
        for unusable in ({"candidates": []}, {"candidates": [{"finishReason": "SAFETY"}]}, {}, []):
            route.mock(return_value=httpx.Response(200, json=unusable))
            with pytest.raises(LlmFailed):
                await llm.ask("Merge.", "a and b")


async def test_without_a_url_or_a_model_there_is_no_language_model():
    for settings in (Settings(), Settings(llm_url="https://llm.test"), Settings(llm_model="m")):
        async with open_llm(settings) as llm:
            assert llm is None
