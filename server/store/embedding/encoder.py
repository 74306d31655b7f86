"""The embedding model together with its generation: what writes and recalls ask for vectors.

Without a model, while it loads, or when it fails, there are no vectors, and recall ranks by keyword. The
vectors that are missing are filled in by `backfill` once there is a model. Where the model is a new one, the
one before it goes on answering questions, until no workspace serves its vectors any more.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

from server.memory.embedding import Model, Vector
from server.store.db import Database
from server.store.embedding.local import EmbeddingFailed, State, Windows
from server.store.embedding.model_folder import find
from server.store.record import generations
from server.store.record.vectors import Filling

log = structlog.get_logger(__name__)


class EmbeddingSource(Protocol):
    """Where vectors come from: the model on this machine, or an endpoint. `Embeddings` documents the verbs."""

    @property
    def state(self) -> State: ...  # noqa: D102 - as above
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def model(self) -> Model | None: ...  # noqa: D102
    def start(self) -> None: ...  # noqa: D102
    async def wait_ready(self) -> None: ...  # noqa: D102
    async def embed_query(self, text: str) -> Vector: ...  # noqa: D102
    async def embed_documents(self, texts: list[str]) -> list[Windows]: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


async def model_to_load(db: Database, folder: Path, wanted: str) -> str:
    """The model that a setting means: `auto` stays with the one that was taken before, as long as it is here."""
    if wanted != "auto":
        return wanted
    async with db.read() as connection:
        before = await generations.newest_model(connection)
    return before if before is not None and find(folder, before) is not None else wanted


Load = Callable[[Model], EmbeddingSource | None]
"""Makes what embeds with an earlier model; None where that is not here any more."""


class Encoder:
    """Text to vectors of the current generation. `generation` is 0 where there is no model.

    `load` is for the questions that are asked of an earlier generation.
    """

    def __init__(
        self,
        db: Database,
        embeddings: EmbeddingSource,
        now: Callable[[], datetime],
        load: Load = lambda _: None,
    ) -> None:
        self._db = db
        self._now = now
        self._load = load
        self._earlier: EmbeddingSource | None = None
        self._earlier_generation = 0
        self.embeddings = embeddings
        self.generation = 0
        #: Whether some memories may be without vectors of the generation.
        self.has_gaps = True
        #: Whether gaps are being filled in right now.
        self.is_filling = False
        #: How far that is, in all workspaces together, where there is much to do.
        self.filling: Filling | None = None
        #: How often it was done; what was counted in an earlier round is out of date.
        self.rounds = 0

    async def start(self) -> None:
        """Begin loading the model. Its generation is known at once, or, of an endpoint, when it has answered."""
        self.embeddings.start()
        if self.embeddings.state == "absent":
            log.warning("recall ranks by keyword only", reason=self.embeddings.reason)
        await self.settle()

    async def settle(self) -> None:
        """Find the model's generation, as soon as the model is known; once."""
        model = self.embeddings.model
        if model is None or self.generation:
            return
        async with self._db.write() as connection:
            self.generation = await generations.generation_of(connection, model, self._now())
            served = await generations.served_beside(connection, self.generation)
        if served is not None and (earlier := self._load(served.model)) is not None:
            self._earlier, self._earlier_generation = earlier, served.generation
            earlier.start()

    async def let_go(self) -> None:
        """No workspace serves an earlier generation any more: its model is not needed."""
        earlier, self._earlier = self._earlier, None
        if earlier is not None:
            await earlier.close()

    async def close(self) -> None:
        """Let go of the models."""
        await self.let_go()
        await self.embeddings.close()

    def note_missing(self) -> None:
        """Say that a memory was stored without vectors, so that they are filled in later."""
        self.has_gaps = True

    @property
    def notice(self) -> str:
        """Why a recall ranks by keyword only, for whoever reads its answer."""
        return f"Ranked by keyword only: {self.embeddings.reason or 'this workspace waits for its vectors'}."

    @property
    def is_ready(self) -> bool:
        """Whether there are vectors to be had right now."""
        return self.embeddings.state == "ready" and self.generation > 0

    @property
    def is_whole(self) -> bool:
        """Whether no gap is known, and none is being filled in."""
        return not self.has_gaps and not self.is_filling

    async def documents(self, texts: Sequence[str]) -> list[Vector] | None:
        """Each text's windows, (n, dims); None where there are no vectors to be had now."""
        if not self.is_ready:
            return None
        try:
            return await self.embeddings.embed_documents(list(texts))
        except EmbeddingFailed as error:
            log.warning("embedding failed; the memories stay recallable by keyword", reason=str(error))
            return None

    async def query(self, text: str, generation: int) -> Vector | None:
        """The query's vector (dims,), where a model is loaded whose vectors the collection holds."""
        source = self._source_of(generation)
        if source is None or source.state != "ready":
            return None
        try:
            return await source.embed_query(text)
        except EmbeddingFailed as error:
            log.warning("embedding failed; this recall ranks by keyword", reason=str(error))
            return None

    def model_name(self, generation: int) -> str | None:
        """The name of the model that a generation's vectors are of, where it is loaded."""
        source = self._source_of(generation)
        return None if source is None or source.model is None else source.model.name

    def _source_of(self, generation: int) -> EmbeddingSource | None:
        if not generation:
            return None
        if generation == self.generation:
            return self.embeddings
        return self._earlier if generation == self._earlier_generation else None
