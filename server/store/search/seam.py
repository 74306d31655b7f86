"""The search store: the verbs that both Qdrant engines speak, in our own words.

Points are a projection of SQL. An engine never decides what is visible; it holds what it is given,
finds the nearest, and may lose anything that was not flushed, because it can be written again.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from server.memory.vector import Vector


@dataclass(frozen=True, slots=True)
class SparseVector:
    """A sparse vector: term ids (u32, distinct) and their weights, of one length."""

    indices: list[int]
    values: list[float]


@dataclass(frozen=True, slots=True)
class Collection:
    """Where a workspace's points lie: `name` is safe as a folder; `dims` is 0 where there are no dense vectors.

    `tenant` is the workspace's id in a shared collection, and None where the collection is the workspace's own.
    """

    name: str
    dims: int
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One memory as the engines hold it.

    `dense` is (dims,), finite and not zero, or None for a memory that is found by keyword only; `windows` is
    (n, dims) for a text longer than the model's window, of which the nearest counts. `revision` is the
    workspace's revision at which the row last changed; an engine shared by several processes never replaces
    a higher one by a lower one.
    """

    id: str
    revision: int
    text: SparseVector
    payload: dict[str, Any]
    dense: Vector | None = None
    windows: Vector | None = None


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """The payload's `key` (a string, or a list of strings) holds at least one of `any_of`."""

    key: str
    any_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """All of `must`, and, where there is any, at least one of the conjunctions of `either`."""

    must: tuple[FieldMatch, ...] = ()
    either: tuple[tuple[FieldMatch, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """One recall: both arms at once. An arm without its vector is not asked."""

    dense: Vector | None
    text: SparseVector | None
    limit: int
    filter: Filter = field(default_factory=Filter)
    #: The payload keys to answer with; None for all. Fewer are read faster.
    keys: tuple[str, ...] | None = None
    #: The text arm's and the dense arm's least scores: what is below, that arm does not find. None for no such bounds.
    floors: tuple[float, float] | None = None

    @property
    def has_text(self) -> bool:
        """Whether the text arm has anything to look for."""
        return self.text is not None and bool(self.text.indices)


class Hit(NamedTuple):  # a tuple, as up to a hundred are made for a recall
    """A point that an arm found: cosine for the dense arm, BM25 for the text arm."""

    id: str
    score: float
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hits:
    """What each arm found, best first, and among equals the newer id."""

    dense: list[Hit]
    text: list[Hit]


class Engine(Protocol):
    """What the projection asks of Qdrant.

    A collection that is not there reads as an empty one, and nothing is removed from it; only `open` makes one.
    Payload keys that start with an underscore are the engines' own. Vectors are kept at unit length.

    Raises (every verb):
        EngineDown: the engine cannot be reached, or refuses; the write may or may not have happened.
        UnusableCollection: the collection itself is at fault; the cure is `drop`, `open` and projecting it again.
        ValueError: the caller sent what no engine may be given; nothing was written.
    """

    async def open(self, collection: Collection) -> bool:
        """Make the collection ready; True where it was not there and is now new and empty.

        For a tenant of a shared collection: True where it has no points there.
        """
        ...

    async def exists(self, collection: Collection) -> bool:
        """Whether the collection is there, without making it; for a tenant, whether it has points there."""
        ...

    async def upsert(self, collection: Collection, points: list[Point]) -> None:
        """Write whole points, in place of those with the same id and no higher revision. The collection is open."""
        ...

    async def delete(self, collection: Collection, ids: list[str]) -> None:
        """Remove points; those that are not there are no error."""
        ...

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        """Overwrite some payload keys of points that exist; of the others, nothing."""
        ...

    async def search(self, collection: Collection, query: Query) -> Hits:
        """Ask both arms in one round trip."""
        ...

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        """Each term's idf, as the text arm weighs it; None for a term that no point has."""
        ...

    async def read_points(self, collection: Collection) -> list[Point]:
        """Return every point of the collection as it is stored, in no order, without its windows.

        The server never calls it. It is here so that tests and the benchmark that kills servers can compare all that
        an engine holds, with revisions and vectors, with the record: only the process that has a shard open can
        read it, and a search answers with neither.
        """
        ...

    async def count(self, collection: Collection) -> int:
        """How many points there are."""
        ...

    async def flush(self, collection: Collection) -> None:
        """Return once all that was written is on the disk."""
        ...

    async def drop(self, collection: Collection) -> None:
        """Remove the collection and its points, at once and for good; one that is not there is no error."""
        ...

    async def list_names(self) -> set[str]:
        """Every collection there is, where all of them are ours; none where others may use the engine too."""
        ...

    async def ping(self) -> None:
        """Return if the engine answers."""
        ...

    async def close(self) -> None:
        """Flush and let go of everything."""
        ...


class EngineDown(Exception):  # noqa: N818 - it names a state of the engine, not a mistake
    """The engine cannot be reached, or refuses to open; the record goes on without it."""


class UnusableCollection(EngineDown):
    """The collection is damaged or made for other vectors; dropped and projected again, it will do."""
