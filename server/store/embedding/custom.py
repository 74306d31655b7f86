"""A provider of embeddings that another package brings: its contract, and the calls to it.

The package names a factory in the entry points' group `loci.embedding_providers`. The factory is called once, with
`ProviderOptions`, and returns an `EmbeddingProvider`. Loci does the rest: windows, batches, bounds of time, repeats,
the check of every number, and recall by keyword while there are no vectors.
"""

import asyncio
import hashlib
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from server.store.embedding.calls import AttemptFailed, Purpose
from server.store.embedding.remote import RemoteEmbeddings

BATCH_TEXTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptions:
    """The settings of the provider. A part that is not set is empty, or 0.

    Attributes:
        model: the name of a model.
        url: the URL of a service.
        api_key: a secret.
        dims: the length of the vectors.
    """

    model: str = ""
    url: str = ""
    api_key: str = field(default="", repr=False)
    dims: int = 0


class EmbeddingProvider(Protocol):
    """The result of a factory. `embed` may also be a plain function; it is then called in a thread.

    A provider may have a method `close()`, plain or `async`, which is called when the server stops.
    """

    async def embed(self, texts: list[str], purpose: Purpose) -> Sequence[Sequence[float]]:
        """Return one vector for each text, in the order of the texts; all vectors have the same length.

        There are at most 16 texts, of at most 1,600 characters each. The purpose is `query` or `document`. Any error
        means that there are no vectors now: Loci asks again. The message of the error is not shown or logged.
        """
        ...


#: Makes the provider; the entry point names it.
Factory = Callable[[ProviderOptions], EmbeddingProvider]


class CustomEmbeddings(RemoteEmbeddings):
    """The embedding model of a provider that another package brings: an `EmbeddingSource`.

    Args:
        name: the name of the entry point.
        options: what the settings say of the provider.
        provider: the provider.
        sleep: makes the pauses; the tests have their own.
    """

    def __init__(
        self,
        name: str,
        options: ProviderOptions,
        provider: EmbeddingProvider,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(_CustomCalls(name, options, provider), sleep)


class _CustomCalls:
    """The calls of a provider that another package brings: `EmbeddingCalls`."""

    def __init__(self, name: str, options: ProviderOptions, provider: EmbeddingProvider) -> None:
        self._identity = ("custom", name, options.url, options.model)
        self._provider = provider
        self.label = f"the embedding provider {name}"
        self.model = options.model or name
        self.dims = options.dims
        self.batch_texts = BATCH_TEXTS

    def make_digest(self, dims: int) -> str:
        return hashlib.sha256("\n".join((*self._identity, str(dims))).encode()).hexdigest()

    async def fetch_rows(self, texts: Sequence[str], purpose: Purpose) -> Sequence[Any]:
        try:
            rows: Any = await _call(self._provider.embed, list(texts), purpose)
            return list(rows)
        except Exception as error:  # noqa: BLE001 - it is not our code; its message may hold the text or a secret
            raise AttemptFailed(self.label, f"failed ({type(error).__name__})", may_pass=True) from None

    async def close(self) -> None:
        close: Any = getattr(self._provider, "close", None)
        if close is None:
            return
        with suppress(Exception):  # the server stops anyway
            await _call(close)


async def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function, which is called in a thread unless it is a coroutine function."""
    if inspect.iscoroutinefunction(function):
        return await function(*arguments)
    return await asyncio.to_thread(function, *arguments)
