"""The files of a shard of the embedded engine: made, opened, closed and removed, in a thread."""

import contextlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar
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
    Query,
    QueryRequest,
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
_OTHER_NUMBERS = "expected vector storage datatype Float16, but got Float32"


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


def create_shard(folder: Path, collection: Collection) -> EdgeShard:
    """Make an empty shard in the folder, under the collection's name, and open it."""
    # A creation that is killed half-way leaves a folder that cannot be loaded, so the folder gets its name last.
    unfinished = _make_hidden_path(folder, _NEW_PREFIX, collection.name)
    unfinished.mkdir()
    shard = EdgeShard.create(str(unfinished), _make_config(collection.dims))
    shard.flush()
    shard.close()
    finished = unfinished.rename(folder / collection.name)
    return EdgeShard.load(str(finished), _make_config(collection.dims))


def load_shard(path: Path, collection: Collection) -> EdgeShard:
    """Open a shard.

    Raises:
        UnusableCollection: it is damaged, or made for other vectors.
        EngineDown: it cannot be opened for another reason.
    """
    # If there is no segment, the engine makes an empty one, and lost points would look as if never stored.
    if not any(path.glob("segments/*/segment.json")):
        raise UnusableCollection(f"the collection {collection.name} does not open: it has no segments")
    # The log numbers the updates. A new log would begin anew, and a point ignores updates numbered below its own.
    if not any(path.glob("wal/open-*")):
        raise UnusableCollection(f"the collection {collection.name} does not open: it has no log")
    _read_ahead(path)
    try:
        shard = _load_shard(path, collection.dims)
    except EngineDown as error:
        if _OTHER_CAUSES.search(str(error)):
            raise
        raise UnusableCollection(f"the collection {collection.name} does not open: {error}") from error
    if not collection.dims and _has_dense(shard):
        shard.close()
        raise UnusableCollection(f"the collection {collection.name} was made for dense vectors")
    return shard


def _load_shard(path: Path, dims: int) -> EdgeShard:
    """Open a shard, also one of an earlier version, which has 32 bits a number and serves until it is rebuilt."""
    try:
        return call_engine(EdgeShard.load, str(path), _make_config(dims))
    except EngineDown as error:
        if _OTHER_NUMBERS not in str(error):
            raise
        return call_engine(EdgeShard.load, str(path), _make_config(dims, VectorStorageDatatype.Float32))


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


def close_shard(shard: EdgeShard, keep: bool) -> None:  # noqa: FBT001 - asyncio.to_thread passes it on
    """Close a shard, after a flush if `keep` is true; errors are ignored."""
    # Writes of a failed flush are projected again: nobody was told that they are on the disk.
    with contextlib.suppress(EngineDown):
        if keep:
            call_engine(shard.flush)
    with contextlib.suppress(EngineDown):
        call_engine(shard.close)


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


def _has_dense(shard: EdgeShard) -> bool:
    # Loading checks every vector that the configuration names and ignores the others.
    try:
        call_engine(shard.query, QueryRequest(1, query=Query.Nearest([1.0], using="dense")))
    except EngineDown as error:
        return "Not existing vector name" not in str(error)
    return True


def _make_config(dims: int, numbers: VectorStorageDatatype = VectorStorageDatatype.Float16) -> EdgeConfig:
    vectors = {
        "dense": EdgeVectorParams(
            size=dims,
            distance=Distance.Cosine,
            memory=Memory.Cold,
            datatype=numbers,
            quantization_config=TurboQuantQuantizationConfig(bits=TurboQuantBitSize.Bits4, memory=Memory.Cold),
        ),
        "windows": EdgeVectorParams(
            size=dims,
            distance=Distance.Cosine,
            memory=Memory.Cold,
            datatype=numbers,  # the engine keeps room for one window in every point
            multivector_config=MultiVectorConfig(MultiVectorComparator.MaxSim),
        ),
    }
    return EdgeConfig(
        vectors=vectors if dims else None,
        sparse_vectors={"text": EdgeSparseVectorParams(modifier=Modifier.Idf, memory=Memory.Cold)},
        optimizers=EdgeOptimizersConfig(indexing_threshold=_GRAPHS_FROM),
        max_search_threads=1,
        payload_memory=Memory.Cold,
        id_tracker_memory=Memory.Cold,
    )
