"""The row of `WORKS`: one background work, with its fields."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from server.progress import Progress
from tools.core.services import Services

#: Filed runs wait in queues. Each queue is served one run after the other, and no queue waits for another one.
#: `model` is for runs that take hours, so that the short ones need not wait for them.
Queue = Literal["short", "model"]
QUEUES: tuple[Queue, ...] = get_args(Queue)

_MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a work.

    Attributes:
        workspaces: the number of workspaces it was done in, those in which it failed included.
        failed: the number of workspaces it failed in.
        problem: the first failure: the workspace and the type of the error. None if nothing failed.
        report: the answer for the caller who filed the run, as JSON.
    """

    workspaces: int = 0
    failed: int = 0
    problem: str | None = None
    report: dict[str, Any] | None = None

    def describe_failure(self) -> str | None:
        """Return a sentence about the workspaces in which the work failed, or None if it failed in none."""
        if not self.failed:
            return None
        return f"It failed in {self.failed} of {self.workspaces} workspaces, first in {self.problem}; the log says why."


#: Does the work. The string is the argument of a filed run, None if it has none.
Handler = Callable[[Services, str | None, Progress], Awaitable[Outcome | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One background work.

    Attributes:
        name: its name in the log, in the tables `runs` and `ticks`, and on the command line.
        handler: the function that does it.
        interval: the time between two starts, or None if the work starts on demand only.
        after_midnight: None if every process does the work at each interval. Otherwise the work is due at set
            times, this long after midnight (UTC) and at each interval from then on, and one process claims each.
        queue: the queue in which filed runs of it wait, or None if nobody can file one.
        needs_models: whether a command that does it without a server has to load the models first.
        help: its line in the help of `loci tick`, or None if that command does not offer it.
    """

    name: str
    handler: Handler
    interval: timedelta | None = None
    after_midnight: timedelta | None = None
    queue: Queue | None = None
    needs_models: bool = False
    help: str | None = None

    def find_last_due(self, now: datetime) -> datetime:
        """Return the last time at which the work was due. Only for work that is due at set times."""
        if self.interval is None or self.after_midnight is None:
            raise ValueError(f"{self.name} is not due at set times.")
        first = _MIDNIGHT + self.after_midnight
        return first + (now - first) // self.interval * self.interval
