"""min-memory's `sync_session`: all that a session has to keep, stored in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Failure
from server.ids import new_id
from server.memory.entities.names import fold_entity_name
from server.memory.models import Memory
from server.store.entities.reading import MOST_STEPS, catch_up
from server.store.record import memories, memory_lists
from server.store.record.entities import rows
from server.store.record.memory_lists import Listing
from server.store.record.recall.repeats import count_repeats, find_repeated
from tools.compat.min_memory_tools.places import PROJECT_TYPE, find_project
from tools.compat.min_memory_tools.words import STATUS, SUPERSEDES, JsonAnswer, MemoryType
from tools.core.arguments import InWorkspace
from tools.core.call import Call, PlacedCall, ensure_workspace
from tools.core.fields import Content, NewName, NewWords
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories.arguments import LinkedId, NewMemory
from tools.memories.storing import embed_contents, index_new_memories, insert_new_memories

GLOBAL = "global"
MOST = 50
#: The origin of what is stored here. A new status takes the place of an earlier one from here only, and never of what
#: somebody stored by hand.
SOURCE = "sync_session"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Content = Field(description="What to keep, in words that make sense on their own.")
    entity: NewName = Field(description="The subject.")


class Learning(_Entry):
    """A decision, or something that was learned."""

    tags: NewWords = Field(default=[], description="Short labels.")
    supersedes: LinkedId | None = Field(default=None, description="The id of the memory whose place it takes.")


class StatusUpdate(_Entry):
    """How something stands now."""

    status: Literal["active", "completed", "superseded", "parked"] = Field(description="How it stands.")


class Feedback(_Entry):
    """Something that the person wants of you from now on."""


Learnings = Annotated[list[Learning], Field(max_length=MOST)]


class SyncSession(InWorkspace):
    """The arguments of `sync_session`."""

    project: NewName = Field(description="The project of the session, or `global`.")
    decisions: Learnings = Field(default=[], description="The decisions, each with its reason.")
    status_updates: Annotated[list[StatusUpdate], Field(max_length=MOST)] = Field(
        default=[], description="How things stand now; each takes the place of the one before about its entity."
    )
    learnings: Learnings = Field(default=[], description="The lessons.")
    feedback: Annotated[list[Feedback], Field(max_length=MOST)] = Field(
        default=[], description="The wishes of the person that hold everywhere; each takes the place of the one before."
    )


class SyncedEntry(BaseModel):
    """One entry that was kept."""

    memory_id: str = Field(description="The memory's id.")
    action: Literal["created", "updated", "repeated"] = Field(
        description="`updated` if it took the place of an earlier memory, `repeated` if this was known already."
    )
    previous_id: str | None = Field(
        default=None, exclude_if=lambda previous: previous is None, description="The memory whose place it took."
    )


class SyncSummary(BaseModel):
    """The numbers of what was kept."""

    created: int = Field(description="The number of new memories.")
    updated: int = Field(description="The number of those that took the place of an earlier one.")
    warnings: list[str] = Field(description="What to look at.")


class SyncDetails(BaseModel):
    """The result of each entry, in the order in which they were sent."""

    decisions: list[SyncedEntry] = Field(description="The decisions.")
    status_updates: list[SyncedEntry] = Field(description="How things stand.")
    learnings: list[SyncedEntry] = Field(description="What was learned.")
    feedback: list[SyncedEntry] = Field(description="The feedback.")


class SyncedSession(JsonAnswer):
    """The parts of a session that were kept."""

    summary: SyncSummary = Field(description="The numbers.")
    details: SyncDetails = Field(description="Each entry.")


@dataclass
class _Sync:
    """One session on its way into the record: the new memories, and what is known of the earlier ones."""

    connection: AsyncConnection
    workspace_id: str
    project: str | None
    now: datetime
    new: list[Memory] = field(default_factory=list[Memory])
    warnings: list[str] = field(default_factory=list[str])
    #: The memories that decisions and learnings only repeat.
    repeated: list[str] = field(default_factory=list[str])

    async def append(self, entry: Learning, place: str) -> SyncedEntry:
        """Add a decision or a learning; it takes the place of the memory that it names."""
        earlier = entry.supersedes
        if earlier is not None and not await memories.find_existing_ids(self.connection, self.workspace_id, [earlier]):
            self.warnings.append(f"{place}: there is no memory {earlier} to supersede; it was stored without the link.")
            earlier = None
        memory = self._make(entry, "episodic", self.project, earlier, tags=entry.tags)
        told = (await find_repeated(self.connection, self.workspace_id, self.new, self.now)).get(memory.id)
        if told is None or earlier is not None:
            return SyncedEntry(memory_id=memory.id, action="created", previous_id=earlier)
        self.new.remove(memory)
        self.repeated.append(told.id)
        return SyncedEntry(memory_id=told.id, action="repeated")

    async def replace(self, entry: _Entry, kind: MemoryType, project: str | None, **facts: Any) -> SyncedEntry:
        """Add a memory that takes the place of the newest one of this type and entity; the same again adds nothing."""
        before = await self._find_earlier(entry.entity, kind, project)
        if before is None:
            return SyncedEntry(memory_id=self._make(entry, kind, project, None, **facts).id, action="created")
        if (before.content, before.metadata) == (entry.text, facts.get("metadata", {})):
            return SyncedEntry(memory_id=before.id, action="updated")
        memory = self._make(entry, kind, project, before.id, **facts)
        return SyncedEntry(memory_id=memory.id, action="updated", previous_id=before.id)

    def _make(self, entry: _Entry, kind: MemoryType, project: str | None, earlier: str | None, **facts: Any) -> Memory:
        links = [] if earlier is None else [{"type": "memory", "id": earlier, "label": SUPERSEDES}]
        values = {"content": entry.text, "entity": entry.entity, "type": kind, "project": project, "source": SOURCE}
        made = NewMemory.model_validate(values | {"linkages": links} | facts).to_memory(new_id(self.now), self.now)
        self.new.append(made)
        return made

    async def _find_earlier(self, entity: str, kind: MemoryType, project: str | None) -> Memory | None:
        key = (entity, kind, project)
        mine = [each for each in self.new if (each.entity, each.type, each.project) == key]
        if mine:
            return mine[-1]
        scope = {"scope": "global"} if project is None else {"scope": "project", "project": project}
        listing = Listing(types=(kind,), equal={"source": SOURCE, "entity": entity} | scope, limit=2)
        found, total = await memory_lists.list_page(self.connection, self.workspace_id, listing, self.now)
        superseded = {link.id for each in found for link in each.linkages if link.label == SUPERSEDES}
        standing = [each for each in found if each.id not in superseded]
        if len(standing) > 1:
            self.warnings.append(f"{entity!r} has {total} memories of the type {kind}; the newest was replaced.")
        return standing[0] if standing else None


async def sync_session(services: Services, call: Call, args: SyncSession) -> SyncedSession:
    """Store what a session has to keep, all of it or nothing.

    Raises:
        Failure: `invalid` for a project of which nothing is remembered; `quota_exceeded`.
    """
    project = None if args.project == GLOBAL else args.project
    if project is not None and await find_project(services, call, project) is None:
        raise Failure(
            "invalid",
            f"project: nothing is remembered of a project {project!r}; make it with set_project, or send {GLOBAL!r}.",
            field="project",
        )
    entries: Sequence[_Entry] = [*args.decisions, *args.status_updates, *args.learnings, *args.feedback]
    texts = list(dict.fromkeys(each.text for each in entries))
    vectors = await embed_contents(services, call, texts) if texts else None
    by_text = None if vectors is None else dict(zip(texts, vectors, strict=True))
    now = services.now()
    await catch_up(services.db, services.known_names, call.id_for_reading, services.now, MOST_STEPS)
    async with services.db.write() as connection:
        placed = await ensure_workspace(connection, services, call)
        await memories.advance_revision(connection, placed.workspace.id, 0, now)  # nobody else writes meanwhile
        sync = _Sync(connection, placed.workspace.id, project, now)
        await _warn_of_unknown(sync, entries)
        details = await _take_entries(sync, args)
        windows = None if by_text is None else [by_text[each.content] for each in sync.new]
        if sync.repeated:
            new = {each.id for each in sync.new}
            await count_repeats(connection, [each for each in sync.repeated if each not in new], now)
        if sync.new:
            await insert_new_memories(connection, services, placed.workspace, placed.actor, sync.new, windows, now)
    if sync.new:
        await index_new_memories(services, placed.workspace, len(sync.new), windows)
    return _build_answer(placed, details, sync.warnings)


async def _warn_of_unknown(sync: _Sync, entries: Sequence[_Entry]) -> None:
    """Warn of entities that no memory is about yet: their names may be misspelt."""
    keys = {each.entity: fold_entity_name(each.entity) for each in entries}
    known = {each.key for each in await rows.find_names(sync.connection, sync.workspace_id, keys.values())}
    unknown = [name for name, key in keys.items() if key not in known]
    sync.warnings += [f"The entity {each!r} is new; search_entities finds similar names." for each in unknown]


async def _take_entries(sync: _Sync, args: SyncSession) -> SyncDetails:
    decisions = [await sync.append(each, f"decisions.{place}") for place, each in enumerate(args.decisions)]
    updates = [
        await sync.replace(each, PROJECT_TYPE, sync.project, metadata={STATUS: each.status})
        for each in args.status_updates
    ]
    learnings = [await sync.append(each, f"learnings.{place}") for place, each in enumerate(args.learnings)]
    feedback = [await sync.replace(each, "core_identity", None) for each in args.feedback]
    return SyncDetails(decisions=decisions, status_updates=updates, learnings=learnings, feedback=feedback)


def _build_answer(placed: PlacedCall, details: SyncDetails, warnings: list[str]) -> SyncedSession:
    every = [*details.decisions, *details.status_updates, *details.learnings, *details.feedback]
    updated = sum(each.action == "updated" for each in every)
    created = sum(each.action == "created" for each in every)
    summary = SyncSummary(created=created, updated=updated, warnings=warnings)
    return SyncedSession(meta=placed.meta, summary=summary, details=details)


SYNC = Operation(
    name="sync_session",
    description=(
        "Keep what a session brought, in one call at its end: decisions, how things stand, what was learned, and what "
        "the person wants of you."
    ),
    routes=(),
    scope="memory:write",
    effect=Effect.CREATE,
    args=SyncSession,
    returns=SyncedSession,
    handler=sync_session,
)
