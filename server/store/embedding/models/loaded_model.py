"""A loaded embedding model: text in, unit vectors out. Slow and synchronous, so it belongs to one thread.

fastembed runs the model. This module cuts texts into windows and batches them so that padding costs little: sorted by
length, `BATCH_TEXTS` at a time. Measured on LoCoMo turns (33 tokens at the mean, one thread) that is 1.45 times the
throughput of one text at a time, and 1.65 times that of unsorted eights; sixteen are no faster. `BATCH_TOKENS` keeps a
batch of long windows from holding up a query. It costs nothing, because a long text alone fills the processor.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.memory.embedding_model import Model
from server.memory.vector import QuestionVectors, TextVectors, TokenVectors, Vector
from server.store.embedding.models.fastembed_model import load_fastembed_model
from server.store.embedding.models.question_graph import find_question_graph
from server.store.embedding.models.token_projection import TokenProjection
from server.store.embedding.source import TextUnreadable

BATCH_TEXTS = 8
BATCH_TOKENS = 512
CUT_TEXTS = 64
OVERLAP = 32
MOST_QUESTIONS = 8  # with more, the first would wait for the last
MAX_WINDOWS = 64
"""The most vectors of a text: more than 32 KiB of prose needs (about 8,000 tokens, 37 windows)."""
MOST_TOKENS = 256
"""The tokens of a text that have a vector of their own: the first ones."""
#: The sizes of the vocabularies of models of one language. A larger one is of many, and reads every script.
ONE_LANGUAGE = range(1_000, 100_000)
MOST_UNREAD = 0.5
UNKNOWN = "[UNK]"


@dataclass(frozen=True, slots=True)
class _Piece:
    """A window of the text at index `owner` of the caller's list, and its length in tokens."""

    owner: int
    text: str
    tokens: int


