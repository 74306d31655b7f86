"""The contract of an embedding provider, which makes vectors for the encoder.

There are three kinds: `local`, a model on this machine; `endpoint`, a service that answers over HTTP; and `custom`,
which another package brings. The last two are `remote`: they differ only in the single call. docs/adding.md has the
recipe.
"""

from typing import Literal, NamedTuple, Protocol

from server.memory.embedding_model import Model
from server.memory.vector import QuestionVectors, TextVectors

State = Literal["loading", "ready", "absent", "failed"]
"""`loading`: not ready yet; `ready`: it makes vectors; `absent`: there is no model, or none is wanted, or the source is
closed; `failed`: the model cannot be loaded or reached."""


class SourceFigures(NamedTuple):
    """The load of a source: the calls that wait, and how many questions were found among the remembered ones or not."""

    waiting: int
    hits: int
    misses: int


class EmbeddingFailed(Exception):  # noqa: N818 - it names the event, and reads so at every raise
    """There is no vector: no model, or it is not ready, or it failed on this text. The message says which."""


class TextUnreadable(Exception):  # noqa: N818 - as above
    """The model knows hardly any piece of the text, so that its vector would say nothing about it."""


class EmbeddingSource(Protocol):
    """A model that makes vectors, on this machine or behind an endpoint.

    All vectors are float32 and of length 1. Every method runs on the event loop and must not block it. A message of an
    error or a reason is shown to people: it must not hold a secret, or words of a stranger's server.
    """

    @property
    def state(self) -> State:
        """Whether there are vectors. While it is not `ready`, recall ranks by keyword and nobody waits."""
        ...

    @property
    def reason(self) -> str:
        """Why there are no vectors, as a clause for a person; empty if the state is `ready`."""
        ...

    @property
    def model(self) -> Model | None:
        """The model that is loading or ready, as soon as its dimensions are known; None in every other state.

        Its name, digest and window length identify the generation of its vectors: if one of them changes, all memories
        are embedded again.
        """
        ...

    def start(self) -> None:
        """Begin to load or to connect, in the background, and return at once.

        A second call changes nothing, unless the source is on this machine and found no model before.
        """
        ...

    async def wait_ready(self) -> None:
        """Return once there are vectors.

        Raises:
            EmbeddingFailed: there is no model, or it cannot be loaded or reached.
        """
        ...

    async def embed_query(self, text: str) -> QuestionVectors:
        """Return the vectors of a question, read-only.

        The part of a question that exceeds the model's window does not count. The last few thousand questions are
        remembered.

        Raises:
            EmbeddingFailed: the source is not ready, too slow for a question, or failed on this text. Its cause is a
                `TextUnreadable` if the model cannot read the text.
        """
        ...

    async def embed_documents(self, texts: list[str], account_id: str = "") -> list[TextVectors]:
        """Return the vectors of each text, in the order of the texts.

        Questions are answered first, however many documents wait. Accounts take turns; without an account it is work of
        the server's own, which takes turns with them.

        Raises:
            EmbeddingFailed: the source is not ready, or failed on one of the texts; then no text has a vector.
        """
        ...

    def forget_queries(self) -> None:
        """Forget the questions that are remembered, because one of them may repeat a text that was erased."""
        ...

    def read_figures(self) -> SourceFigures:
        """Return the load of the source, counted since it was made."""
        ...

    async def close(self) -> None:
        """Refuse the calls that wait and the calls to come, and free the model; return when that is done."""
        ...
