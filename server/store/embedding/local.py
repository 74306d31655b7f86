"""Embeddings made on this machine: off the event loop, questions first.

A thread loads the model, which takes seconds, while the server already answers by keyword; then it takes work from one
queue, a small step at a time, so that a question waits for at most one batch of documents.
"""

import asyncio
import itertools
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from queue import PriorityQueue
from typing import Any

from server.memory.embedding_model import Model
from server.memory.vector import Vector
from server.store.embedding.loaded_model import Embedder
from server.store.embedding.model_folder import find_model, folder_of_model
from server.store.embedding.model_thread import Answer, ModelThread
from server.store.embedding.query_cache import QueryCache
from server.store.embedding.source import EmbeddingFailed, Windows

Load = Callable[[Path, Model, int], Embedder]

GATHERED = 64  # texts of small calls that are embedded together
GATHERED_CHARACTERS = 16_000  # of these texts: else the short ones would wait for the windows of the long ones
TURN = 4  # steps with documents before later jobs have theirs: about an eighth of a second


class _Rank(IntEnum):
    """The order of jobs: the lowest first."""

    STOP = 0
    QUERY = 1
    DOCUMENTS = 2


@dataclass(slots=True)
class _Call:
    """The texts of one caller, and the future that it waits for."""

    texts: list[str]
    answer: Answer


@dataclass(order=True, slots=True)
class _Job:
    """Work for the thread. A job with many documents lets later jobs have their turn between its own steps."""

    rank: _Rank
    turns: int
    number: int
    calls: list[_Call] = field(compare=False)
    is_alone: bool = field(compare=False, default=False)
    running: Generator[None, None, list[Windows]] | None = field(compare=False, default=None)
    steps: int = field(compare=False, default=0)


def _measure(job: _Job) -> tuple[int, int]:
    """Return the number of texts of a job, and of their characters."""
    texts = [text for call in job.calls for text in call.texts]
    return len(texts), sum(map(len, texts))


class LocalEmbeddings(ModelThread[Embedder, _Job]):
    """The embedding model on this machine: an `EmbeddingSource`.

    Args:
        folder: the folder of all models; only a model in it is ever loaded.
        wanted: a fastembed model name, `auto` for the first that is there, or `none`.
        threads: of the inference; 0: as many as there are cores.
        load: makes the embedder, in the thread.
        setting: the name of the setting that `wanted` is from, for people.
    """

    def __init__(
        self,
        folder: Path,
        wanted: str,
        threads: int,
        load: Load = Embedder,
        setting: str = "the embedding model's setting",
    ) -> None:
        self._jobs: PriorityQueue[_Job] = PriorityQueue()
        super().__init__("embedding model", self._jobs, _Job(_Rank.STOP, 0, 0, []), EmbeddingFailed)
        self._folder = folder
        self._wanted = wanted
        self._threads = threads
        self._load = load
        self._setting = setting
        self._numbers = itertools.count()
        self._cache = QueryCache()
        self._model: Model | None = None

    @property
    def model(self) -> Model | None:  # noqa: D102 - as `EmbeddingSource`
        return self._model if self._state in {"loading", "ready"} else None

    def start(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        if self._thread is not None:
            return
        self._model = model = find_model(self._folder, self._wanted)
        if model is None:
            self._settle("absent", self._explain_absence())
            return
        home = folder_of_model(self._folder, model.name)
        self._start_thread(model, lambda: self._load(home, model, self._threads))

    async def embed_query(self, text: str) -> Vector:  # noqa: D102 - as `EmbeddingSource`
        if (known := self._cache.get(text)) is not None:
            return known
        return self._cache.put(text, await self._submit_texts(_Rank.QUERY, [text]))

    async def embed_documents(self, texts: list[str]) -> list[Windows]:  # noqa: D102 - as `EmbeddingSource`
        return await self._submit_texts(_Rank.DOCUMENTS, texts)

    def forget_queries(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        self._cache.clear()

    async def close(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        self._cache.clear()
        await super().close()

    async def _submit_texts(self, rank: _Rank, texts: list[str]) -> Any:
        self._check_ready()
        call = _Call(list(texts), asyncio.get_running_loop().create_future())
        return await self._await_answer(self._make_job(rank, [call]), call.answer)

    def _make_job(self, rank: _Rank, calls: list[_Call], *, is_alone: bool = False) -> _Job:
        return _Job(rank, 0, next(self._numbers), calls, is_alone)

    def _explain_absence(self) -> str:
        if self._wanted == "none":
            return f"{self._setting} is none"
        which = "no embedding model is" if self._wanted == "auto" else f"the embedding model {self._wanted} is not"
        return f"{which} here; `python -m server model pull` fetches it"

    # From here on, everything runs in the thread.

    def _do_job(self, loaded: Embedder, job: _Job) -> None:
        """Answer a question, or take a step with documents."""
        if all(call.answer.done() for call in job.calls):  # nobody waits for it any more
            return
        # A panic of the libraries' Rust is no `Exception`, and would end the thread with everybody waiting for it.
        try:
            if job.rank is _Rank.QUERY:
                self._give_value(job.calls[0].answer, loaded.embed_query(job.calls[0].texts[0]))
            elif (found := self._take_step(loaded, job)) is not None:
                for call in job.calls:
                    self._give_value(call.answer, [next(found) for _ in call.texts])
        except BaseException as error:  # noqa: BLE001 - a text the model chokes on is its caller's failure, not the thread's
            self._fail_calls(job, error)

    def _take_step(self, embedder: Embedder, job: _Job) -> Iterator[Windows] | None:
        """Take a step of the job. Return the windows of each text after the last one; else put the job back in line."""
        if job.running is None:
            self._gather_calls(job)
            job.running = embedder.embed_documents([text for call in job.calls for text in call.texts])
        try:
            next(job.running)
        except StopIteration as end:
            return iter(end.value)
        job.steps += 1
        job.turns = job.steps // TURN
        self._jobs.put(job)
        return None

    def _gather_calls(self, job: _Job) -> None:
        """Add the small calls that wait behind a small one: embedded together, they fill whole batches."""
        texts, characters = _measure(job)
        while texts < GATHERED and characters < GATHERED_CHARACTERS and not (job.is_alone or self._jobs.empty()):
            other = self._jobs.get()
            more = _measure(other)
            texts, characters = texts + more[0], characters + more[1]
            is_small = texts <= GATHERED and characters <= GATHERED_CHARACTERS
            if other.rank is not _Rank.DOCUMENTS or other.running or other.is_alone or not is_small:
                self._jobs.put(other)
                return
            job.calls += [call for call in other.calls if not call.answer.done()]

    def _fail_calls(self, job: _Job, error: BaseException) -> None:
        """Tell the caller of the failure; if several callers share the job, let each one try alone."""
        if len(job.calls) == 1:
            self._give_error(job.calls[0].answer, f"the model failed: {error}", error)
            return
        for call in job.calls:
            self._jobs.put(self._make_job(job.rank, [call], is_alone=True))
