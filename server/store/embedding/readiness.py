"""Whether a model can be asked, and why not: the part that every model has in common, wherever it runs."""

import asyncio
from collections.abc import Callable

from server.store.embedding.source import State


class Readiness:
    """The state of a model and the reason for it. Both change on the event loop only.

    Args:
        reason: why it is not ready before it was started.
        refusal: makes the error for a caller who needs it ready, from the reason.
    """

    def __init__(self, reason: str, refusal: Callable[[str], Exception]) -> None:
        self._refusal = refusal
        self._state: State = "absent"
        self._reason = reason
        self._settled = asyncio.Event()

    @property
    def state(self) -> State:
        """`loading`, `ready`, `absent` or `failed`; `source.State` explains them."""
        return self._state

    @property
    def reason(self) -> str:
        """Why it is not ready, as a clause for a person; empty if it is."""
        return self._reason

    async def wait_settled(self) -> None:
        """Return once the model is not `loading` any more."""
        await self._settled.wait()

    async def wait_ready(self) -> None:
        """Return once the model is ready.

        Raises:
            Exception: there is none, or it cannot be loaded or reached; `refusal` made the error.
        """
        await self._settled.wait()
        self._check_ready()

    def _check_ready(self) -> None:
        if self._state != "ready":
            raise self._refusal(self._reason)

    def _begin_loading(self, reason: str) -> None:
        self._state, self._reason = "loading", reason
        self._settled.clear()

    def _settle(self, state: State, reason: str) -> None:
        self._state, self._reason = state, reason
        self._settled.set()
