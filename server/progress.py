"""How long work tells somebody how far it is."""

from collections.abc import Awaitable, Callable

#: Called as the work goes on, with the number of steps done and the number of all steps.
Progress = Callable[[int, int], Awaitable[None]]


async def ignore_progress(done: int, total: int) -> None:
    """Do nothing: nobody watches this work."""
