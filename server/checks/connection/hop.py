"""A hop: one step of a client on its way to the first call, and the ways in which it ends."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


class HopBroken(Exception):  # noqa: N818 - it is the result of a hop, and no error of ours
    """A hop that fails.

    Args:
        detail: a sentence: what was seen.
        cure: a sentence: what to do.
        is_warning: whether clients can go on.
        is_end: whether the next hop makes no sense; if not given, it does after a warning alone.
    """

    def __init__(self, detail: str, cure: str, *, is_warning: bool = False, is_end: bool | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.cure = cure
        self.is_warning = is_warning
        self.is_end = not is_warning if is_end is None else is_end


@dataclass(frozen=True, slots=True)
class Hop:
    """One step: its name, and the function that takes it and returns a sentence, or raises `HopBroken`."""

    name: str
    take: Callable[[Any], Awaitable[str]]
