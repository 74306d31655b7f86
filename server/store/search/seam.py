"""The search store: the verbs that every engine understands, in our own words.

Points are a projection of SQL. An engine never decides what is visible; it holds what it is given,
finds the nearest, and may lose anything that was not flushed, because it can be written again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, cast

from server.memory.vector import Vector


@dataclass(frozen=True, slots=True)
class SparseVector:
    """A sparse vector: term ids (u32, distinct) and their weights, of one length."""

    indices: list[int]
    values: list[float]


@dataclass(frozen=True, slots=True)
class Collection:
    """The collection of a workspace's points: `name` is safe as a folder; `dims` is 0 if there are no dense vectors.

    `tenant` is the workspace's id in a collection that several workspaces share, else None.
    The embedded engine has none.
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

    def admits(self, payload: Mapping[str, Any]) -> bool:
        """Whether a payload has one of the values."""
        value = payload.get(self.key)
        if isinstance(value, list):
            return not set(self.any_of).isdisjoint(cast("list[str]", value))
        return value in self.any_of


@dataclass(frozen=True, slots=True)
class Filter:
    """All of `must` and, if `either` is not empty, all of at least one of its groups."""

    must: tuple[FieldMatch, ...] = ()
    either: tuple[tuple[FieldMatch, ...], ...] = ()

    def admits(self, payload: Mapping[str, Any]) -> bool:
        """Whether a payload fulfils the conditions."""
        is_met = all(match.admits(payload) for match in self.must)
        return is_met and (
            not self.either or any(all(match.admits(payload) for match in group) for group in self.either)
        )


@dataclass(frozen=True, slots=True)
class Query:
    """The search of one recall, in both arms. An arm without its vector is not searched."""

    dense: Vector | None
    text: SparseVector | None
    limit: int
    filter: Filter = field(default_factory=Filter)
    #: The payload keys of the points; None for all. Fewer are read faster.
    keys: tuple[str, ...] | None = None
    #: The terms of names: the answer says which of its points have one of them. None: nobody asks.
    names: SparseVector | None = None

    @property
    def has_text(self) -> bool:
        """Whether the text arm has anything to look for."""
        return self.text is not None and bool(self.text.indices)


class FoundPoint(NamedTuple):  # a tuple, as up to a hundred are made for a recall
    """A point that an arm found: cosine for the dense arm, BM25 for the text arm."""

    id: str
    score: float
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundPoints:
    """The points of each arm, best first; of equal scores, the newer id is first.

    `other_dense` are the cosines of points that only the text arm found, and `other_text` the BM25 scores of points
    that only the dense arm found, by id. A point without a vector is not in the first, one with none of the words not
    in the second. `named` are the ids of the points that have one of the query's `names`;
    None if it has none.
    """

    dense: list[FoundPoint]
    text: list[FoundPoint]
    other_dense: dict[str, float] = field(default_factory=dict[str, float])
    other_text: dict[str, float] = field(default_factory=dict[str, float])
    named: frozenset[str] | None = None


class Engine(Protocol):
    """An engine that holds points: the embedded one, the same in processes of its own, or a Qdrant server.

    A collection that is not there reads as an empty one, and removing from it does nothing; only `open_collection`
    makes one. Payload keys that start with an underscore are the engines' own. Vectors are kept at unit length.

    Raises (every verb):
        EngineDown: the engine cannot be reached, or refuses. A write may or may not have happened.
        UnusableCollection: the collection is damaged. To repair it, drop it, open it and project it again.
        ValueError: no engine may be given these arguments (see `checks`); nothing was written.
    """

    async def open_collection(self, collection: Collection) -> bool:
        """Open the collection, and make it if it is not there; return whether it is new and empty.

        For a tenant of a shared collection, return whether it has no points in it.
        """
        ...

    async def has_collection(self, collection: Collection) -> bool:
        """Whether the collection is there; for a tenant, whether it has points in it. Makes no collection."""
        ...

    async def upsert_points(self, collection: Collection, points: list[Point]) -> None:
        """Write whole points, in place of points with the same id and no higher revision.

        The collection has been opened. Many points are written in slices; after a failure, those of earlier slices
        stay written.
        """
        ...

    async def delete_points(self, collection: Collection, ids: list[str]) -> None:
        """Remove points; ids without a point are no error."""
        ...

    async def set_payload(self, collection: Collection, patches: dict[str, dict[str, Any]]) -> None:
        """Overwrite the given payload keys of the points that exist; do nothing for ids without a point.

        Many points are changed in slices, as by `upsert_points`.
        """
        ...

    async def search_points(self, collection: Collection, query: Query) -> FoundPoints:
        """Return the points of both arms, and the scores of each arm's points in the other one."""
        ...

    async def read_rarities(self, collection: Collection, terms: list[int]) -> list[float | None]:
        """Return the idf of each term, as the text arm weighs it; None for a term that no point has."""
        ...

    async def read_points(self, collection: Collection) -> list[Point]:
        """Return every point of the collection as it is stored, in no order, without its windows.

        The server never calls it. It is here so that tests and the benchmark that kills servers can compare all that
        an engine holds, with revisions and vectors, with the record: only the process that has a shard open can
        read it, and a search answers with neither.
        """
        ...

    async def read_revisions(self, collection: Collection, ids: list[str]) -> dict[str, int]:
        """Return the revision of each of these points; ids without a point are left out."""
        ...

    async def count_points(self, collection: Collection) -> int:
        """Return the number of points."""
        ...

    async def flush_collection(self, collection: Collection) -> None:
        """Return when everything written so far is on the disk."""
        ...

    async def drop_collection(self, collection: Collection) -> None:
        """Remove the collection and its points for good; of a shared one, the tenant's points.

        If the collection is not there, do nothing.
        """
        ...

    async def list_names(self) -> set[str]:
        """Return the names of all collections if all are ours; an empty set if others may use the engine, too."""
        ...

    async def ping(self) -> None:
        """Return if the engine answers and can write."""
        ...

    async def close(self) -> None:
        """Flush and close everything."""
        ...


class EngineDown(Exception):  # noqa: N818 - it names a state of the engine, not a mistake
    """The engine cannot be reached, or refuses a call; the record works without it."""


class WritesRefused(EngineDown):
    """The engine takes no writes: it has no room, may only be read, or is too slow. It may go on answering searches."""


class UnusableCollection(EngineDown):
    """The collection is damaged or made for other vectors; it must be dropped and projected again."""


class WritesLost(UnusableCollection):
    """The collection is as it was at its last flush. To repair it, open it and project what came later.

    Until it is opened, every verb but `has_collection` and `drop_collection` says so.
    """
