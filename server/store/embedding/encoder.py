"""The embedding model together with its generation: writes and recalls ask it for vectors.

Without a model, while it loads, or when it fails, there are no vectors, and recall ranks by keyword. `backfill` fills
in the missing vectors once there is a model. If the model is a new one, the one before it goes on answering questions,
until no workspace serves its vectors any more.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from server.clock import Clock
from server.memory.embedding_model import Model
from server.memory.vector import QuestionVectors, TextVectors
from server.observer import NOBODY, Observer
from server.store.db import Database
from server.store.embedding.filling import Filling
from server.store.embedding.models.model_folder import find_model
from server.store.embedding.source import EmbeddingFailed, EmbeddingSource, TextUnreadable
from server.store.record.works import generations

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def choose_model(db: Database, folder: Path, wanted: str) -> str:
    """Return the model that a setting means: `auto` keeps the model that was taken before, as long as it is here."""
    if wanted != "auto":
        return wanted
    async with db.read() as connection:
        before = await generations.find_newest_model(connection)
    return before if before is not None and find_model(folder, before) is not None else wanted


Load = Callable[[Model], EmbeddingSource | None]
"""Makes the source of an earlier model's vectors; returns None if the model is not here any more."""


class Encoder:
    """Makes vectors of the current generation.

    Args:
        db: the record, which knows the generations.
        source: makes the vectors.
        now: the clock.
        load: for the questions that are asked of an earlier generation.
        observer: watches each embedding.

    Attributes:
        source: makes the vectors.
        generation: the model's generation; 0 if there is no model.
        filling: how far the missing vectors are filled in.
    """

    def __init__(
        self,
        db: Database,
        source: EmbeddingSource,
        now: Clock,
        load: Load = lambda _: None,
        observer: Observer = NOBODY,
    ) -> None:
        self._db = db
        self._now = now
        self._load = load
        self._observer = observer
        self._earlier: EmbeddingSource | None = None
        self._earlier_generation = 0
        self.source = source
        self.generation = 0
        self.filling = Filling()

    async def start(self) -> None:
        """Begin to load the model. Its generation is known at once; that of an endpoint's, when it has answered."""
        self.source.start()
        if self.source.state == "absent":
            log.warning("embedding.absent", reason=self.source.reason)
        await self.settle()

    async def settle(self) -> None:
        """Find the model's generation, if the model is known and the generation is not."""
        model = self.source.model
        if model is None or self.generation:
            return
        async with self._db.write() as connection:
            self.generation = await generations.ensure_generation(connection, model, self._now())
            served = await generations.list_served_beside(connection, self.generation)
        if served is not None and (earlier := self._load(served.model)) is not None:
            self._earlier, self._earlier_generation = earlier, served.generation
            earlier.start()

    async def close_earlier(self) -> None:
        """Close the earlier model: no workspace serves its generation any more."""
        earlier, self._earlier = self._earlier, None
        if earlier is not None:
            await earlier.close()

    async def close(self) -> None:
        """Close the models."""
        await self.close_earlier()
        await self.source.close()

    @property
    def notice(self) -> str:
        """The reason why a recall ranks by keyword only, as a sentence for the caller."""
        return f"Ranked by keyword only: {self.source.reason or 'this workspace waits for its vectors'}."

    def explain_unread(self, generation: int) -> str:
        """Return why a question that the model cannot read was ranked by keyword only, as a sentence for the caller."""
        model = self.find_model_name(generation) or "the embedding model"
        return (
            f"Ranked by keyword only: {model} cannot read the script of this question. A model of many languages can: "
            "`loci model pull --multilingual`."
        )

    @property
    def is_ready(self) -> bool:
        """Whether the model makes vectors now."""
        return self.source.state == "ready" and self.generation > 0

    async def embed_documents(
        self, texts: Sequence[str], account_id: str = "", *, patience: float | None = None
    ) -> list[TextVectors] | None:
        """Return each text's vectors.

        Args:
            texts: the texts.
            account_id: the account that waits; empty for work of the server's own.
            patience: the number of seconds after which a caller does without vectors; None for no such bound.

        Returns:
            None if the model makes no vectors now, or not in time.
        """
        if not self.is_ready:
            return None
        try:
            with self._observer.watch("embedding", "documents"):
                async with asyncio.timeout(patience):
                    found = await self.source.embed_documents(list(texts), account_id)
        except TimeoutError:
            log.warning("embedding.documents_late", texts=len(texts), seconds=patience)
            return None
        except EmbeddingFailed as error:
            log.warning("embedding.documents_failed", reason=str(error))
            return None
        self._observer.note_documents(len(texts), sum(len(each.windows) for each in found))
        return found

    async def embed_query(self, text: str, generation: int) -> QuestionVectors | None:
        """Return the query's vectors of a generation; None if the generation's model is not loaded.

        Raises:
            TextUnreadable: the model cannot read the query.
        """
        source = self._find_source(generation)
        if source is None or source.state != "ready":
            return None
        try:
            with self._observer.watch("embedding", "question"):
                return await source.embed_query(text)
        except EmbeddingFailed as error:
            if isinstance(error.__cause__, TextUnreadable):
                raise error.__cause__ from None
            log.warning("embedding.query_failed", reason=str(error))
            return None

    def find_model_name(self, generation: int) -> str | None:
        """Return the name of the model that made a generation's vectors; None if it is not loaded."""
        source = self._find_source(generation)
        return None if source is None or source.model is None else source.model.name

    def _find_source(self, generation: int) -> EmbeddingSource | None:
        if not generation:
            return None
        if generation == self.generation:
            return self.source
        return self._earlier if generation == self._earlier_generation else None
