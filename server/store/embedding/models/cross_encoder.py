"""A loaded cross-encoder: it reads a question and a text together, and scores how well they fit.

Slow and synchronous, so it belongs to one thread. fastembed runs the model (Nogueira and Cho 2019, section 2).
"""

from collections.abc import Iterator
from pathlib import Path

from server.memory.embedding_model import Model
from server.store.embedding.models.fastembed_model import load_fastembed_model

BATCH_TEXTS = 5  # texts between two checks whether anybody still waits: some 50 ms on one core
CHARACTERS_PER_TOKEN = 8  # more than any text has; characters beyond the model's window are not even tokenized


class CrossEncoder:
    """One model in memory.

    Args:
        home: the model's own folder.
        model: the model, as its card describes it.
        threads: of the inference; 0: as many as there are cores.

    Raises:
        Exception: the libraries cannot use the files; each library raises its own errors.
    """

    def __init__(self, home: Path, model: Model, threads: int) -> None:
        # on a cold disk it takes seconds to import, and only this thread has them to spare
        from fastembed.rerank.cross_encoder import TextCrossEncoder  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

        self._characters = model.max_tokens * CHARACTERS_PER_TOKEN
        self._model = load_fastembed_model(TextCrossEncoder, home, model, threads)
        list(self.score_texts("warm", ["up"]))

    def score_texts(self, query: str, texts: list[str]) -> Iterator[list[float]]:
        """Yield the scores of the texts, batch by batch, in their order; unbounded, and higher is better."""
        question = query[: self._characters]
        for start in range(0, len(texts), BATCH_TEXTS):
            batch = [text[: self._characters] for text in texts[start : start + BATCH_TEXTS]]
            yield list(self._model.rerank(question, batch))
