"""The files of a shard of the embedded engine: made, opened, closed and removed, in a thread."""

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar
from uuid import uuid4

from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    Memory,
    Modifier,
    MultiVectorComparator,
    MultiVectorConfig,
    TurboQuantBitSize,
    TurboQuantQuantizationConfig,
    VectorStorageDatatype,
)

from server.store.search.seam import Collection, EngineDown, UnusableCollection

T = TypeVar("T")
P = ParamSpec("P")

# Kilobytes of vectors from which a graph would be built; out of reach, because building one stops the process.
_GRAPHS_FROM = 10**12
# The most bytes that are read ahead, the smallest files first: all bytes of some 30,000 memories.
_MOST_READ_AHEAD = 256 * 2**20
_NEW_PREFIX, _GONE_PREFIX = ".new-", ".gone-"
# A load that failed because something was missing (memory, descriptors, the log's lock) says nothing about the shard.
_OTHER_CAUSES = re.compile(r"WouldBlock|os error (?!2\b)\d|code: (?!2\b)\d")
_CONFIG = "edge_config.json"


OUR_MISTAKES = (TypeError, ValueError, MemoryError)
"""Errors that say nothing about the engine: a wrong argument of ours, or no memory left.

With qdrant-edge-py 0.9.0 none of them came of damage: each of a shard's 51 files was removed, cut, overwritten and had
bits flipped, 663 cases in all, and the shard was then opened, searched and written to. The engine raised plain
`Exception`s and panics only.
"""


def count_free_bytes(folder: Path) -> int:
    """Return the bytes free on the folder's disk."""
    return shutil.disk_usage(folder).free


