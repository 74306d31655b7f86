"""Embeddings from an endpoint that speaks OpenAI's `POST /embeddings`, in place of a model on this machine.

It has the verbs of `Embeddings`, and what the network adds: small batches, a bounded time for each call, and repeats
where they may help. After some failures in a row nothing is asked of the endpoint but, at longer and longer intervals,
whether it is back; meanwhile its state is `failed`, recall ranks by keyword and writes store without vectors, so nobody
waits for it. What it answers is never shown or logged, and neither is the key.
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
from pydantic_core import from_json

from server.config import is_loopback
from server.memory.embedding import Model, Vector
from server.store.embedding.loaded_model import Windows, window_starts
from server.store.embedding.local import EmbeddingFailed, State
from server.store.embedding.query_cache import QueryCache

log = structlog.get_logger(__name__)

WINDOW = 1600
"""Characters of a window: some 400 tokens of prose, so that it fits into a model of 512. A text that is longer is cut
into windows of this length, evenly spread from its start to its end; its best one counts in a recall."""
OVERLAP = 160
BATCH_TEXTS = 16  # windows in one request: an answer of half a megabyte at 1536 dimensions, a millisecond to parse
AT_ONCE = 4  # requests with documents; questions wait for none of them

QUESTION_SECONDS = 3.0  # a recall goes on by keyword after that
BATCH_SECONDS = 20.0
CONNECT_SECONDS = 30.0  # the first answer may wait until a model is loaded
PAUSES = (0.25, 1.0)  # before the second and the third attempt, or as long as `Retry-After` says
FAILURES = 3  # attempts in a row, of whatever calls, after which the endpoint counts as down
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # until it is asked whether it is back; doubled each time
LONGEST_RETRY_AFTER = 3600.0

_REFUSES_TEXT = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
_CURES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "; check LOCI_EMBEDDING_MODEL and LOCI_EMBEDDING_DIMS",
    HTTPStatus.UNAUTHORIZED: "; check LOCI_EMBEDDING_API_KEY",
    HTTPStatus.FORBIDDEN: "; check LOCI_EMBEDDING_API_KEY",
    HTTPStatus.NOT_FOUND: "; check LOCI_EMBEDDING_URL and LOCI_EMBEDDING_MODEL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Which model, and where: `url` is what `/embeddings` is put after, `dims` 0 where the answers shall tell."""

    url: str
    model: str
    api_key: str = field(default="", repr=False)
    dims: int = 0


