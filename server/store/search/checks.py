"""Checks of the arguments of engines: wrong ones are refused before anything is written.

The embedded engine logs an update before it looks at it, so a point that it refuses comes back when
the log is replayed; it accepts vectors of zeros and of NaN, and its filters never find a
boolean. A server would refuse some of this itself: one rule for both keeps them alike.
"""

import math
import re
from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

import numpy as np

from server.memory.vector import Vector
from server.store.search.query_arms import WORKSPACE
from server.store.search.seam import Collection, Filter, Point, Query, SparseVector, UnusableCollection

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_TERM_IDS = 2**32
_WHOLE_NUMBERS = 2**63


def check_collection(collection: Collection) -> None:
    """Raise ValueError if the name is no plain folder name or the dimensions are negative."""
    if not _NAME.fullmatch(collection.name):
        raise ValueError(f"{collection.name!r} is no name for a collection")
    if collection.dims < 0:
        raise ValueError(f"a collection cannot have {collection.dims} dimensions")


def check_ids(ids: Iterable[str]) -> None:
    """Raise ValueError if an id is not a UUID in its canonical lower-case form."""
    for id_ in ids:
        try:
            canonical = str(UUID(id_)) == id_
        except ValueError:
            canonical = False
        if not canonical:
            raise ValueError(f"a point's id is a UUID in lower case, not {id_!r}")


def check_points(collection: Collection, points: list[Point]) -> None:
    """Raise ValueError if a point does not fit the collection, or an engine would store it wrongly."""
    check_ids(point.id for point in points)
    for point in points:
        if not 0 <= point.revision < _WHOLE_NUMBERS:
            raise ValueError(f"point {point.id} has the revision {point.revision}")
        _check_sparse(point.text)
        if point.dense is not None:
            _check_vector(collection, point.dense)
        if point.windows is not None:
            _check_windows(collection, point.windows)
        check_payload(point.payload)


def check_query(collection: Collection, query: Query) -> None:
    """Raise ValueError if no engine can answer a query with these vectors, limit or filter."""
    if query.limit < 1:
        raise ValueError(f"a query asks for at least one point, not {query.limit}")
    if query.dense is not None:
        _check_vector(collection, query.dense)
    if query.text is not None:
        _check_sparse(query.text)
    _check_filter(query.filter)


def check_payload(payload: dict[str, Any]) -> None:
    """Raise ValueError if a payload is not JSON, has a boolean, or has a top-level key with an underscore in front."""
    for key in payload:
        if key.startswith("_"):
            raise ValueError(f"the payload key {key!r} is the engine's own")
    _check_json(payload)


def check_tenant(collection: Collection, payloads: Iterable[dict[str, Any]]) -> None:
    """Raise ValueError if a payload for a shared collection names another workspace than the tenant."""
    for payload in payloads:
        if collection.tenant not in (None, payload.get(WORKSPACE, collection.tenant)):
            raise ValueError(f"a payload for the tenant {collection.tenant} names another workspace")


def check_owner(collection: Collection, payloads: Iterable[dict[str, Any]]) -> None:
    """Raise `UnusableCollection` if a collection answers with points of another workspace, or of several.

    A payload that names no workspace is allowed in a workspace's own collection, but not in a shared one.
    """
    owners = {payload.get(WORKSPACE) for payload in payloads}
    if collection.tenant is not None:
        if owners - {collection.tenant}:
            raise UnusableCollection(f"the collection {collection.name} answered with points of another workspace")
    elif len(owners - {None}) > 1:
        raise UnusableCollection(f"the collection {collection.name} holds points of more than one workspace")


def _check_vector(collection: Collection, vector: Vector) -> None:
    if vector.shape != (collection.dims,):
        raise ValueError(f"a vector of shape {vector.shape} does not fit {collection.dims} dimensions")
    _check_length(vector)


def _check_windows(collection: Collection, windows: Vector) -> None:
    if windows.ndim != 2 or not len(windows) or windows.shape[1] != collection.dims:  # noqa: PLR2004 - (n, dims)
        raise ValueError(f"windows of shape {windows.shape} do not fit (n, {collection.dims})")
    for window in windows:
        _check_length(window)


def _check_length(vector: Vector) -> None:
    # NaN, infinity and an overflow all show in the length, so one look at it is enough.
    exact = vector.astype(np.float64)
    if not 0 < float(exact @ exact) < math.inf:
        raise ValueError("a vector is finite and not zero")


def _check_sparse(sparse: SparseVector) -> None:
    if len(sparse.indices) != len(sparse.values) or len(set(sparse.indices)) != len(sparse.indices):
        raise ValueError("a sparse vector has distinct indices, and one value for each")
    if sparse.indices and not (min(sparse.indices) >= 0 and max(sparse.indices) < _TERM_IDS):
        raise ValueError("a term id is an unsigned number of 32 bits")
    if not all(map(math.isfinite, sparse.values)):
        raise ValueError("a sparse vector's values are finite")


def _check_filter(chosen: Filter) -> None:
    for match in (*chosen.must, *(match for branch in chosen.either for match in branch)):
        for value in cast("tuple[object, ...]", match.any_of):
            if not isinstance(value, str):
                raise ValueError(f"{match.key} is matched against strings, not {value!r}")  # noqa: TRY004 - as the rest


def _check_json(value: object) -> None:
    if isinstance(value, list):
        for item in cast("list[object]", value):
            _check_json(item)
    elif isinstance(value, dict):
        for key, item in cast("dict[object, object]", value).items():
            if not isinstance(key, str):
                raise ValueError(f"a payload's keys are strings, not {key!r}")  # noqa: TRY004 - as the rest
            _check_json(item)
    else:
        _check_scalar(value)


def _check_scalar(value: object) -> None:
    match value:
        case None | str():
            return
        case bool():
            raise ValueError("a payload holds no booleans: the embedded engine's filters never find one")
        case int():
            if not -_WHOLE_NUMBERS <= value < _WHOLE_NUMBERS:
                raise ValueError(f"{value} is too large for a payload")
        case float():
            if not math.isfinite(value):
                raise ValueError("a payload's numbers are finite")
        case _:
            raise ValueError(f"a payload holds JSON, not {type(value).__name__}")
