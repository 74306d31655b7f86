"""The optional last look at a recall's best candidates: a cross-encoder, with a deadline.

A recall that the model cannot serve in time goes on without it, and the rest of its job is dropped, so that no recall
ever waits for the job of another one.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import structlog

from server.memory.embedding_model import Model
from server.store.embedding.models.cross_encoder import CrossEncoder
from server.store.embedding.models.model_folder import find_model, find_model_folder
from server.store.embedding.models.model_thread import Answer, ModelThread

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

MAX_TEXTS = 30


class Scorer(Protocol):
    """The model that the thread works with: `CrossEncoder`, or the double of a test."""

    def score_texts(self, query: str, texts: list[str]) -> Iterator[list[float]]:
        """Yield the scores of the texts, a few at a time."""
        ...


Load = Callable[[Path, Model, int], Scorer]


class _ScoringFailed(Exception):  # noqa: N818 - as `EmbeddingFailed`
    """There are no scores; the message says why."""


@dataclass(frozen=True, slots=True)
class _Job:
    query: str
    texts: list[str]
    answer: Answer


class Reranker(ModelThread[Scorer, _Job]):
    """The cross-encoder of this server.

    Args:
        folder: the folder of all models; only a model in it is ever loaded.
        wanted: a fastembed cross-encoder's name; empty: none.
        milliseconds: how long a recall waits for it.
        threads: of the inference; 0: as many as there are cores.
        load: makes the cross-encoder, in the thread.
        setting: the name of the setting that `wanted` is from, for people.
    """

    def __init__(
        self,
        folder: Path,
        wanted: str,
        milliseconds: int,
        threads: int = 0,
        load: Load = CrossEncoder,
        setting: str = "the cross-encoder's setting",
    ) -> None:
        super().__init__("cross-encoder", SimpleQueue(), None, _ScoringFailed)
        self._folder = folder
        self._wanted = wanted
        self._seconds = milliseconds / 1000
        self._threads = threads
        self._load = load
        self._setting = setting

    def start(self) -> None:
        """Look for the model and begin to load it, in the background; on the event loop, and once."""
        if not self._wanted:
            self._settle("absent", f"{self._setting} is empty")
        elif (model := find_model(self._folder, self._wanted)) is None:
            missing = f"the cross-encoder {self._wanted} is not here; `loci model pull` fetches it"
            self._settle("absent", missing)
            log.warning("reranker.absent", reason=missing)
        else:
            home, threads = find_model_folder(self._folder, model.name), self._threads
            self._start_thread(model, lambda: self._load(home, model, threads))

    async def score_texts(self, query: str, texts: list[str]) -> list[float] | None:
        """Score how well each text answers the query.

        Returns:
            One score for each text, in their order, unbounded, higher is better. None if there is no model, if it
            failed, or if the deadline passed: the recall goes on without, and a log line says why.

        Raises:
            ValueError: there are more than `MAX_TEXTS` texts.
        """
        if self._state != "ready" or not texts:
            return None
        if len(texts) > MAX_TEXTS:
            raise ValueError(f"{len(texts)} texts are more than the {MAX_TEXTS} that a recall may wait for")
        answer: Answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._seconds):
                return await self._await_answer(_Job(query, list(texts), answer), answer)
        except TimeoutError:
            log.warning("reranking.skipped", reason=f"it took more than {self._seconds:g} s")
        except _ScoringFailed as error:
            log.warning("reranking.skipped", reason=str(error))
        return None

    # From here on, everything runs in the thread.

    def _do_job(self, loaded: Scorer, job: _Job) -> None:
        """Score the texts of a recall, as long as it waits for them."""
        scores: list[float] = []
        try:
            steps = loaded.score_texts(job.query, job.texts)
            while len(scores) < len(job.texts):
                if job.answer.done():  # nobody waits for it any more
                    return
                scores += next(steps)
            if not all(math.isfinite(score) for score in scores):
                raise ValueError("a score is not finite")  # noqa: TRY301 - told like every other failure of the model
        except BaseException as error:  # noqa: BLE001 - a text the model chokes on fails its recall's look, not the thread
            self._give_error(job.answer, f"the cross-encoder failed: {error}", error)
        else:
            self._give_value(job.answer, scores)