class _AttemptFailed(EmbeddingFailed):
    """The endpoint is at fault, and not the text. One that `may_pass` may go well when it is made again."""

    def __init__(self, reason: str, *, may_pass: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(f"the embedding endpoint {reason}")
        self.may_pass = may_pass
        self.retry_after = retry_after


class EndpointEmbeddings:
    """The embedding model at an endpoint.

    Args:
        endpoint: which one.
        now: the clock, for a `Retry-After` that names a date.
        sleep: how pauses are made; the tests have their own.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._endpoint = endpoint
        self._now = now
        self._sleep = sleep
        self._dims = endpoint.dims
        self._http = _client(endpoint)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._cache = QueryCache()
        self._failures = 0
        self._settled = asyncio.Event()
        self._connecting: asyncio.Task[None] | None = None
        self._state: State = "absent"
        self._reason = "the embedding endpoint was not asked yet"

    @property
    def state(self) -> State:
        """`loading` until it has answered, `ready`, `failed` until it answers again, or `absent` once closed."""
        return self._state

    @property
    def reason(self) -> str:
        """Why there are no vectors, for a person; empty when there are."""
        return self._reason

    @property
    def model(self) -> Model | None:
        """The model that is there, once its dimensions are known; None where it failed.

        Its digest is of the endpoint's URL, the model's name and its dimensions: nothing says that the model of the
        same name at another URL is the same one.
        """
        if self._state not in {"loading", "ready"} or not self._dims:
            return None
        named = "\n".join((self._endpoint.url, self._endpoint.model, str(self._dims)))
        return Model(self._endpoint.model, hashlib.sha256(named.encode()).hexdigest(), self._dims, WINDOW, "")

    def start(self) -> None:
        """Ask the endpoint for a first answer, in the background; on the event loop, and once."""
        if self._connecting is None:
            self._state, self._reason = "loading", "the embedding endpoint has not answered yet"
            self._connecting = asyncio.create_task(self._connect(0.0))

    async def wait_ready(self) -> None:
        """Return once the endpoint has answered.

        Raises:
            EmbeddingFailed: it is down, or answers something else.
        """
        await self._settled.wait()
        self._check()

    async def embed_query(self, text: str) -> Vector:
        """The unit vector of a question, (dims,) float32, read-only; what is longer than a window does not count.

        Raises:
            EmbeddingFailed: the endpoint is down, too slow for a question, or refuses the text.
        """
        if (known := self._cache.get(text)) is not None:
            return known
        self._check()
        (vector,) = await self._ask([text[:WINDOW]], QUESTION_SECONDS)
        return self._cache.put(text, vector)

    async def embed_documents(self, texts: list[str]) -> list[Windows]:
        """The unit vectors of each text, in order: (n, dims) float32, one row for each window.

        Raises:
            EmbeddingFailed: the endpoint is down, or refuses one of the texts; then none has a vector.
        """
        pieces = [list(_windows(text)) for text in texts]
        every = (piece for row in pieces for piece in row)
        vectors: list[Vector] = []
        while batch := list(islice(every, BATCH_TEXTS)):
            async with self._room:
                self._check()
                vectors.extend(await self._ask(batch, BATCH_SECONDS))
        found = iter(vectors)
        return [np.stack([next(found) for _ in row]) for row in pieces]

    async def close(self) -> None:
        """Refuse what comes, and let go of the endpoint."""
        self._settle("absent", "the server is stopping")
        self._cache.clear()
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        await self._http.aclose()

    def _check(self) -> None:
        if self._state != "ready":
            raise EmbeddingFailed(self._reason)

    def _settle(self, state: State, reason: str) -> None:
        self._state, self._reason = state, reason
        self._settled.set()

    async def _connect(self, pause: float) -> None:
        """After a pause, ask until the endpoint answers; then go by it."""
        pauses = _growing(max(FIRST_PAUSE, pause))
        if pause:
            await self._sleep(next(pauses))
        while True:
            try:
                await self._ask(["warm up"], CONNECT_SECONDS)
            except EmbeddingFailed as error:
                if str(error) != self._reason:
                    log.warning("recall ranks by keyword only", reason=str(error))
                self._settle("failed", str(error))
                after = error.retry_after if isinstance(error, _AttemptFailed) else 0.0
                await self._sleep(max(next(pauses), after))
            else:
                log.info("the embedding endpoint answers", model=self._endpoint.model, dims=self._dims)
                self._settle("ready", "")
                return

    def _count(self, failure: _AttemptFailed) -> None:
        """Note a failed attempt; after some in a row, or one that no repeat will mend, ask no more for a while."""
        self._failures += 1
        if self._state == "ready" and (self._failures >= FAILURES or not failure.may_pass):
            log.warning("the embedding endpoint is down; recall ranks by keyword", reason=str(failure))
            self._settle("failed", str(failure))
            self._connecting = asyncio.create_task(self._connect(max(FIRST_PAUSE, failure.retry_after)))

    async def _ask(self, texts: list[str], patience: float) -> Vector:
        """The unit vectors of some texts, (n, dims), within so many seconds, repeats included."""
        try:
            async with asyncio.timeout(patience):
                return await self._repeat(texts, patience)
        except TimeoutError:
            failure = _AttemptFailed(f"did not answer in {patience:g} seconds", may_pass=True)
            self._count(failure)
            raise failure from None

    async def _repeat(self, texts: list[str], patience: float) -> Vector:
        for pause in (*PAUSES, None):
            try:
                vectors = self._accept(await self._post(texts), len(texts))
            except _AttemptFailed as failure:
                self._count(failure)
                if pause is None or not failure.may_pass or failure.retry_after > patience:
                    raise
                await self._sleep(max(pause, failure.retry_after))
            else:
                self._failures = 0
                return vectors
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    async def _post(self, texts: list[str]) -> bytes:
        body: dict[str, object] = {"model": self._endpoint.model, "input": texts}
        if self._endpoint.dims:
            body["dimensions"] = self._endpoint.dims
        try:
            answer = await self._http.post(f"{self._endpoint.url}/embeddings", json=body)
        except httpx.HTTPError as error:  # its message may hold what was sent
            kind = type(error).__name__
            raise _AttemptFailed(f"cannot be reached ({kind})", may_pass=True) from None
        except UnicodeEncodeError:
            raise EmbeddingFailed("the text has characters that cannot be sent") from None
        if answer.status_code == HTTPStatus.OK:
            return answer.content
        if answer.status_code in _REFUSES_TEXT and self._state == "ready":
            raise EmbeddingFailed(f"the embedding endpoint answered {_status(answer)} to this text")
        raise _AttemptFailed(
            f"answered {_status(answer)}{_CURES.get(answer.status_code, '')}",
            may_pass=answer.status_code == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error,
            retry_after=_retry_after(answer, self._now()),
        )

    def _accept(self, body: bytes, count: int) -> Vector:
        """The vectors of an answer, (count, dims) float32 of length 1, each checked."""
        try:
            rows = sorted(from_json(body)["data"], key=lambda row: row.get("index", 0))
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float64)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            raise _AttemptFailed("did not answer as OpenAI's embeddings API does; check LOCI_EMBEDDING_URL") from None
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


def _client(endpoint: Endpoint) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    # A proxy and certificates of the environment's count, but not for what is on this machine.
    trust_env = not is_loopback(httpx.URL(endpoint.url).host)
    return httpx.AsyncClient(headers=headers, timeout=None, follow_redirects=False, trust_env=trust_env)  # noqa: S113 - each call has a bound


def _windows(text: str) -> Iterator[str]:
    starts = [0] if len(text) <= WINDOW else window_starts(len(text), WINDOW, OVERLAP)
    return (text[start : start + WINDOW] for start in starts)


def _growing(pause: float) -> Iterator[float]:
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


def _status(answer: httpx.Response) -> str:
    """The status in digits and words of ours; the endpoint's own may be anything."""
    try:
        return f"{answer.status_code} {HTTPStatus(answer.status_code).phrase}"
    except ValueError:
        return str(answer.status_code)


def _retry_after(answer: httpx.Response, now: datetime) -> float:
    """For how many seconds an answer asks to be left alone (RFC 9110, 10.2.3); 0 where it does not say."""
    said = answer.headers.get("retry-after", "")
    if said.isascii() and said.isdecimal():
        return min(float(said), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER)
