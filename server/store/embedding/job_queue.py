"""The jobs that wait for the embedding model: questions first, and documents in turns between the accounts.

An account has one step, which is a few windows, and then the next account has one. So a small store waits for about one
step of each account that stores something, however many and however long their texts are. Among the jobs of one
account those come first that have had the fewest turns.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heapify, heappop, heappush
from queue import Queue

from server.memory.vector import TextVectors
from server.store.embedding.models.model_thread import Answer


@dataclass(frozen=True, slots=True)
class Size:
    """A number of texts, and the number of their characters."""

    texts: int
    characters: int

    def __add__(self, other: "Size") -> "Size":
        """Return the size of both together."""
        return Size(self.texts + other.texts, self.characters + other.characters)

    def fits(self, room: "Size") -> bool:
        """Whether it is not larger than the room."""
        return self.texts <= room.texts and self.characters <= room.characters


#: The small calls that are embedded together. With more characters the short ones would wait for the long ones.
GATHERED = Size(64, 16_000)
#: The part of these that is one account's while others wait: about a step.
SHARE = Size(8, 2_000)


class Rank(IntEnum):
    """The order of jobs: the lowest first."""

    STOP = 0
    QUERY = 1
    DOCUMENTS = 2


@dataclass(slots=True)
class Call:
    """The texts of one caller, and the future that it waits for."""

    texts: list[str]
    answer: Answer


@dataclass(order=True, slots=True)
class Job:
    """Work for the thread. A job with many documents lets other jobs have their turn between its own steps.

    Attributes:
        turns: how many turns it has had.
        number: the order in which jobs came.
        account_id: the account whose turn it takes; empty for work of the server's own.
        is_alone: whether no other calls may be added to it.
        is_shared: whether it has calls of other accounts, and therefore gives way to no later job of its own.
        running: its steps, after the first of which no other calls may be added.
    """

    rank: Rank
    turns: int
    number: int
    calls: list[Call] = field(compare=False)
    account_id: str = field(compare=False, default="")
    is_alone: bool = field(compare=False, default=False)
    is_shared: bool = field(compare=False, default=False)
    running: Generator[None, None, list[TextVectors]] | None = field(compare=False, default=None)
    steps: int = field(compare=False, default=0)

    @property
    def is_open(self) -> bool:
        """Whether its calls may be added to another job."""
        return not self.is_alone and self.running is None

    @property
    def size(self) -> Size:
        """The size of its calls together."""
        texts = [text for call in self.calls for text in call.texts]
        return Size(len(texts), sum(map(len, texts)))


class JobQueue(Queue[Job]):
    """A queue whose jobs with documents are taken from one account after the other."""

    def gather_calls(self, job: Job) -> None:
        """Add small calls that wait to a small job: embedded together, they fill whole batches.

        If several accounts have work, each has its share of the job, so that no store waits for the many of another.
        """
        if job.is_alone:
            return
        with self.mutex:
            share = SHARE if any(account_id != job.account_id for account_id in self._accounts) else GATHERED
            size = job.size
            if not size.fits(share):
                return
            for account_id, jobs in self._accounts.items():
                part = size if account_id == job.account_id else Size(0, 0)
                while jobs and jobs[0].is_open and (part + jobs[0].size).fits(share):
                    if not (size + jobs[0].size).fits(GATHERED):
                        break
                    part, size = part + jobs[0].size, size + jobs[0].size
                    job.is_shared = job.is_shared or account_id != job.account_id
                    job.calls += [call for call in heappop(jobs).calls if not call.answer.done()]
            self._accounts = {account_id: jobs for account_id, jobs in self._accounts.items() if jobs}

    def gather_questions(self, job: Job, most: int) -> None:
        """Add questions that wait to a question, up to `most` in all: together they take less time than one by one."""
        if job.is_alone or most == 1:
            return
        with self.mutex:
            waiting = [each for each in self._first if each.rank is Rank.QUERY and not each.is_alone]
            chosen = sorted(waiting)[: most - 1]
            job.calls += [call for each in chosen for call in each.calls]
            self._first = [each for each in self._first if each not in chosen]
            heapify(self._first)

    # From here on, these are the hooks of `Queue`, which calls them under its lock.

    def _init(self, maxsize: int) -> None:  # noqa: ARG002 - there is no bound
        self._first: list[Job] = []
        #: The jobs with documents of each account that has some. The account whose turn is next comes first.
        self._accounts: dict[str, list[Job]] = {}

    def _qsize(self) -> int:
        return len(self._first) + sum(map(len, self._accounts.values()))

    def _put(self, item: Job) -> None:
        heappush(self._first if item.rank < Rank.DOCUMENTS else self._accounts.setdefault(item.account_id, []), item)

    def _get(self) -> Job:
        if self._first:
            return heappop(self._first)
        account_id = next(iter(self._accounts))
        jobs = self._accounts.pop(account_id)
        job = heappop(jobs)
        if jobs:
            self._accounts[account_id] = jobs
        return job
