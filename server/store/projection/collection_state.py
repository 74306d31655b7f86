"""The state of a workspace's collection in this process, as the projection keeps it."""

import asyncio
from dataclasses import dataclass, field

from server.memory.languages import Language
from server.store.projection.placement import Target
from server.store.projection.rarities import Rarities
from server.store.projection.record_words import RecordWords
from server.store.search.seam import EngineDown, WritesLost

#: Seconds that patches wait for a flush at most. They are counts of recalls, which the record has.
PATCHES_WAIT = 60.0


@dataclass(slots=True)
class OpenedCollection:
    """A collection that this process has open."""

    target: Target
    projected: int  # the revision of the workspace that it holds
    flushed: int  # the revision that is on the disk
    rarities: Rarities | None = None
    patched_at: float | None = None  # the loop's time of the first patch since the last flush

    def needs_flush(self, now: float) -> bool:
        """Whether revisions were written since the last flush, or patches a minute ago."""
        return self.projected > self.flushed or (self.patched_at is not None and now - self.patched_at >= PATCHES_WAIT)


@dataclass(slots=True)
class CollectionState:
    """The state of a workspace's collection in this process, and of the tasks that wait for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    opened: OpenedCollection | None = None
    is_behind: bool = False  # a projection failed, and the loop has to catch up
    must_drop: bool = False  # the collection is to be dropped before anything else
    users: int = 0  # the tasks that hold the lock or wait for it
    asked: int = 0  # the tasks that asked to catch up so far
    served: int = 0  # the number of them when the last catching up began
    failure: str | None = None  # why that one failed
    is_read_only: bool = False  # that one failed because the engine takes no writes; it may answer searches

    @property
    def is_in_use(self) -> bool:
        """Whether the collection is open, or has to catch up."""
        return self.is_behind or self.opened is not None

    @property
    def projected_revision(self) -> int | None:
        """The revision of the workspace that the collection holds; None if it is not open."""
        return None if self.opened is None else self.opened.projected

    def note_unusable(self, error: EngineDown | None) -> None:
        """Have the collection dropped and made again; if only its last writes are lost, have it opened again."""
        self.is_behind = True
        if isinstance(error, WritesLost):
            self.opened = None
        else:
            self.must_drop = True

    def is_serving(self, target: Target) -> bool:
        """Whether this collection is open now."""
        return self.opened is not None and self.opened.target == target


@dataclass(frozen=True, slots=True)
class Serving:
    """The content of a workspace's open collection.

    These are the generation of its vectors (0: none), the language of its words, and the revision that it has reached.

    `words` is None, but if the engine takes no writes and cannot open the collection: then they are searched in its
    place.
    """

    generation: int
    language: Language
    revision: int = 0
    words: RecordWords | None = None


#: The content of a workspace that has no collection.
NOTHING_SERVED = Serving(0, "english")
