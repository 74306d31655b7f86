"""A model that belongs to one thread, which loads it while the server already answers.

Inference is slow and synchronous, and the libraries' models are not made for several threads. So one thread owns the
model and takes jobs from a queue, and the event loop waits for their answers. A job whose callers have all gone away
is not done.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import Queue, SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeVar

import structlog

from server.memory.embedding_model import Model
from server.store.embedding.readiness import Readiness
from server.store.embedding.source import State

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: How long `close` waits for the thread. If the model is still at work then, the thread ends with the process.
CLOSE_SECONDS = 0.75

Answer = asyncio.Future[Any]
LoadedT = TypeVar("LoadedT")
JobT = TypeVar("JobT")


class ModelThread(Readiness, Generic[LoadedT, JobT]):
    """A model with a thread of its own. A subclass defines a job, and does it in `_do`.

    Args:
        name: the thread's name, and the model's kind in the log.
        queue: holds the waiting jobs; they are done in its order.
        stop: ends the thread when it is taken from the queue.
        refusal: makes the error of a job that is refused or fails, from the reason.
    """

    def __init__(
        self,
        name: str,
        queue: Queue[Any] | SimpleQueue[Any],
        stop: object,
        refusal: Callable[[str], Exception],
    ) -> None:
        super().__init__(f"the {name} was not started", refusal)
        self._name = name
        self._queue = queue
        self._stop = stop
        self._waiting: set[Answer] = set()
        self._thread: Thread | None = None

    async def close(self) -> None:
        """Refuse the waiting jobs and free the model; return when the thread has ended, or after `CLOSE_SECONDS`."""
        thread, self._thread = self._thread, None
        self._settle("absent", "the server is stopping")
        for answer in self._waiting:
            _set_error(answer, self._refusal(self._reason))
        if thread is not None:
            self._queue.put(self._stop)
            await asyncio.to_thread(thread.join, CLOSE_SECONDS)

    def _start_thread(self, model: Model, load: Callable[[], LoadedT]) -> None:
        """Begin to load the model; `load` is called in the thread."""
        self._begin_loading(f"{model.name} is being loaded")
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._run_jobs, args=(model, load), name=self._name, daemon=True)
        self._thread.start()

    async def _await_answer(self, job: JobT, answer: Answer) -> Any:
        """Queue a job and return its answer. To cancel the wait is to withdraw the job.

        Raises:
            Exception: the job failed, or the model was closed; `refusal` made the error.
        """
        self._waiting.add(answer)
        self._queue.put(job)
        try:
            return await answer
        finally:
            self._waiting.discard(answer)

    def _finish_loading(self, state: State, reason: str, error: str | None = None) -> None:
        if self._thread is None:  # the model was closed meanwhile, and stays so
            return
        self._settle(state, reason)
        if error is not None:
            log.warning("model.failed", kind=self._name, error=error, reason=reason)

    # From here on, everything runs in the thread.

    def _run_jobs(self, model: Model, load: Callable[[], LoadedT]) -> None:
        """Load the model, then do one job after the other until told to stop."""
        with suppress(RuntimeError):  # the loop was closed without us: nobody is waiting any more
            try:
                loaded = load()
            except BaseException as error:  # noqa: BLE001 - each library has its own errors, and the server goes on without the model
                reason = f"{model.name} cannot be loaded: {error}"
                self._loop.call_soon_threadsafe(self._finish_loading, "failed", reason, type(error).__name__)
                return
            self._loop.call_soon_threadsafe(self._finish_loading, "ready", "")
            while (job := self._queue.get()) is not self._stop:
                self._do_job(loaded, job)

    def _do_job(self, loaded: LoadedT, job: JobT) -> None:
        """Do a job, or a step of it; answer it with `_give_value` or `_give_error`, and raise RuntimeError alone."""
        raise NotImplementedError

    def _give_value(self, answer: Answer, value: object) -> None:
        self._loop.call_soon_threadsafe(_set_value, answer, value)

    def _give_error(self, answer: Answer, reason: str, cause: BaseException) -> None:
        failure = self._refusal(reason)
        failure.__cause__ = cause
        self._loop.call_soon_threadsafe(_set_error, answer, failure)


def _set_value(answer: Answer, value: object) -> None:
    if not answer.done():
        answer.set_result(value)


def _set_error(answer: Answer, error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