def call_engine(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call into the engine.

    Raises:
        EngineDown: the engine failed. Its panics are no `Exception` and would pass every other handler.
        TypeError, ValueError, MemoryError: see `OUR_MISTAKES`; they pass, for trying again would not help.
    """
    try:
        return function(*args, **kwargs)
    except (KeyboardInterrupt, SystemExit, *OUR_MISTAKES):
        raise
    except BaseException as error:
        raise EngineDown(f"the embedded engine failed: {error}") from error


def read_engine(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Read from an open shard.

    Raises:
        UnusableCollection: the shard is damaged, for nothing else fails a read of files that could be opened.
        EngineDown: memory, descriptors or the disk failed.
    """
    try:
        return call_engine(function, *args, **kwargs)
    except EngineDown as error:
        if _OTHER_CAUSES.search(str(error)):
            raise
        raise UnusableCollection(str(error)) from error


@dataclass(slots=True, eq=False)
class OpenShard:
    """An open shard, which nobody else can open until `close_shard` lets it go.

    Attributes:
        shard: the engine's own.
        dims: the dimensions of its dense vectors; 0 if it has none.
        has_windows_apart: whether it is of an earlier version, which kept the windows of long texts under a name of
            their own. It serves until the workspace has a collection of the present rule.
        pins: the number of its users.
    """

    shard: EdgeShard
    dims: int
    has_windows_apart: bool
    lock: int  # the descriptor of its folder
    pins: int = 0


def create_shard(folder: Path, collection: Collection) -> OpenShard:
    """Make an empty shard in the folder, under the collection's name, and open it."""
    # A creation that is killed half-way leaves a folder that cannot be loaded, so the folder gets its name last.
    unfinished = _make_hidden_path(folder, _NEW_PREFIX, collection.name)
    unfinished.mkdir()
    shard = EdgeShard.create(str(unfinished), _make_config(collection.dims))
    shard.flush()
    shard.close()
    finished = unfinished.rename(folder / collection.name)
    return load_shard(finished, collection)


def load_shard(path: Path, collection: Collection) -> OpenShard:
    """Open a shard as it was made.

    Raises:
        UnusableCollection: it is damaged, or made for other vectors.
        EngineDown: it cannot be opened for another reason, for example because another process has it open.
    """
    shape = _read_shape(path, collection.name)
    if shape.dims != collection.dims:
        raise UnusableCollection(f"the collection {collection.name} was made for vectors of {shape.dims} dimensions")
    # If there is no segment, the engine makes an empty one, and lost points would look as if never stored.
    if not any(path.glob("segments/*/segment.json")):
        raise UnusableCollection(f"the collection {collection.name} does not open: it has no segments")
    # A log numbers the updates. A new log would begin anew, and a point ignores updates numbered below its own.
    if shape.is_logged and not any(path.glob("wal/open-*")):
        raise UnusableCollection(f"the collection {collection.name} does not open: it has no log")
    lock = _lock_folder(path)
    try:
        _read_ahead(path)
        shard = read_engine(EdgeShard.load, str(path))
    except EngineDown as error:
        os.close(lock)
        if isinstance(error, UnusableCollection):
            raise UnusableCollection(f"the collection {collection.name} does not open: {error}") from error
        raise
    return OpenShard(shard, shape.dims, shape.has_windows_apart, lock)


class _Shape(NamedTuple):
    """The form in which a shard was made."""

    dims: int
    has_windows_apart: bool
    is_logged: bool


def _read_shape(path: Path, name: str) -> _Shape:
    try:
        config: dict[str, Any] = json.loads((path / _CONFIG).read_bytes())
        vectors: dict[str, Any] = config.get("vectors") or {}
        dims = vectors["dense"]["size"] if vectors else 0
        return _Shape(dims, "windows" in vectors, config.get("wal_enabled") is not False)
    except (FileNotFoundError, ValueError, AttributeError, LookupError, TypeError) as error:
        raise UnusableCollection(f"the collection {name} does not open: its configuration is damaged") from error
    except OSError as error:
        raise EngineDown(f"the configuration of the collection {name} cannot be read: {error}") from error


def _lock_folder(path: Path) -> int:
    """Return a descriptor that keeps others from opening the shard: the engine itself would let them."""
    descriptor = call_engine(os.open, path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise EngineDown(f"the collection {path.name} is open in another process") from error
    return descriptor


def _read_ahead(path: Path) -> None:
    """Read a shard's files into the system's cache before the engine maps them.

    The engine maps them for random access and drops their cached pages. So each page of 4 KiB that is not there is one
    read of 50 µs, while the interpreter is held: measured at 10,000 memories, the first search takes 1 instead of
    30 ms after this, the next ones 0.3 instead of 3.5.
    """
    left, buffer = _MOST_READ_AHEAD, memoryview(bytearray(2**20))
    for stored, file in sorted(
        (_count_stored_bytes(each), each) for each in path.glob("segments/**/*") if each.is_file()
    ):
        left -= stored
        if left < 0:
            return
        with (
            contextlib.suppress(OSError),
            file.open("rb", buffering=0) as raw,
        ):  # opening the shard will fail and say so
            while raw.readinto(buffer[: stored - raw.tell()]):
                pass


def _count_stored_bytes(file: Path) -> int:
    """Return the bytes that a file has on the disk. The engine makes its files large and fills them from the front."""
    return getattr(file.stat(), "st_blocks", 0) * 512


def close_shard(opened: OpenShard, keep: bool) -> bool:  # noqa: FBT001 - asyncio.to_thread passes it on
    """Close a shard, after a flush if `keep` is true; return whether its writes are on the disk."""
    is_flushed = False
    with contextlib.suppress(EngineDown):
        if keep:
            call_engine(opened.shard.flush)
            is_flushed = True
    with contextlib.suppress(EngineDown):
        call_engine(opened.shard.close)
    os.close(opened.lock)
    return is_flushed


def remove_shard(folder: Path, name: str) -> None:
    """Remove a closed shard; if it is not there, do nothing."""
    gone = _make_hidden_path(folder, _GONE_PREFIX, name)
    with contextlib.suppress(FileNotFoundError):
        (folder / name).rename(gone)
        shutil.rmtree(gone)


def list_names(folder: Path) -> set[str]:
    """Return the names of the whole collections: those that are neither half made nor half removed."""
    return {each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")}


def remove_leftovers(folder: Path, is_ours: Callable[[str], bool]) -> None:
    """Remove the shards of our collections that a killed process had half made or half removed."""
    for prefix in (_NEW_PREFIX, _GONE_PREFIX):
        for leftover in folder.glob(f"{prefix}*"):
            if is_ours(leftover.name.removeprefix(prefix).rpartition(".")[0]):
                shutil.rmtree(leftover)


def _make_hidden_path(folder: Path, prefix: str, name: str) -> Path:
    """Return a new path whose name is no collection's, and contains the collection's name."""
    return folder / f"{prefix}{name}.{uuid4().hex}"


def _make_config(dims: int) -> EdgeConfig:
    """Return the configuration of a new shard.

    It has no log: the record is one. Points that were written after the last flush are projected again.
    """
    dense = EdgeVectorParams(
        size=dims,
        distance=Distance.Cosine,
        memory=Memory.Cold,
        datatype=VectorStorageDatatype.Float16,
        quantization_config=TurboQuantQuantizationConfig(bits=TurboQuantBitSize.Bits4, memory=Memory.Cold),
        # The windows of a long text are further vectors of its point. Under a name of their own, the engine keeps
        # room for one window in every point.
        multivector_config=MultiVectorConfig(MultiVectorComparator.MaxSim),
    )
    return EdgeConfig(
        vectors={"dense": dense} if dims else None,
        sparse_vectors={"text": EdgeSparseVectorParams(modifier=Modifier.Idf, memory=Memory.Cold)},
        optimizers=EdgeOptimizersConfig(indexing_threshold=_GRAPHS_FROM),
        max_search_threads=1,
        payload_memory=Memory.Cold,
        id_tracker_memory=Memory.Cold,
        wal_enabled=False,
    )
