"""The contract of `remote` with a service that makes vectors elsewhere, and the failure of one call."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from server.store.embedding.source import EmbeddingFailed

Purpose = Literal["query", "document"]
"""The purpose of an embedding. Some models embed a question in another way than the texts that may answer it."""


class AttemptFailed(EmbeddingFailed):
    """The service is at fault, and not the text.

    Attributes:
        may_pass: whether the same attempt may succeed later.
        retry_after: the seconds for which the service asked to be left alone; 0 if it did not ask.
        refusal: if a service that has worked before may mean the text by this: the failure in that case; else empty.
    """

    def __init__(
        self, label: str, reason: str, *, may_pass: bool = False, retry_after: float = 0.0, refusal: str = ""
    ) -> None:
        super().__init__(f"{label} {reason}")
        self.may_pass = may_pass
        self.retry_after = retry_after
        self.refusal = f"{label} {refusal}" if refusal else ""


class EmbeddingCalls(Protocol):
    """A service that makes vectors: the single call, without repeats and without a check of the numbers.

    Attributes:
        label: how messages call the service, as the subject of a sentence.
        model: the name of the model.
        dims: the length of the vectors; 0: as the first answer has it.
        batch_texts: the most texts of one call.
    """

    label: str
    model: str
    dims: int
    batch_texts: int

    def make_digest(self, dims: int) -> str:
        """Return the digest that tells the vectors of this service, model and length apart from all others."""
        ...

    async def fetch_rows(self, texts: Sequence[str], purpose: Purpose) -> Sequence[Any]:
        """Return one list of numbers for each text, in the order of the texts; nothing of it is believed yet.

        Raises:
            AttemptFailed: there is no answer, or none of the right form.
            EmbeddingFailed: the text cannot be sent.
        """
        ...

    async def close(self) -> None:
        """Free the connections."""
        ...
