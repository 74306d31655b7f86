"""Embeddings made on this machine: off the event loop, questions first.

A thread loads the model, which takes seconds, while the server already answers by keyword; then it takes work from one
queue, a small step at a time, so that a question waits for at most one batch of documents, and no account for the
texts of another.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from server.memory.embedding_model import Model
from server.memory.vector import QuestionVectors, TextVectors
from server.store.embedding.job_queue import Call, Job, JobQueue, Rank
from server.store.embedding.models.loaded_model import Embedder
from server.store.embedding.models.model_folder import find_model, find_model_folder
from server.store.embedding.models.model_thread import ModelThread
from server.store.embedding.query_cache import QueryCache
from server.store.embedding.source import EmbeddingFailed, SourceFigures, TextUnreadable

Load = Callable[[Path, Model, int], Embedder]

TURN = 4  # steps with documents before later jobs of the account have theirs: about an eighth of a second


class LocalEmbeddings(ModelThread[Embedder, Job]):
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
        self._jobs = JobQueue()
        super().__init__("embedding model", self._jobs, Job(Rank.STOP, 0, 0, []), EmbeddingFailed)
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
        home = find_model_folder(self._folder, model.name)
        self._start_thread(model, lambda: self._load(home, model, self._threads))

    async def embed_query(self, text: str) -> QuestionVectors:  # noqa: D102 - as `EmbeddingSource`
        if (known := self._cache.get(text)) is not None:
            return known
        return self._cache.put(text, await self._submit_texts(Rank.QUERY, [text]))

    async def embed_documents(  # noqa: D102 - as `EmbeddingSource`
        self, texts: list[str], account_id: str = ""
    ) -> list[TextVectors]:
        return await self._submit_texts(Rank.DOCUMENTS, texts, account_id)

    def forget_queries(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        self._cache.clear()

    def read_figures(self) -> SourceFigures:  # noqa: D102 - as `EmbeddingSource`
        return SourceFigures(len(self._waiting), self._cache.hits, self._cache.misses)

    async def close(self) -> None:  # noqa: D102 - as `EmbeddingSource`
        self._cache.clear()
        await super().close()

    async def _submit_texts(self, rank: Rank, texts: list[str], account_id: str = "") -> Any:
        self._check_ready()
        call = Call(list(texts), asyncio.get_running_loop().create_future())
        return await self._await_answer(self._make_job(rank, [call], account_id), call.answer)

    def _make_job(self, rank: Rank, calls: list[Call], account_id: str, *, is_alone: bool = False) -> Job:
        return Job(rank, 0, next(self._numbers), calls, account_id, is_alone)

    def _explain_absence(self) -> str:
        if self._wanted == "none":
            return f"{self._setting} is none"
        which = "no embedding model is" if self._wanted == "auto" else f"the embedding model {self._wanted} is not"
        return f"{which} here; `loci model pull` fetches it"

    # From here on, everything runs in the thread.

    def _do_job(self, loaded: Embedder, job: Job) -> None:
        """Answer a question, or take a step with documents."""
        if all(call.answer.done() for call in job.calls):  # nobody waits for it any more
            return
        # A panic of the libraries' Rust is no `Exception`, and would end the thread with everybody waiting for it.
        try:
            if job.rank is Rank.QUERY:
                self._answer_questions(loaded, job)
            elif (found := self._take_step(loaded, job)) is not None:
                for call in job.calls:
                    self._give_value(call.answer, [next(found) for _ in call.texts])
        except BaseException as error:  # noqa: BLE001 - a text the model chokes on is its caller's failure, not the thread's
            self._fail_calls(job, error)

    def _answer_questions(self, embedder: Embedder, job: Job) -> None:
        """Answer a question, and those that wait beside it."""
        self._jobs.gather_questions(job, embedder.most_questions)
        calls = [call for call in job.calls if not call.answer.done()]
        found = embedder.embed_questions([call.texts[0] for call in calls])
        for call, vectors in zip(calls, found, strict=True):
            if isinstance(vectors, TextUnreadable):
                self._give_error(call.answer, str(vectors), vectors)
            else:
                self._give_value(call.answer, vectors)

    def _take_step(self, embedder: Embedder, job: Job) -> Iterator[TextVectors] | None:
        """Take a step of the job. Return the vectors of each text after the last one; else put the job back in line."""
        if job.running is None:
            self._jobs.gather_calls(job)
            job.running = embedder.embed_documents([text for call in job.calls for text in call.texts])
        try:
            next(job.running)
        except StopIteration as end:
            return iter(end.value)
        job.steps += 1
        job.turns = 0 if job.is_shared else job.steps // TURN
        self._jobs.put(job)
        return None

    def _fail_calls(self, job: Job, error: BaseException) -> None:
        """Tell the caller of the failure; if several callers share the job, let each one try alone."""
        if len(job.calls) == 1:
            self._give_error(job.calls[0].answer, f"the model failed: {error}", error)
            return
        for call in job.calls:
            self._jobs.put(self._make_job(job.rank, [call], job.account_id, is_alone=True))
