"""Embeddings for the rest of the server: off the event loop, questions first, and never in anyone's way.

One thread owns the model. It loads it, which takes seconds, while the server already answers by keyword; then it
takes work from one queue, a small step at a time, so that a question waits for at most one batch of documents.
"""

import asyncio
import itertools
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from queue import PriorityQueue
from threading import Thread
from typing import Any, Literal

from server.memory.embedding import Model, Vector
from server.store.embedding.loaded_model import Embedder, Windows
from server.store.embedding.model_folder import find, place
from server.store.embedding.query_cache import QueryCache

State = Literal["loading", "ready", "absent", "failed"]
Load = Callable[[Path, Model, int], Embedder]

GATHERED = 64  # texts of small calls, embedded together
TURN = 16  # steps with documents before those that came later have theirs: about half a second


class EmbeddingFailed(Exception):  # noqa: N818 - it names what happened, and reads so at every raise
    """There is no vector: no model, not yet, or it failed on this text. The message says which."""


class _Rank(IntEnum):
    """What goes first."""

    STOP = 0
    QUERY = 1
    DOCUMENTS = 2


@dataclass(slots=True)
class _Call:
    """What one caller gave, and where it waits."""

    texts: list[str]
    answer: asyncio.Future[Any]


@dataclass(order=True, slots=True)
class _Job:
    """Work for the thread. A job with many documents lets those that came later have their turn between its own."""

    rank: _Rank
    turns: int
    number: int
    calls: list[_Call] = field(compare=False)
    alone: bool = field(compare=False, default=False)
    running: Generator[None, None, list[Windows]] | None = field(compare=False, default=None)
    steps: int = field(compare=False, default=0)


