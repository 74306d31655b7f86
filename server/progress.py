"""The report of long work on its progress."""

from collections.abc import Awaitable, Callable

#: Called as the work goes on, with the number of steps done and the number of all steps.
Progress = Callable[[int, int], Awaitable[None]]


async def ignore_progress(done: int, total: int) -> None:
    """Do nothing: nobody watches this work."""
