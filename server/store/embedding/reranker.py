"""The optional last look at a recall's best candidates: a cross-encoder, with a deadline.

One thread owns the model and loads it while the server already answers. A recall that it cannot serve in time goes on
without, and what it was asked for is dropped, so that no recall ever waits for another one's.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

import structlog

from server.memory.embedding import Model
from server.store.embedding.cross_encoder import CrossEncoder
from server.store.embedding.local import State
from server.store.embedding.model_folder import find, place

log = structlog.get_logger(__name__)

MAX_TEXTS = 30


class Scorer(Protocol):
    """What the thread works with."""

    def scores(self, query: str, texts: list[str]) -> Iterator[list[float]]:
        """The scores of the texts, a few at a time."""
        ...


Load = Callable[[Path, Model, int], Scorer]
Answer = asyncio.Future[list[float]]


@dataclass(frozen=True, slots=True)
class _Job:
    query: str
    texts: list[str]
    answer: Answer


class Reranker:
    """The cross-encoder of this server.

    Args:
        folder: the folder of all models; only what lies there is ever loaded.
        wanted: a fastembed cross-encoder's name; empty: none.
        milliseconds: how long a recall waits for it.
        threads: of the inference; 0: as many as there are cores.
        load: makes the cross-encoder, in the thread.
    """

    def __init__(
        self, folder: Path, wanted: str, milliseconds: int, threads: int = 0, load: Load = CrossEncoder
    ) -> None:
        self._folder = folder
        self._wanted = wanted
        self._seconds = milliseconds / 1000
        self._threads = threads
        self._load = load
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting: set[Answer] = set()
        self._settled = asyncio.Event()
        self._thread: Thread | None = None
        self._state: State = "absent"
        self._reason = "the cross-encoder was not started"

    @property
    def state(self) -> State:
        """`loading`, `ready`, `absent` (not here, or none wanted) or `failed`."""
        return self._state

    @property
    def reason(self) -> str:
        """Why there are no scores, for a person; empty when there are."""
        return self._reason

    def start(self) -> None:
        """Look for the model and begin to load it, in the background; on the event loop, and once."""
        model = find(self._folder, self._wanted) if self._wanted else None
        if model is None:
            missing = f"the cross-encoder {self._wanted} is not here; `python -m server model pull` fetches it"
            self._settle("absent", missing if self._wanted else "LOCI_RERANK_MODEL is empty")
            if self._wanted:
                log.warning("recall goes without its last look", reason=self._reason)
            return
        self._state, self._reason = "loading", f"{model.name} is being loaded"
        work = (asyncio.get_running_loop(), model)
        self._thread = Thread(target=self._work, args=work, name="reranker", daemon=True)
        self._thread.start()

    async def wait_settled(self) -> None:
        """Return once the model is loaded, or cannot be."""
        await self._settled.wait()

    async def scores(self, query: str, texts: list[str]) -> list[float] | None:
        """How well each text answers the query: one score for each, in order, unbounded; higher is better.

        At most `MAX_TEXTS` texts. None where there is no model, where it failed, and where the deadline passed: a
        recall goes on without, and one log line says why.
        """
        if self._state != "ready" or not texts:
            return None
        if len(texts) > MAX_TEXTS:
            raise ValueError(f"{len(texts)} texts are more than the {MAX_TEXTS} that a recall may wait for")
        answer: Answer = asyncio.get_running_loop().create_future()
        self._waiting.add(answer)
        self._queue.put(_Job(query, list(texts), answer))
        try:
            async with asyncio.timeout(self._seconds):
                return await answer
        except TimeoutError:
            log.warning("a recall went without its last look", reason=f"it took more than {self._seconds:g} s")
        except _ScoringFailed as error:
            log.warning("a recall went without its last look", reason=str(error))
        finally:
            self._waiting.discard(answer)
        return None

    async def close(self) -> None:
        """Refuse what is waiting and let go of the model; returns when the thread has ended."""
        thread, self._thread = self._thread, None
        self._settle("absent", "the server is stopping")
        for answer in self._waiting:
            _fail(answer, _ScoringFailed(self._reason))
        if thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    def _settle(self, state: State, reason: str) -> None:
        self._state, self._reason = state, reason
        self._settled.set()

    # what follows runs in the thread

    def _work(self, loop: asyncio.AbstractEventLoop, model: Model) -> None:
        """Load the model, then answer one recall after the other until told to stop."""
        with suppress(RuntimeError):  # the loop was closed without us: nobody is waiting any more
            try:
                scorer = self._load(place(self._folder, model.name), model, self._threads)
            except BaseException as error:  # noqa: BLE001 - whatever a library raises, recall goes on without
                loop.call_soon_threadsafe(self._loaded, "failed", f"{model.name} cannot be loaded: {error}")
                return
            loop.call_soon_threadsafe(self._loaded, "ready", "")
            while (job := self._queue.get()) is not None:
                self._do(loop, scorer, job)

    def _do(self, loop: asyncio.AbstractEventLoop, scorer: Scorer, job: _Job) -> None:
        found: list[float] = []
        try:
            steps = scorer.scores(job.query, job.texts)
            while len(found) < len(job.texts):
                if job.answer.done():  # nobody waits for it any more
                    return
                found += next(steps)
            if not all(math.isfinite(score) for score in found):
                raise ValueError("a score is not finite")  # noqa: TRY301 - told like every other failure of the model
        except BaseException as error:  # noqa: BLE001 - a text the model chokes on fails its recall's look, not the thread
            loop.call_soon_threadsafe(_fail, job.answer, _ScoringFailed(f"the cross-encoder failed: {error}"))
        else:
            loop.call_soon_threadsafe(_give, job.answer, found)

    def _loaded(self, state: State, reason: str) -> None:
        """Back on the loop; a server that is stopping by now stays so."""
        if self._thread is not None:
            self._settle(state, reason)
            if state == "failed":
                log.warning("recall goes without its last look", reason=reason)


class _ScoringFailed(Exception):  # noqa: N818 - as `EmbeddingFailed`
    """There are no scores; the message says why."""


def _give(answer: Answer, scores: list[float]) -> None:
    if not answer.done():
        answer.set_result(scores)


def _fail(answer: Answer, error: _ScoringFailed) -> None:
    if not answer.done():
        answer.set_exception(error)
