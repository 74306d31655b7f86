"""Embeddings from an endpoint that speaks OpenAI's `POST /embeddings`, in place of a model on this machine.

The network adds three things: small batches, a bounded time for each call, and repeats if they may help. After some
failures in a row nothing is asked of the endpoint but whether it is back, at longer and longer intervals; meanwhile its
state is `failed`, recall ranks by keyword and writes store without vectors, so nobody waits for it. Its answers and
the key are never shown or logged.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import islice

import httpx
import numpy as np
import structlog
import tenacity
from pydantic_core import from_json

from server.clock import Clock
from server.loopback import is_proxy_allowed
from server.memory.embedding_model import Model
from server.memory.vector import Vector
from server.store.embedding.loaded_model import spread_windows
from server.store.embedding.query_cache import QueryCache
from server.store.embedding.readiness import Readiness
from server.store.embedding.source import EmbeddingFailed, Windows

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

WINDOW = 1600
"""Characters of a window: some 400 tokens of prose, so that it fits into a model of 512. A longer text is cut into
windows of this length, evenly spread from its start to its end; the best one counts in a recall."""
OVERLAP = 160
BATCH_TEXTS = 16  # windows in one request: an answer of half a megabyte at 1536 dimensions, a millisecond to parse
AT_ONCE = 4  # requests with documents; questions wait for none of them

QUESTION_SECONDS = 3.0  # a recall goes on by keyword after that
BATCH_SECONDS = 20.0
CONNECT_SECONDS = 30.0  # the first answer may wait until a model is loaded
PAUSES = (0.25, 1.0)  # before the second and the third attempt, or as long as `Retry-After` says
FAILURES = 3  # failed attempts in a row, of all calls together, after which the endpoint counts as down
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # until it is asked whether it is back; doubled each time
LONGEST_RETRY_AFTER = 3600.0

_REFUSES_TEXT = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)


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
        url: the URL without `/embeddings` at its end.
        model: the model's name at the endpoint.
        api_key: sent as a bearer token; empty: none is sent.
        dims: the length of the vectors; 0: as the first answer has it.
        names: how errors call these four.
    """

    url: str
    model: str
    api_key: str = field(default="", repr=False)
    dims: int = 0
    names: EndpointNames = EndpointNames()


