"""An optional language model behind HTTP: any server that speaks the API of OpenAI, Anthropic or Gemini.

It writes summaries of memories, and reads transcripts and what agents report. Nothing relies on it: if it is down, slow
or gives no answer that can be used, its caller goes on without it.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic_core import from_json

from server.network.answer_body import read_body
from server.network.http import open_http_client
from server.network.retry_after import read_retry_after

Api = Literal["openai", "anthropic", "gemini"]

#: The time for a whole answer. httpx bounds only the wait for its next piece.
TIMEOUT_SECONDS = 30.0
#: The most bytes of an answer. A merged memory has at most 32 KiB, and a transcript gives at most 20 memories.
MOST_ANSWER_BYTES = 1024 * 1024
MAX_TOKENS = 4096
ANTHROPIC_VERSION = "2023-06-01"

#: The header in which an API wants its key. OpenAI's is a bearer token.
_KEY_HEADERS: Mapping[Api, str] = {"anthropic": "x-api-key", "gemini": "x-goog-api-key"}
#: Refusals that say nothing about the question: a wrong or empty account, a wrong address, too much at once.
_PASSING = frozenset({401, 402, 403, 404, 408, 429})
_SERVER_ERROR = 500
#: Letters of a token, about, if the API does not count the tokens.
_TOKEN_LETTERS = 4


class LlmFailed(Exception):  # noqa: N818 - it names the reason; the callers decide on the words
    """The language model is down, too slow, or gave no whole answer. Its cause is the error."""

    @property
    def status(self) -> int | None:
        """The HTTP status of its answer, if it answered with an error."""
        error = self.__cause__
        return error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None

    @property
    def is_down(self) -> bool:
        """Whether the same question may be answered later: the model cannot be reached, is busy, or refuses us."""
        if self.status is not None:
            return self.status >= _SERVER_ERROR or self.status in _PASSING
        return isinstance(self.__cause__, (TimeoutError, httpx.TransportError))

    def read_retry_after(self, now: datetime, longest: float) -> float:
        """Return the seconds to wait that the model's server asked for, at most `longest`; 0 if it said nothing."""
        error = self.__cause__
        said = error.response.headers.get("retry-after", "") if isinstance(error, httpx.HTTPStatusError) else ""
        return read_retry_after(said, now, longest)

    @property
    def reason(self) -> str:
        """The reason in a few words, without anything that the model or the caller said."""
        return f"status {self.status}" if self.status is not None else type(self.__cause__).__name__


@dataclass(frozen=True, slots=True)
class LlmAnswer:
    """A whole answer, and the tokens that the question and the answer cost."""

    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class LlmRest:
    """A time for which a model is left alone, and the reason in a few words."""

    reason: str
    until: datetime


class Llm:
    """A language model behind HTTP; `model` is its name."""

    def __init__(self, client: httpx.AsyncClient, api: Api, model: str) -> None:
        self._client = client
        self._api = api
        self.model = model
        #: The last rest of those that may come later: its caller sets it, and keeps to it. `ask` does not look at it.
        self.rest: LlmRest | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, api: Api, url: str, model: str, key: str, ca_file: Path | None = None) -> AsyncGenerator["Llm"]:
        """Open a client for the model behind this URL, and close it when the block ends. The key may be empty.

        `ca_file` has certificates of authorities that are trusted beside the usual ones.
        """
        headers = {"anthropic-version": ANTHROPIC_VERSION} if api == "anthropic" else {}
        if key:
            headers |= {_KEY_HEADERS[api]: key} if api in _KEY_HEADERS else {"authorization": f"Bearer {key}"}
        base = url.rstrip("/") + "/"
        async with open_http_client(base, ca_file, base_url=base, headers=headers, timeout=TIMEOUT_SECONDS) as client:
            yield cls(client, api, model)

    async def ask(self, instructions: str, question: str) -> LlmAnswer:
        """Return the model's answer to a question. Neither is logged.

        Raises:
            LlmFailed: there is no whole answer.
        """
        ask = {"openai": self._ask_openai, "anthropic": self._ask_anthropic, "gemini": self._ask_gemini}[self._api]
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                text, counted = await ask(instructions, question)
        except (TimeoutError, httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise LlmFailed from error
        tokens = sum(each for each in counted if isinstance(each, int) and each > 0)
        return LlmAnswer(text, tokens or (len(instructions) + len(question) + len(text)) // _TOKEN_LETTERS)

    async def _ask_openai(self, instructions: str, question: str) -> tuple[str, list[Any]]:
        messages = [{"role": "system", "content": instructions}, {"role": "user", "content": question}]
        answer = await self._post("chat/completions", {"model": self.model, "messages": messages})
        choice = answer["choices"][0]
        text = _require_whole(choice["message"]["content"], choice.get("finish_reason") == "length")
        return text, _list_counts(answer.get("usage"), "total_tokens")

    async def _ask_anthropic(self, instructions: str, question: str) -> tuple[str, list[Any]]:
        body = {"model": self.model, "max_tokens": MAX_TOKENS, "system": instructions}
        answer = await self._post("v1/messages", body | {"messages": [{"role": "user", "content": question}]})
        text = "".join(block["text"] for block in answer["content"] if block["type"] == "text")
        counted = _list_counts(answer.get("usage"), "input_tokens", "output_tokens")
        return _require_whole(text, answer.get("stop_reason") == "max_tokens"), counted

    async def _ask_gemini(self, instructions: str, question: str) -> tuple[str, list[Any]]:
        body = {
            "systemInstruction": {"parts": [{"text": instructions}]},
            "contents": [{"role": "user", "parts": [{"text": question}]}],
        }
        name = self.model.removeprefix("models/")
        answer = await self._post(f"models/{name}:generateContent", body)
        candidate = answer["candidates"][0]
        parts = candidate["content"]["parts"]
        text = "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
        counted = _list_counts(answer.get("usageMetadata"), "totalTokenCount")
        return _require_whole(text, candidate.get("finishReason") == "MAX_TOKENS"), counted

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self._client.stream("POST", path, json=body) as response:
            response.raise_for_status()
            content = await read_body(response, MOST_ANSWER_BYTES)
        return from_json(content)  # it refuses deep nesting and halves of surrogate pairs, too


def _list_counts(usage: Any, *names: str) -> list[Any]:
    return [usage.get(name) for name in names] if isinstance(usage, dict) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - JSON


def _require_whole(text: Any, is_cut: bool) -> str:  # noqa: FBT001 - a fact about the answer, not an option
    """Return the text of an answer.

    Raises:
        ValueError: the answer has no text, or it was cut off and so has lost a part.
    """
    if is_cut or not isinstance(text, str):
        raise ValueError("the answer is not whole")
    return text
