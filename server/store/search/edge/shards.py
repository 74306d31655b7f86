"""The embedded engine's shards: one folder per collection, a bounded number of them open.

A shard is pinned while it is used, and only an unpinned one is closed, so no operation ever meets a
closed shard. One lock orders everything that opens, closes, makes or removes shards: the engine holds
the interpreter while it loads or closes one, so a lock for each would gain nothing. That work is done
in a thread and runs to its end even if its caller is cancelled.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from server.store.search.edge import shard_files
from server.store.search.edge.shard_files import OpenShard, call_engine
from server.store.search.seam import Collection, EngineDown, UnusableCollection, WritesLost, WritesRefused

T = TypeVar("T")

LEAST_FREE = 64 * 1024 * 1024
"""Bytes that must be free on the disk before a write: a full disk ends the process with SIGBUS."""


class Shards:
    """The open shards of a folder.

    Args:
        folder: the folder of the collections' folders; made if it is not there.
        max_open: the most shards that may be open, at least 1; one more waits until a shard is unpinned.
        count_free_bytes: returns the bytes free on a folder's disk.
        is_ours: whether a collection is ours, by its name; the folder's other collections are other processes'.
    """

    def __init__(
        self, folder: Path, max_open: int, count_free_bytes: Callable[[Path], int], is_ours: Callable[[str], bool]
    ) -> None:
        if max_open < 1:
            raise ValueError("at least one shard must be allowed to be open")
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._max_open = max_open
        self._count_free_bytes = count_free_bytes
        self._is_ours = is_ours
        self._open: OrderedDict[str, OpenShard] = OrderedDict()
        self._lock = asyncio.Lock()
        self._unpinned = asyncio.Event()
        self._pid = os.getpid()
        self._lost: set[str] = set()  # collections that were closed without a flush, and not opened anew since
        self._has_removed_leftovers = False
        self._is_closed = False
        self._running: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def pin(self, collection: Collection) -> AsyncGenerator[OpenShard | None, None]:
        """Keep the collection's shard open while the block runs, and yield it; None if the collection is not there.

        Raises:
            WritesLost: it was closed without a flush.
        """
        self.check_usable()
        entry = self._open.get(collection.name)
        if entry is None:
            entry = await self._run_to_end(self._find_and_pin(collection), undo=self._unpin)
            if entry is None:
                yield None
                return
        else:
            _check_dims(entry, collection)
            entry.pins += 1
            self._open.move_to_end(collection.name)
        try:
            yield entry
        finally:
            self._unpin(entry)

    async def ensure_shard(self, collection: Collection) -> bool:
        """Open the collection's shard, and make it if it is not there; return whether it was made."""
        self.check_usable()
        return await self._run_to_end(self._ensure_shard(collection))

    async def drop_shard(self, name: str) -> None:
        """Remove the collection's shard when nobody uses it any more; if it is not there, do nothing."""
        self.check_usable()
        await self._run_to_end(self._drop(name))

    async def flush_shard(self, collection: Collection) -> None:
        """Flush the shard's writes to the disk; if the collection is not there, do nothing."""
        self.check_usable()
        await self._run_to_end(self._flush(collection))

    async def list_names(self) -> set[str]:
        """Return the names of all whole collections in the folder."""
        self.check_usable()
        return await asyncio.to_thread(call_engine, shard_files.list_names, self._folder)

    def has_shard(self, name: str) -> bool:
        """Whether the collection has a shard on the disk, open or not."""
        self.check_usable()
        return (self._folder / name).is_dir()

    def check_usable(self) -> None:
        """Raise `EngineDown` after `close`, and in a forked child, in which a query would hang for ever."""
        if self._is_closed:
            raise EngineDown("the embedded engine is closed")
        if os.getpid() != self._pid:
            raise EngineDown("the embedded engine does not survive a fork; spawn the process instead")

    def check_files(self, name: str) -> None:
        """Raise `UnusableCollection` if somebody removed the files of an open shard: what is written would be lost."""
        if not (self._folder / name).is_dir():
            raise UnusableCollection(f"the files of the collection {name} were removed")

    def check_space(self) -> None:
        """Raise `WritesRefused` if the disk is too full for a safe write."""
        free = call_engine(self._count_free_bytes, self._folder)
        if free < LEAST_FREE:
            raise WritesRefused(f"the disk under the search index has {free} bytes free; writing needs {LEAST_FREE}")

    async def close(self) -> None:
        """Flush and close every shard when nobody uses it any more; a second call does nothing."""
        self._is_closed = True
        await self._run_to_end(self._close())

    async def _run_to_end(self, work: Coroutine[object, object, T], undo: Callable[[T], None] | None = None) -> T:
        """Run the work to its end and return its result; if the caller is cancelled meanwhile, undo the result."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: _undo_result(done, undo))
            raise

    async def _find_and_pin(self, collection: Collection) -> OpenShard | None:
        async with self._lock:
            entry = await self._find(collection)
            if entry is not None:
                entry.pins += 1
            return entry

    async def _ensure_shard(self, collection: Collection) -> bool:
        async with self._lock:
            self._lost.discard(collection.name)  # the caller writes again what was not flushed
            if await self._find(collection) is not None:
                return False
            call_engine(self._folder.mkdir, parents=True, exist_ok=True)  # it may have been removed
            self.check_space()
            await self._make_room()
            create = shard_files.create_shard
            self._open[collection.name] = await asyncio.to_thread(call_engine, create, self._folder, collection)
            return True

    async def _find(self, collection: Collection) -> OpenShard | None:
        await self._remove_leftovers_once()
        entry = self._open.get(collection.name)
        path = self._folder / collection.name
        if entry is not None:
            _check_dims(entry, collection)
            self.check_files(collection.name)
        elif path.is_dir():
            self.check_space()
            if collection.name in self._lost:
                raise WritesLost(f"the collection {collection.name} was closed before its writes were on the disk")
            await self._make_room()
            entry = await asyncio.to_thread(shard_files.load_shard, path, collection)
            self._open[collection.name] = entry
        return entry

    async def _drop(self, name: str) -> None:
        async with self._lock:
            await self._remove_leftovers_once()
            entry = self._open.pop(name, None)
            if entry is not None:
                await self._close_entry(entry, keep=False)
            self._lost.discard(name)
            await asyncio.to_thread(call_engine, shard_files.remove_shard, self._folder, name)

    async def _flush(self, collection: Collection) -> None:
        async with self.pin(collection) as opened:
            if opened is not None:
                self.check_files(collection.name)
                await asyncio.to_thread(call_engine, opened.shard.flush)

    async def _close(self) -> None:
        async with self._lock:
            while self._open:
                _, entry = self._open.popitem(last=False)
                await self._close_entry(entry, keep=True)

    async def _make_room(self) -> None:
        while len(self._open) >= self._max_open:
            name = next((name for name, entry in self._open.items() if not entry.pins), None)
            if name is None:
                self._unpinned.clear()
                await self._unpinned.wait()
            elif not await self._close_entry(self._open.pop(name), keep=True):
                self._lost.add(name)

    async def _close_entry(self, entry: OpenShard, *, keep: bool) -> bool:
        """Close a shard that is no longer listed, after its last user has left; return whether it was flushed."""
        while entry.pins:
            self._unpinned.clear()
            await self._unpinned.wait()
        return await asyncio.to_thread(shard_files.close_shard, entry, keep)

    async def _remove_leftovers_once(self) -> None:
        """Remove, at the first call, the shards that a killed process had half made or half removed."""
        if not self._has_removed_leftovers:
            await asyncio.to_thread(call_engine, shard_files.remove_leftovers, self._folder, self._is_ours)
            self._has_removed_leftovers = True

    def _unpin(self, entry: OpenShard | None) -> None:
        if entry is not None:
            entry.pins -= 1
            if not entry.pins:
                self._unpinned.set()


def _undo_result(task: asyncio.Task[T], undo: Callable[[T], None] | None) -> None:
    if not task.cancelled() and task.exception() is None and undo is not None:
        undo(task.result())


def _check_dims(entry: OpenShard, collection: Collection) -> None:
    if entry.dims != collection.dims:
        raise UnusableCollection(f"the collection {collection.name} was made for vectors of {entry.dims} dimensions")
