"""Embeddings from an endpoint, in place of a model on this machine: the calls over HTTP.

The endpoint's own words and the key are never shown or logged: its words may hold the text that was sent.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
from pydantic_core import from_json

from server.clock import Clock
from server.memory.embedding_model import Model
from server.network.answer_body import AnswerTooLarge, read_body
from server.network.http import open_http_client
from server.network.http_status import describe_status
from server.network.retry_after import read_retry_after
from server.store.embedding.calls import AttemptFailed, Purpose
from server.store.embedding.dialects import OPENAI, Dialect
from server.store.embedding.remote import WINDOW, RemoteEmbeddings
from server.store.embedding.source import EmbeddingFailed

LONGEST_RETRY_AFTER = 3600.0
#: The most bytes of an answer: some times what 32 vectors of 4,096 dimensions take as JSON.
MOST_ANSWER_BYTES = 1 << 24

_LABEL = "the embedding endpoint"
_REFUSES_TEXT = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
#: Cohere answers 498 to a key that it does not know.
_REFUSES_KEY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, 498})


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointNames:
    """The words for the parts of an endpoint in the advice of an error: by default plain words."""

    url: str = "its URL"
    model: str = "the model's name"
    api_key: str = "the API key"
    dims: str = "the dimensions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint and the model to ask it for.

    Attributes:
        url: the URL without the path of its API at its end.
        model: the model's name at the endpoint.
        api_key: sent as a bearer token; empty: none is sent.
        dims: the length of the vectors; 0: as the first answer has it.
        asks_dims: whether the endpoint is asked for this length. If not, its model is known to have this length.
        dialect: the form of its requests and answers.
        names: how errors call these parts.
        ca_file: certificates of authorities that are trusted beside the usual ones.
    """

    url: str
    model: str
    api_key: str = field(default="", repr=False)
    dims: int = 0
    asks_dims: bool = True
    dialect: Dialect = OPENAI
    names: EndpointNames = EndpointNames()
    ca_file: Path | None = None

    def make_digest(self, dims: int) -> str:
        """Return the digest of this endpoint's vectors of a length.

        A model of the same name at another URL may be another model.
        """
        form = (self.dialect.name,) if self.dialect.name else ()
        return hashlib.sha256("\n".join((*form, self.url, self.model, str(dims))).encode()).hexdigest()

    def with_model(self, model: Model, *, asks_dims: bool) -> "Endpoint | None":
        """Return this endpoint for another model; None if the model's vectors came from elsewhere."""
        other = replace(self, model=model.name, dims=model.dims, asks_dims=asks_dims)
        is_from_here = (other.make_digest(model.dims), WINDOW) == (model.digest, model.max_tokens)
        return other if is_from_here else None


class EndpointEmbeddings(RemoteEmbeddings):
    """The embedding model at an endpoint: an `EmbeddingSource`.

    Args:
        endpoint: the endpoint and its model.
        now: the clock, for a `Retry-After` that names a date.
        sleep: makes the pauses; the tests have their own.
    """

    def __init__(
        self, endpoint: Endpoint, now: Clock, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        super().__init__(_HttpCalls(endpoint, now), sleep)


class _HttpCalls:
    """The calls of an endpoint: `EmbeddingCalls`."""

    def __init__(self, endpoint: Endpoint, now: Clock) -> None:
        self._endpoint = endpoint
        self._now = now
        self._http = _open_client(endpoint)
        self.label = _LABEL
        self.model = endpoint.model
        self.dims = endpoint.dims
        self.batch_texts = endpoint.dialect.batch_texts

    def make_digest(self, dims: int) -> str:
        return self._endpoint.make_digest(dims)

    async def fetch_rows(self, texts: Sequence[str], purpose: Purpose) -> Sequence[Any]:
        body = await self._post_texts(texts, purpose)
        dialect = self._endpoint.dialect
        try:
            return dialect.read_rows(from_json(body))
        except (ValueError, TypeError, LookupError, AttributeError):
            advice = f"check {self._endpoint.names.url}"
            raise AttemptFailed(_LABEL, f"did not answer as {dialect.service} does; {advice}") from None

    async def close(self) -> None:
        await self._http.aclose()

    async def _post_texts(self, texts: Sequence[str], purpose: Purpose) -> bytes:
        endpoint, dialect = self._endpoint, self._endpoint.dialect
        body = dialect.build_body(endpoint.model, endpoint.dims if endpoint.asks_dims else 0, texts, purpose)
        try:
            async with self._http.stream("POST", f"{endpoint.url}{dialect.path}", json=body) as answer:
                content = await read_body(answer, MOST_ANSWER_BYTES)
        except httpx.HTTPError as error:  # its message may hold the text that was sent
            kind = type(error).__name__
            raise AttemptFailed(_LABEL, f"cannot be reached ({kind})", may_pass=True) from None
        except UnicodeEncodeError:
            raise EmbeddingFailed("the text has characters that cannot be sent") from None
        except AnswerTooLarge:
            raise AttemptFailed(_LABEL, f"answered more than {MOST_ANSWER_BYTES >> 20} MiB") from None
        if answer.status_code == HTTPStatus.OK:
            return content
        raise self._make_failure(answer, content)

    def _make_failure(self, answer: httpx.Response, content: bytes) -> AttemptFailed:
        status = describe_status(answer.status_code)
        is_busy = answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        cause = self._find_lasting_cause(content) if is_busy else ""
        return AttemptFailed(
            _LABEL,
            f"answered {status}{cause or self._find_advice(answer.status_code)}",
            may_pass=(is_busy or answer.is_server_error) and not cause,
            retry_after=read_retry_after(answer.headers.get("retry-after", ""), self._now(), LONGEST_RETRY_AFTER),
            refusal=f"answered {status} to this text" if answer.status_code in _REFUSES_TEXT else "",
        )

    def _find_lasting_cause(self, body: bytes) -> str:
        try:
            return self._endpoint.dialect.find_lasting_cause(from_json(body))
        except (ValueError, TypeError, LookupError):
            return ""

    def _find_advice(self, status: int) -> str:
        names = self._endpoint.names
        if status in _REFUSES_KEY:
            return f"; check {names.api_key}"
        match status:
            case HTTPStatus.BAD_REQUEST | HTTPStatus.UNPROCESSABLE_ENTITY:
                return f"; check {names.model} and {names.dims}"
            case HTTPStatus.NOT_FOUND:
                first = self._endpoint.dialect.advise_missing(self._endpoint.model)
                return f"; {f'{first}, or ' if first else ''}check {names.url} and {names.model}"
            case _:
                return ""


def _open_client(endpoint: Endpoint) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    return open_http_client(endpoint.url, endpoint.ca_file, headers=headers, timeout=None)  # each call has a bound
