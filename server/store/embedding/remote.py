"""Embeddings that are made elsewhere: when a service is asked, and what of its answers is believed.

A service elsewhere adds three things: small batches, a bounded time for each call, and repeats if they may help. After
some failures in a row nothing is asked of it but whether it is back, at longer and longer intervals; meanwhile its
state is `failed`, recall ranks by keyword and writes store without vectors, so nobody waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice

import numpy as np
import structlog
import tenacity

from server.memory.embedding_model import Model
from server.memory.vector import QuestionVectors, TextVectors, Vector
from server.store.embedding.calls import AttemptFailed, EmbeddingCalls, Purpose
from server.store.embedding.fair_room import FairRoom
from server.store.embedding.models.loaded_model import spread_windows
from server.store.embedding.query_cache import QueryCache
from server.store.embedding.readiness import Readiness
from server.store.embedding.source import EmbeddingFailed, SourceFigures

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

WINDOW = 1600
"""Characters of a window: some 400 tokens of prose, so that it fits into a model of 512. A longer text is cut into
windows of this length, evenly spread from its start to its end; the best one counts in a recall."""
OVERLAP = 160
AT_ONCE = 4  # requests with documents, in turns between the accounts; questions wait for none of them

QUESTION_SECONDS = 3.0  # a recall goes on by keyword after that
BATCH_SECONDS = 20.0
CONNECT_SECONDS = 30.0  # the first answer may wait until a model is loaded
PAUSES = (0.25, 1.0)  # before the second and the third attempt, or as long as `Retry-After` says
FAILURES = 3  # failed attempts in a row, of all calls together, after which the endpoint counts as down
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0  # until it is asked whether it is back; doubled each time


class RemoteEmbeddings(Readiness):
    """The embedding model of a service elsewhere: an `EmbeddingSource`.

    Args:
        calls: the service, call by call.
        sleep: makes the pauses; the tests have their own.
    """

    def __init__(self, calls: EmbeddingCalls, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        super().__init__(f"{calls.label} was not asked yet", EmbeddingFailed)
        self._calls = calls
        self._sleep = sleep
        self._dims = calls.dims
        self._room = FairRoom(AT_ONCE)
        self._cache = QueryCache()
        self._failures = 0
        self._connecting: asyncio.Task[None] | None = None
        self._waiting = 0  # the calls for vectors that are not answered

    @property
    def model(self) -> Model | None:
        """The model, once its dimensions are known, while the state is `loading` or `ready`; else None."""
        if self._state not in {"loading", "ready"} or not self._dims:
            return None
        return Model(self._calls.model, self._calls.make_digest(self._dims), self._dims, WINDOW, "")

    def start(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        if self._connecting is None:
            self._begin_loading(f"{self._calls.label} has not answered yet")
            self._connecting = asyncio.create_task(self._connect(0.0))

    async def embed_query(self, text: str) -> QuestionVectors:  # noqa: D102 - as `EmbeddingSource`
        if (known := self._cache.get(text)) is not None:
            return known
        self._check_ready()
        with self._count_waiting():
            (vector,) = await self._fetch_vectors([text[:WINDOW]], "query", QUESTION_SECONDS)
        return self._cache.put(text, QuestionVectors(vector))

    async def embed_documents(  # noqa: D102 - as `EmbeddingSource`
        self,
        texts: list[str],
        account_id: str = "",
    ) -> list[TextVectors]:
        pieces = [list(_cut_windows(text)) for text in texts]
        every = (piece for row in pieces for piece in row)
        vectors: list[Vector] = []
        with self._count_waiting():
            while batch := list(islice(every, self._calls.batch_texts)):
                async with self._room.take_place(account_id):
                    self._check_ready()
                    vectors.extend(await self._fetch_vectors(batch, "document", BATCH_SECONDS))
        rest = iter(vectors)
        return [TextVectors(np.stack([next(rest) for _ in row])) for row in pieces]

    def forget_queries(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        self._cache.clear()

    def read_figures(self) -> SourceFigures:  # noqa: D102 - as `EmbeddingSource`
        return SourceFigures(self._waiting, self._cache.hits, self._cache.misses)

    async def close(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        self._settle("absent", "the server is stopping")
        self._cache.clear()
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        await self._calls.close()

    @contextmanager
    def _count_waiting(self) -> Generator[None]:
        """Count a call for vectors among the waiting ones while the block lasts."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

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
                await self._fetch_vectors(["warm up"], "query", CONNECT_SECONDS)
        log.info("endpoint.ready", model=self._calls.model, dims=self._dims)
        self._settle("ready", "")

    def _note_down(self, attempt: tenacity.RetryCallState) -> None:
        reason = str(_find_error(attempt))
        if reason != self._reason:
            log.warning("endpoint.unreachable", reason=reason)
        self._settle("failed", reason)

    def _note_failure(self, failure: AttemptFailed) -> None:
        """Count a failed attempt; after some in a row, or one that no repeat will mend, ask no more for a while."""
        self._failures += 1
        if self._state == "ready" and (self._failures >= FAILURES or not failure.may_pass):
            log.warning("endpoint.down", reason=str(failure))
            self._settle("failed", str(failure))
            self._connecting = asyncio.create_task(self._connect(max(FIRST_PAUSE, failure.retry_after)))

    async def _fetch_vectors(self, texts: list[str], purpose: Purpose, patience: float) -> Vector:
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
                return await retrying(self._attempt_fetch, texts, purpose)
        except TimeoutError:
            failure = AttemptFailed(self._calls.label, f"did not answer in {patience:g} seconds", may_pass=True)
            self._note_failure(failure)
            raise failure from None

    async def _attempt_fetch(self, texts: list[str], purpose: Purpose) -> Vector:
        try:
            vectors = self._read_vectors(await self._calls.fetch_rows(texts, purpose), len(texts))
        except AttemptFailed as failure:
            if failure.refusal and self._state == "ready":
                raise EmbeddingFailed(failure.refusal) from None
            self._note_failure(failure)
            raise
        self._failures = 0
        return vectors

    def _read_vectors(self, rows: Sequence[object], count: int) -> Vector:
        """Return the vectors of an answer, (count, dims) float32 of length 1, each of them checked."""
        label = self._calls.label
        try:
            vectors = np.array(rows, dtype=np.float64)
        except (ValueError, TypeError, OverflowError):
            raise AttemptFailed(label, "answered something that is no list of vectors") from None
        if vectors.ndim == 0 or len(vectors) != count:
            raise AttemptFailed(
                label, f"answered {vectors.shape[0] if vectors.ndim else 'no'} vectors to {count} texts"
            )
        if vectors.ndim != 2:  # noqa: PLR2004 - texts by dimensions
            raise AttemptFailed(label, "answered something that is no list of vectors")
        dims = vectors.shape[1]
        if self._dims not in {0, dims}:
            reason = f"answered vectors of length {dims} instead of {self._dims}; restart if that is meant"
            raise AttemptFailed(label, reason)
        with np.errstate(over="ignore"):
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise AttemptFailed(label, "answered a vector that is zero, or not finite")
        self._dims = dims
        return (vectors / lengths).astype(np.float32)


def _cut_windows(text: str) -> Iterator[str]:
    starts = [0] if len(text) <= WINDOW else spread_windows(len(text), WINDOW, OVERLAP)
    return (text[start : start + WINDOW] for start in starts)


def _find_error(attempt: tenacity.RetryCallState) -> BaseException | None:
    return None if attempt.outcome is None else attempt.outcome.exception()


def _may_help_to_repeat(error: BaseException, patience: float) -> bool:
    return isinstance(error, AttemptFailed) and error.may_pass and error.retry_after <= patience


def _wait_for_retry_after(pause: tenacity.wait.wait_base) -> Callable[[tenacity.RetryCallState], float]:
    """A pause, or the one that the endpoint asked for with `Retry-After` if that is longer."""

    def wait(attempt: tenacity.RetryCallState) -> float:
        error = _find_error(attempt)
        return max(pause(attempt), error.retry_after if isinstance(error, AttemptFailed) else 0.0)

    return wait
