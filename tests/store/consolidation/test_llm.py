"""The two HTTP APIs by which a language model is asked for a summary."""

import httpx
import pytest
import respx
from pydantic import SecretStr

from server.config import Settings
from server.wiring import open_llm
from tests.helpers.consolidations import make_chat_answer

pytestmark = pytest.mark.anyio


@respx.mock
async def test_openais_api_gets_all_notes_and_the_key_and_its_answer_is_stripped(openai):
    route = respx.post("http://llm.test/v1/chat/completions").mock(return_value=make_chat_answer(" Both. "))
    assert await openai.summarize(["a", "b"]) == "Both."
    request = route.calls.last.request
    assert request.headers["authorization"] == "Bearer sk-secret"
    assert b"Note 1:\\na\\n\\nNote 2:\\nb" in request.content


@respx.mock
async def test_an_answer_that_was_cut_off_or_is_empty_is_no_summary(openai):
    route = respx.post("http://llm.test/v1/chat/completions")
    for answer in (make_chat_answer("cut off in the mid", finish="length"), make_chat_answer("   ")):
        route.mock(return_value=answer)
        assert await openai.summarize(["a", "b"]) is None


@respx.mock
async def test_anthropics_api_is_spoken_too():
    route = respx.post("http://llm.test/v1/messages").mock(
        return_value=httpx.Response(
            200, json={"content": [{"type": "text", "text": "Both."}], "stop_reason": "end_turn"}
        )
    )
    settings = Settings(
        llm_url="http://llm.test", llm_model="small", llm_api_key=SecretStr("sk-secret"), llm_api="anthropic"
    )
    async with open_llm(settings) as llm:
        assert llm is not None
        assert await llm.summarize(["a", "b"]) == "Both."
    headers = route.calls.last.request.headers
    assert (headers["x-api-key"], headers["anthropic-version"]) == ("sk-secret", "2023-06-01")


async def test_without_a_url_or_a_model_there_is_no_language_model():
    for settings in (Settings(), Settings(llm_url="http://llm.test"), Settings(llm_model="m")):
        async with open_llm(settings) as llm:
            assert llm is None