class Embedder:
    """One model in memory.

    Args:
        home: the model's own folder.
        model: the model, as its card describes it.
        threads: of the inference; 0: as many as there are cores.

    Raises:
        Exception: the libraries cannot use the files; each library raises its own errors.
        ValueError: the model's vectors do not have the length that its card says.
    """

    def __init__(self, home: Path, model: Model, threads: int) -> None:
        # on a cold disk these take seconds to import, and only this thread has them to spare
        from fastembed import TextEmbedding  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        self._dims = model.dims
        self._model = load_fastembed_model(TextEmbedding, home, model, threads)
        self._inner: Any = self._model.model
        graph = find_question_graph(home)
        self._asked: Any = self._inner
        if graph is not None:
            # One thread is enough for bytes: a second one would take more time to wake up than it saves.
            self._asked = load_fastembed_model(TextEmbedding, home, model, 1, graph).model
        #: The most questions that are embedded together. With bytes the vector of one would depend on the others.
        self.most_questions = MOST_QUESTIONS if graph is None else 1
        self._tokenizer = Tokenizer.from_file(str(home / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._window = model.max_tokens - self._tokenizer.num_special_tokens_to_add(is_pair=False)
        self._projection = TokenProjection(model.dims, model.token_dims) if model.token_dims else None
        self.embed_query("warm up")
        self._embed_pieces(["warm up"])

    def embed_query(self, text: str) -> QuestionVectors:
        """Return the vectors of one question, as `embed_questions`.

        Raises:
            TextUnreadable: the model cannot read it.
        """
        (found,) = self.embed_questions([text])
        if isinstance(found, TextUnreadable):
            raise found
        return found

    def embed_questions(self, texts: Sequence[str]) -> list[QuestionVectors | TextUnreadable]:
        """Return the vectors of questions; the part of one that exceeds the model's window does not count.

        In the place of a question that the model cannot read is the error: most of its pieces are unknown to the model,
        or single letters.
        """
        readable = [text for text in dict.fromkeys(texts) if self._can_read(text)]
        found = dict(zip(readable, self._embed_readable(readable), strict=True)) if readable else {}
        return [found.get(text) or TextUnreadable("the model cannot read the script of the text") for text in texts]

    def _embed_readable(self, texts: list[str]) -> list[QuestionVectors]:
        if self._projection is None:
            return [QuestionVectors(each) for each in self._normalize(self._model.query_embed(texts))]
        wholes, tokens = self._infer(self._asked, texts, self._projection)
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            QuestionVectors(whole, rows, tuple(start for start, _ in encoding.offsets[: len(rows)]))
            for whole, rows, encoding in zip(wholes, tokens, encodings, strict=True)
        ]

    def _can_read(self, text: str) -> bool:
        """Whether the model knows the pieces of a text; of text in a foreign script it knows single letters at best."""
        if text.isascii() or self._tokenizer.get_vocab_size() not in ONE_LANGUAGE:
            return True
        tokens: list[str] = self._tokenizer.encode(text, add_special_tokens=False).tokens
        words = [token.removeprefix("##") for token in tokens if token == UNKNOWN or any(map(str.isalnum, token))]
        unread = sum(word == UNKNOWN or len(word) == 1 for word in words)
        return unread <= MOST_UNREAD * len(words)

    def embed_documents(self, texts: list[str]) -> Generator[None, None, list[TextVectors]]:
        """Embed texts, and yield after each small step.

        Returns:
            The vectors of each text, in the order of `texts`.
        """
        pieces: list[_Piece] = []
        for start in range(0, len(texts), CUT_TEXTS):
            pieces += self._cut_texts(texts[start : start + CUT_TEXTS], start)
            yield
        wholes: dict[_Piece, Vector] = {}
        tokens: dict[_Piece, TokenVectors] = {}
        for batch in _make_batches(sorted(pieces, key=lambda piece: piece.tokens)):
            found, of_tokens = self._embed_pieces([piece.text for piece in batch])
            wholes.update(zip(batch, found, strict=True))
            tokens.update(zip(batch, of_tokens, strict=False))
            yield
        rows: list[list[_Piece]] = [[] for _ in texts]
        for piece in pieces:
            rows[piece.owner].append(piece)
        # Late interaction looks at the beginning of a long text alone: at its first window.
        return [TextVectors(np.stack([wholes[each] for each in row]), tokens.get(row[0])) for row in rows]

    def _embed_pieces(self, texts: list[str]) -> tuple[Vector, list[TokenVectors]]:
        """Return the vectors (n, dims) of some windows, and the vectors of their tokens if the model gives them."""
        if self._projection is not None:
            return self._infer(self._inner, texts, self._projection)
        return self._normalize(self._model.passage_embed(texts, batch_size=BATCH_TEXTS)), []

    def _infer(self, inner: Any, texts: list[str], projection: TokenProjection) -> tuple[Vector, list[TokenVectors]]:
        """Return the vectors (n, dims) of some texts, and the vectors of their tokens, from one inference."""
        output = inner.onnx_embed(texts)
        # The way of pooling differs by model, and has no public name.
        wholes = self._normalize(inner._post_process_onnx_output(output))  # noqa: SLF001
        hidden, mask = output.model_output, output.attention_mask.astype(bool)
        # Without the special tokens at both ends.
        tokens = [each[kept][1:-1][:MOST_TOKENS] for each, kept in zip(hidden, mask, strict=True)]
        return wholes, [projection.project_tokens(each) for each in tokens]

    def _cut_texts(self, texts: list[str], first: int) -> Iterator[_Piece]:
        """Yield the windows of some texts, in order; `first` is the index of the first text in the caller's list."""
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        for owner, (text, encoding) in enumerate(zip(texts, encodings, strict=True), first):
            offsets: list[tuple[int, int]] = encoding.offsets
            if len(offsets) <= self._window:
                yield _Piece(owner, text, len(offsets))
                continue
            # tokenized again, a window may be a token or two longer; the overlap holds the tokens that are cut off
            for start in spread_windows(len(offsets), self._window):
                begin, end = offsets[start][0], offsets[start + self._window - 1][1]
                yield _Piece(owner, text[begin:end], self._window)

    def _normalize(self, found: Iterable[NDArray[Any]]) -> Vector:
        """Return vectors as (n, dims) float32 of length 1.

        Raises:
            ValueError: a vector is zero or not finite, or not of this model's length.
        """
        vectors: Vector = np.stack(list(found)).astype(np.float32, copy=False)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if vectors.shape[1] != self._dims or not np.isfinite(lengths).all() or not lengths.all():
            raise ValueError(f"the model gave vectors of shape {vectors.shape} with lengths {lengths.ravel()}")
        return vectors / lengths


def spread_windows(length: int, window: int, overlap: int = OVERLAP) -> list[int]:
    """Return the positions where the windows of a long text begin, evenly spread from its start to its end.

    The text is longer than one window. Lengths are in tokens, or in another unit that the caller counts in. Neighbours
    share at least `overlap` units, or fewer if `MAX_WINDOWS` windows would not reach to the end.
    """
    step = max(window - overlap, 1)
    count = min(-(-(length - window) // step) + 1, MAX_WINDOWS)
    return [round(n * (length - window) / (count - 1)) for n in range(count)]


def _make_batches(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Yield pieces sorted by length in batches within both bounds; one piece alone may exceed the tokens."""
    batch: list[_Piece] = []
    for piece in pieces:
        if batch and (len(batch) == BATCH_TEXTS or (len(batch) + 1) * piece.tokens > BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(piece)
    if batch:
        yield batch
