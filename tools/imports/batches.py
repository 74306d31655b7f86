"""The entries of a file in batches, read and made ready in a thread while the batch before is stored."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

from server.memory.imports.item import Entry, Item, Note, Refusal
from server.memory.settings import CredentialRule
from tools.imports.candidates import Candidate, prepare_item
from tools.imports.note_candidates import NoteCandidate, prepare_note

#: The entries of one batch, and so of one transaction. Others write between two.
STEP = 400
#: A batch with more characters than this ends: long texts would keep others waiting, and a picture has 10 MB.
CHARACTERS = 1 << 19

Prepared = Candidate | NoteCandidate | Refusal
ReadBatch = Callable[[], Awaitable[list[Prepared]]]


@asynccontextmanager
async def open_batches(entries: Iterator[Entry], rule: CredentialRule) -> AsyncGenerator[ReadBatch]:
    """Open the entries of a file. Each call returns the next batch of the file, and an empty one at the end."""
    ahead = [_start_reading(entries, rule)]

    async def read_batch() -> list[Prepared]:
        batch = await ahead[0]
        if batch:
            ahead[0] = _start_reading(entries, rule)
        return batch

    try:
        yield read_batch
    finally:
        await asyncio.wait(ahead)  # the thread reads from the file, which is closed next


def _start_reading(entries: Iterator[Entry], rule: CredentialRule) -> asyncio.Task[list[Prepared]]:
    return asyncio.create_task(asyncio.to_thread(_read_batch, entries, rule))


def _read_batch(entries: Iterator[Entry], rule: CredentialRule) -> list[Prepared]:
    batch: list[Prepared] = []
    size = 0
    for entry in entries:
        batch.append(_prepare(entry, rule))
        size += _measure(entry)
        if len(batch) >= STEP or size >= CHARACTERS:
            break
    return batch


def _prepare(entry: Entry, rule: CredentialRule) -> Prepared:
    if isinstance(entry, Item):
        return prepare_item(entry, rule)
    return prepare_note(entry, rule) if isinstance(entry, Note) else entry


def _measure(entry: Entry) -> int:
    """Return the characters of an entry's long field."""
    if isinstance(entry, Refusal):
        return 0
    return sum(len(each) for name in ("content", "data", "crystal") if isinstance(each := entry.values.get(name), str))