class _AttemptFailed(EmbeddingFailed):
    """The endpoint is at fault, and not the text. If it `may_pass`, the same attempt may succeed later."""

    def __init__(self, reason: str, *, may_pass: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(f"the embedding endpoint {reason}")
        self.may_pass = may_pass
        self.retry_after = retry_after


class EndpointEmbeddings(Readiness):
    """The embedding model at an endpoint: an `EmbeddingSource`.

    Args:
        endpoint: the endpoint and its model.
        now: the clock, for a `Retry-After` that names a date.
        sleep: makes the pauses; the tests have their own.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        now: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__("the embedding endpoint was not asked yet", EmbeddingFailed)
        self._endpoint = endpoint
        self._now = now
        self._sleep = sleep
        self._dims = endpoint.dims
        self._http = _open_client(endpoint)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._cache = QueryCache()
        self._failures = 0
        self._connecting: asyncio.Task[None] | None = None

    @property
    def model(self) -> Model | None:
        """The model, once its dimensions are known, while the state is `loading` or `ready`; else None.

        Its digest is of the endpoint's URL, the model's name and its dimensions: a model of the same name at another
        URL may be another model.
        """
        if self._state not in {"loading", "ready"} or not self._dims:
            return None
        identity = "\n".join((self._endpoint.url, self._endpoint.model, str(self._dims)))
        return Model(self._endpoint.model, hashlib.sha256(identity.encode()).hexdigest(), self._dims, WINDOW, "")

    def start(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        if self._connecting is None:
            self._begin_loading("the embedding endpoint has not answered yet")
            self._connecting = asyncio.create_task(self._connect(0.0))

    async def embed_query(self, text: str) -> Vector:  # noqa: D102 - as `EmbeddingSource`
        if (known := self._cache.get(text)) is not None:
            return known
        self._check_ready()
        (vector,) = await self._fetch_vectors([text[:WINDOW]], QUESTION_SECONDS)
        return self._cache.put(text, vector)

    async def embed_documents(  # noqa: D102 - as `EmbeddingSource`
        self,
        texts: list[str],
        account_id: str = "",  # noqa: ARG002 - an endpoint works at several batches at once
    ) -> list[Windows]:
        pieces = [list(_cut_windows(text)) for text in texts]
        every = (piece for row in pieces for piece in row)
        vectors: list[Vector] = []
        while batch := list(islice(every, BATCH_TEXTS)):
            async with self._room:
                self._check_ready()
                vectors.extend(await self._fetch_vectors(batch, BATCH_SECONDS))
        rest = iter(vectors)
        return [np.stack([next(rest) for _ in row]) for row in pieces]

    def forget_queries(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        self._cache.clear()

    async def close(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        self._settle("absent", "the server is stopping")
        self._cache.clear()
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        await self._http.aclose()

    async def _connect(self, pause: float) -> None:
        """After a pause, ask until the endpoint answers; then it is ready."""
        if pause:
            await self._sleep(pause)
        async for attempt in tenacity.AsyncRetrying(
            sleep=self._sleep,
            retry=tenacity.retry_if_exception_type(EmbeddingFailed),
            wait=_wait_for_retry_after(tenacity.wait_exponential(pause * 2 or FIRST_PAUSE, max=LONGEST_PAUSE)),
            before_sleep=self._note_down,
        ):
            with attempt:
                await self._fetch_vectors(["warm up"], CONNECT_SECONDS)
        log.info("endpoint.ready", model=self._endpoint.model, dims=self._dims)
        self._settle("ready", "")

    def _note_down(self, attempt: tenacity.RetryCallState) -> None:
        reason = str(_find_error(attempt))
        if reason != self._reason:
            log.warning("endpoint.unreachable", reason=reason)
        self._settle("failed", reason)

    def _note_failure(self, failure: _AttemptFailed) -> None:
        """Count a failed attempt; after some in a row, or one that no repeat will mend, ask no more for a while."""
        self._failures += 1
        if self._state == "ready" and (self._failures >= FAILURES or not failure.may_pass):
            log.warning("endpoint.down", reason=str(failure))
            self._settle("failed", str(failure))
            self._connecting = asyncio.create_task(self._connect(max(FIRST_PAUSE, failure.retry_after)))

    async def _fetch_vectors(self, texts: list[str], patience: float) -> Vector:
        """Return the unit vectors of some texts, (n, dims), within so many seconds, repeats included."""
        retrying = tenacity.AsyncRetrying(
            sleep=self._sleep,
            retry=tenacity.retry_if_exception(lambda error: _may_help_to_repeat(error, patience)),
            wait=_wait_for_retry_after(tenacity.wait_chain(*map(tenacity.wait_fixed, PAUSES))),
            stop=tenacity.stop_after_attempt(len(PAUSES) + 1),
            reraise=True,
        )
        try:
            async with asyncio.timeout(patience):
                return await retrying(self._attempt_fetch, texts)
        except TimeoutError:
            failure = _AttemptFailed(f"did not answer in {patience:g} seconds", may_pass=True)
            self._note_failure(failure)
            raise failure from None

    async def _attempt_fetch(self, texts: list[str]) -> Vector:
        try:
            vectors = self._read_vectors(await self._post_texts(texts), len(texts))
        except _AttemptFailed as failure:
            self._note_failure(failure)
            raise
        self._failures = 0
        return vectors

    async def _post_texts(self, texts: list[str]) -> bytes:
        body: dict[str, object] = {"model": self._endpoint.model, "input": texts}
        if self._endpoint.dims:
            body["dimensions"] = self._endpoint.dims
        try:
            answer = await self._http.post(f"{self._endpoint.url}/embeddings", json=body)
        except httpx.HTTPError as error:  # its message may hold the text that was sent
            kind = type(error).__name__
            raise _AttemptFailed(f"cannot be reached ({kind})", may_pass=True) from None
        except UnicodeEncodeError:
            raise EmbeddingFailed("the text has characters that cannot be sent") from None
        if answer.status_code == HTTPStatus.OK:
            return answer.content
        if answer.status_code in _REFUSES_TEXT and self._state == "ready":
            raise EmbeddingFailed(f"the embedding endpoint answered {_describe_status(answer)} to this text")
        raise _AttemptFailed(
            f"answered {_describe_status(answer)}{self._find_advice(answer.status_code)}",
            may_pass=answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error,
            retry_after=_read_retry_after(answer, self._now()),
        )

    def _find_advice(self, status: int) -> str:
        names = self._endpoint.names
        match status:
            case HTTPStatus.BAD_REQUEST:
                return f"; check {names.model} and {names.dims}"
            case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
                return f"; check {names.api_key}"
            case HTTPStatus.NOT_FOUND:
                return f"; check {names.url} and {names.model}"
            case _:
                return ""

    def _read_vectors(self, body: bytes, count: int) -> Vector:
        """Return the vectors of an answer, (count, dims) float32 of length 1, each of them checked."""
        try:
            rows = sorted(from_json(body)["data"], key=lambda row: row.get("index", 0))
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float64)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            advice = f"check {self._endpoint.names.url}"
            raise _AttemptFailed(f"did not answer as OpenAI's embeddings API does; {advice}") from None
        if vectors.ndim != 2 or len(vectors) != count:  # noqa: PLR2004 - texts by dimensions
            raise _AttemptFailed(f"answered {len(vectors)} vectors to {count} texts")
        dims = vectors.shape[1]
        if self._dims not in {0, dims}:
            raise _AttemptFailed(f"answered vectors of length {dims} instead of {self._dims}; restart if that is meant")
        with np.errstate(over="ignore"):
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise _AttemptFailed("answered a vector that is zero, or not finite")
        self._dims = dims
        return (vectors / lengths).astype(np.float32)


def _open_client(endpoint: Endpoint) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    # A proxy and certificates from the environment are used, but not for an endpoint on this machine.
    trust_env = is_proxy_allowed(endpoint.url)
    return httpx.AsyncClient(headers=headers, timeout=None, follow_redirects=False, trust_env=trust_env)  # noqa: S113 - each call has a bound


def _cut_windows(text: str) -> Iterator[str]:
    starts = [0] if len(text) <= WINDOW else spread_windows(len(text), WINDOW, OVERLAP)
    return (text[start : start + WINDOW] for start in starts)


def _find_error(attempt: tenacity.RetryCallState) -> BaseException | None:
    return None if attempt.outcome is None else attempt.outcome.exception()


def _may_help_to_repeat(error: BaseException, patience: float) -> bool:
    return isinstance(error, _AttemptFailed) and error.may_pass and error.retry_after <= patience


def _wait_for_retry_after(pause: tenacity.wait.wait_base) -> Callable[[tenacity.RetryCallState], float]:
    """A pause, or the one that the endpoint asked for with `Retry-After` if that is longer."""

    def wait(attempt: tenacity.RetryCallState) -> float:
        error = _find_error(attempt)
        return max(pause(attempt), error.retry_after if isinstance(error, _AttemptFailed) else 0.0)

    return wait


def _describe_status(answer: httpx.Response) -> str:
    """Return the status in digits and in our words; the endpoint's own words may be anything."""
    try:
        return f"{answer.status_code} {HTTPStatus(answer.status_code).phrase}"
    except ValueError:
        return str(answer.status_code)


def _read_retry_after(answer: httpx.Response, now: datetime) -> float:
    """Return the seconds of an answer's Retry-After header (RFC 9110, 10.2.3); 0 if it has none."""
    said = answer.headers.get("retry-after", "")
    if said.isascii() and said.isdecimal():
        return min(float(said), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)