class Embeddings:
    """The embedding model of this server.

    Args:
        folder: the folder of all models; only what lies there is ever loaded.
        wanted: a fastembed model name, `auto` for the first that is there, or `none`.
        threads: of the inference; 0: as many as there are cores.
        load: makes the embedder, in the thread.
    """

    def __init__(self, folder: Path, wanted: str, threads: int, load: Load = Embedder) -> None:
        self._folder = folder
        self._wanted = wanted
        self._threads = threads
        self._load = load
        self._numbers = itertools.count()
        self._queue: PriorityQueue[_Job] = PriorityQueue()
        self._waiting: set[asyncio.Future[Any]] = set()
        self._cache = QueryCache()
        self._settled = asyncio.Event()
        self._thread: Thread | None = None
        self._model: Model | None = None
        self._state: State = "absent"
        self._reason = "the embedding model was not started"

    @property
    def state(self) -> State:
        """`loading`, `ready`, `absent` (none here, or none wanted) or `failed`."""
        return self._state

    @property
    def reason(self) -> str:
        """Why there are no vectors, for a person; empty when there are."""
        return self._reason

    @property
    def model(self) -> Model | None:
        """The model that is loading or ready; None in every other state."""
        return self._model if self._state in {"loading", "ready"} else None

    def start(self) -> None:
        """Look for the model and begin to load it, in the background; on the event loop, and once.

        Where none was found it may be called again, after a pull.
        """
        if self._thread is not None:
            return
        self._model = find(self._folder, self._wanted)
        if self._model is None:
            self._settle("absent", _why_absent(self._wanted))
            return
        self._state, self._reason = "loading", f"{self._model.name} is being loaded"
        self._settled.clear()
        work = (asyncio.get_running_loop(), self._model)
        self._thread = Thread(target=self._work, args=work, name="embeddings", daemon=True)
        self._thread.start()

    async def wait_ready(self) -> None:
        """Return once the model is loaded.

        Raises:
            EmbeddingFailed: there is none, or it cannot be loaded.
        """
        await self._settled.wait()
        self._check()

    async def embed_query(self, text: str) -> Vector:
        """The unit vector of a question, (dims,) float32, read-only; the last few thousand are remembered.

        Raises:
            EmbeddingFailed: the model is not ready, or failed on this text.
        """
        if (known := self._cache.get(text)) is not None:
            return known
        return self._cache.put(text, await self._submit(_Rank.QUERY, [text]))

    async def embed_documents(self, texts: list[str]) -> list[Windows]:
        """The unit vectors of each text, in order: (1, dims) float32, or (n, dims) where it exceeds the window.

        Raises:
            EmbeddingFailed: the model is not ready, or failed on one of the texts; then none has a vector.
        """
        return await self._submit(_Rank.DOCUMENTS, texts)

    async def close(self) -> None:
        """Refuse what is waiting and let go of the model; returns when the thread has ended."""
        thread, self._thread = self._thread, None
        self._settle("absent", "the server is stopping")
        for answer in self._waiting:
            _fail(answer, EmbeddingFailed(self._reason))
        self._cache.clear()
        if thread is not None:
            self._put(_Rank.STOP, [])
            await asyncio.to_thread(thread.join)

    def _check(self) -> None:
        if self._state != "ready":
            raise EmbeddingFailed(self._reason)

    async def _submit(self, rank: _Rank, texts: list[str]) -> Any:
        self._check()
        call = _Call(list(texts), asyncio.get_running_loop().create_future())
        self._put(rank, [call])
        self._waiting.add(call.answer)
        try:
            return await call.answer
        finally:
            self._waiting.discard(call.answer)

    def _put(self, rank: _Rank, calls: list[_Call], *, alone: bool = False) -> None:
        self._queue.put(_Job(rank, 0, next(self._numbers), calls, alone))

    def _settle(self, state: State, reason: str) -> None:
        self._state, self._reason = state, reason
        self._settled.set()

    # what follows runs in the thread

    def _work(self, loop: asyncio.AbstractEventLoop, model: Model) -> None:
        """Load the model, then take one step after the other until told to stop."""
        with suppress(RuntimeError):  # the loop was closed without us: nobody is waiting any more
            try:
                embedder = self._load(place(self._folder, model.name), model, self._threads)
            except BaseException as error:  # noqa: BLE001 - whatever a library raises, the server goes on without vectors
                loop.call_soon_threadsafe(self._loaded, "failed", f"{model.name} cannot be loaded: {error}")
                return
            loop.call_soon_threadsafe(self._loaded, "ready", "")
            while (job := self._queue.get()).rank is not _Rank.STOP:
                if not all(call.answer.done() for call in job.calls):  # else nobody waits for it any more
                    self._do(loop, embedder, job)

    def _do(self, loop: asyncio.AbstractEventLoop, embedder: Embedder, job: _Job) -> None:
        """Answer a question, or take a step with documents, and tell whoever waits for the outcome."""
        # A panic of the libraries' Rust is no `Exception`, and would end the thread with everybody waiting for it.
        try:
            if job.rank is _Rank.QUERY:
                loop.call_soon_threadsafe(_give, job.calls[0].answer, embedder.query(job.calls[0].texts[0]))
            elif (found := self._step(embedder, job)) is not None:
                for call in job.calls:
                    loop.call_soon_threadsafe(_give, call.answer, [next(found) for _ in call.texts])
        except BaseException as error:  # noqa: BLE001 - a text the model chokes on is its caller's failure, not the thread's
            self._failed(loop, job, error)

    def _step(self, embedder: Embedder, job: _Job) -> Iterator[Windows] | None:
        """The windows of each text of the job, once its last step is taken; until then the job goes back in line."""
        if job.running is None:
            self._gather(job)
            job.running = embedder.documents([text for call in job.calls for text in call.texts])
        try:
            next(job.running)
        except StopIteration as end:
            return iter(end.value)
        job.steps += 1
        job.turns = job.steps // TURN
        self._queue.put(job)
        return None

    def _gather(self, job: _Job) -> None:
        """Take on the small calls that wait behind a small one: embedded together, they fill whole batches."""
        room = 0 if job.alone else GATHERED - sum(len(call.texts) for call in job.calls)
        while room > 0 and not self._queue.empty():
            other = self._queue.get()
            room -= sum(len(call.texts) for call in other.calls)
            if other.rank is not _Rank.DOCUMENTS or other.running or other.alone or room < 0:
                self._queue.put(other)
                return
            job.calls += [call for call in other.calls if not call.answer.done()]

    def _failed(self, loop: asyncio.AbstractEventLoop, job: _Job, error: BaseException) -> None:
        """Tell the caller, or, where several share the job, let each try alone."""
        if len(job.calls) > 1:
            for call in job.calls:
                self._put(job.rank, [call], alone=True)
            return
        failure = EmbeddingFailed(f"the model failed: {error}")
        failure.__cause__ = error
        loop.call_soon_threadsafe(_fail, job.calls[0].answer, failure)

    def _loaded(self, state: State, reason: str) -> None:
        """Back on the loop; a server that is stopping by now stays so."""
        if self._thread is not None:
            self._settle(state, reason)


def _give(answer: asyncio.Future[Any], value: object) -> None:
    if not answer.done():
        answer.set_result(value)


def _fail(answer: asyncio.Future[Any], error: EmbeddingFailed) -> None:
    if not answer.done():
        answer.set_exception(error)


def _why_absent(wanted: str) -> str:
    if wanted == "none":
        return "LOCI_EMBEDDING_MODEL is none"
    which = "no embedding model is here" if wanted == "auto" else f"the embedding model {wanted} is not here"
    return f"{which}; `python -m server model pull` fetches it"
