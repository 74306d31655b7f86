"""Storing, reading, changing and forgetting memories."""

from collections.abc import Callable
from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from server.errors import Failure
from server.ids import new_id
from server.memory.models import Memory, Scope
from server.store.record import images, memories, vectors
from server.store.record.journal import journal_memories
from server.store.record.relations.contradictions import CONTRADICTED_BY, find_contradictions
from server.store.record.relations.followers import renew_followers
from server.store.record.stored_by import StoredBy, read_stored_by
from tools.core.answers import Answer, Meta
from tools.core.call import Call, ensure_workspace
from tools.core.fields import Content, End, Moment, Name, NewName, NewWords, Word
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.core.time_zone import InTimeZone, find_zone
from tools.memories.arguments import (
    ANSWERED_FIELDS,
    SUPERSEDES_FIELD,
    Linkages,
    MemoryRef,
    Metadata,
    StoreMemory,
    SupersededIds,
    find_expiry_notice,
    find_metadata_problem,
    find_missing_place,
    link_to_superseded,
    merge_patch,
    to_json_value,
)
from tools.memories.citation import make_title, make_url
from tools.memories.deletion import DeletedMemory, DeleteMemory, delete_memory
from tools.memories.documents import read_document
from tools.memories.images import decode_images, describe_pictures
from tools.memories.inferring import infer_again, infer_from_texts, infer_sessions
from tools.memories.listing import (
    FetchedMemories,
    FetchMemories,
    ListMemories,
    MemoryPage,
    fetch_memories,
    list_memories,
)
from tools.memories.restoring import RestoredMemory, RestoreMemory, restore_memory
from tools.memories.rows import check_links, hold_memory, join_links, make_memory_not_found
from tools.memories.similar import SimilarMemory, find_similar_memories, write_similar_notice
from tools.memories.storing import embed_contents, index_new_memories, store_unless_told


class MemoryAnswer(Memory):
    """One memory, flat, and its workspace."""

    meta: Meta = Field(description="About this answer.")


class FetchedMemory(MemoryAnswer):
    """One memory, also in the form in which the connectors of ChatGPT take a document."""

    title: str = Field(description="Its first line, cut.")
    text: str = Field(description="The same as `content`; of a part of a long document the whole of it.")
    url: str = Field(description="The address of its page, for a browser.")
    stored_by: StoredBy = Field(description="The person, the app and the session that stored it.")
    contradicted_by: list[str] = Field(default=[], exclude_if=lambda ids: not ids, description=CONTRADICTED_BY)


class StoredMemory(Answer):
    """The memory that was stored."""

    id: str = Field(description="The new memory's id.")
    memory: Memory = Field(description="The memory as it is stored.")
    indexed: bool = Field(description="False if the search store is down: it is stored, and can be found later.")
    is_repeat: bool = Field(
        default=False, description="True if it was stored before: `memory` is the one that is there, told once more."
    )
    similar: list[SimilarMemory] = Field(
        default=[], description="At most three memories that it may replace, or that say nearly the same."
    )


#: The fields that a memory may be without.
Clearable = Literal["project", "task", "entity", "author", "session", "occurred_at", "expires_at", "source", "metadata"]


class UpdateMemory(MemoryRef, InTimeZone):
    """The arguments of `update_memory`: the id, and the fields to change."""

    answered_fields = ANSWERED_FIELDS

    content: Content | None = Field(default=None, description="The new text.")
    type: Word | None = Field(default=None, description="The new type.")
    tags: NewWords | None = Field(default=None, description="The new tags, in place of all earlier ones.")
    scope: Scope | None = Field(default=None, description="The part of the workspace in which it is valid.")
    project: NewName | None = Field(default=None, description="The project that it belongs to.")
    task: NewName | None = Field(default=None, description="The task that it belongs to.")
    entity: NewName | None = Field(default=None, description="The person or thing that it is about.")
    author: NewName | None = Field(default=None, description="The person who said it.")
    session: NewName | None = Field(default=None, description="The session it comes from.")
    occurred_at: Moment | None = Field(default=None, description="When it happened.")
    expires_at: End = Field(
        default=None,
        description="The time from which it is no longer recalled.",
    )
    linkages: Linkages | None = Field(default=None, description="The new links, in place of all earlier ones.")
    supersedes: SupersededIds = Field(default=[], description=SUPERSEDES_FIELD)
    source: Name | None = Field(default=None, description="Its origin, for example a file or a tool.")
    metadata: Metadata | None = Field(
        default=None,
        description="The metadata to change. Other keys stay as they are; null as the value of a key removes it.",
    )
    clear: list[Clearable] = Field(
        default=[], max_length=len(get_args(Clearable)), description="The fields to empty, e.g. `expires_at`."
    )

    @model_validator(mode="after")
    def _require_changes(self) -> Self:
        if both := [name for name in self.clear if getattr(self, name) is not None]:
            raise ValueError(f"{both[0]} has a new value and stands in clear; send one of the two")
        if not self.list_changes({}) and not self.supersedes:
            raise ValueError("No fields to update. Send at least one field beside the id")
        return self

    def list_changes(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Return the fields that change, and their new values; `metadata` is the metadata of the memory so far."""
        sent = self.model_fields_set & set(Memory.model_fields) - {"id"}
        changes = {name: to_json_value(getattr(self, name)) for name in sent}
        if self.metadata is not None:
            changes["metadata"] = merge_patch(metadata, self.metadata)
        return changes | {name: {} if name == "metadata" else None for name in self.clear}


async def store_memory(services: Services, call: Call, args: StoreMemory) -> StoredMemory:
    """Store one fact and make it searchable. It returns when the row is on the disk.

    An exact repeat is not stored again: it is counted, and the memory that is there is returned.

    Raises:
        Failure: `invalid` for a link to a memory that does not exist and for a picture that cannot be kept;
            `quota_exceeded` if the account's plan allows no more memories.
    """
    pictures = await decode_images(args.images)
    now = services.now()
    zone = await find_zone(services, call, args.time_zone)
    (memory,) = await infer_from_texts(services, call, [args.to_memory(new_id(now), now)], zone)
    windows = await embed_contents(services, call, [memory.content])
    similar = await find_similar_memories(services, call, memory, windows)
    async with services.db.write() as connection:
        placed = await ensure_workspace(connection, services, call)
        await check_links(connection, placed.workspace.id, args.linkages, "linkages")
        await check_links(connection, placed.workspace.id, link_to_superseded(args.supersedes), "supersedes")
        described = describe_pictures(pictures, placed.workspace.name, memory.id)
        (memory,) = await infer_sessions(connection, placed, [memory.model_copy(update={"images": described})], now)
        (stored,) = await store_unless_told(connection, services, placed, [memory], windows, now)
        await images.put_pictures(connection, placed.workspace.id, memory.id, pictures)
    indexed = await index_new_memories(services, placed.workspace, int(stored.id == memory.id), windows)
    similar = [each for each in similar if each.id != stored.id]
    notices = find_expiry_notice([stored], now), write_similar_notice(similar, stored.id)
    return StoredMemory(
        meta=placed.build_meta(" ".join(each for each in notices if each) or None),
        id=stored.id,
        memory=stored,
        indexed=indexed,
        is_repeat=stored.id != memory.id,
        similar=similar,
    )


async def fetch_memory(services: Services, call: Call, args: MemoryRef) -> FetchedMemory:
    """Return one memory by its id, from the record. Raises `not_found`."""
    memory = await memories.get_memory(services.db, call.id_for_reading, args.id)
    if memory is None:
        raise make_memory_not_found(args.id)
    memory = services.accesses.add_unwritten(call.id_for_reading, memory)
    stored_by = await read_stored_by(services.db, call.id_for_reading, [args.id])
    opposed = await find_contradictions(services.db, [args.id])
    text, notice = await read_document(services.db, call.id_for_reading, memory)
    return FetchedMemory(
        **memory.__dict__,
        meta=call.build_meta(notice),
        title=make_title(memory.content),
        text=text,
        url=make_url(services.public_url, memory.id),
        stored_by=stored_by.get(args.id, StoredBy()),
        contradicted_by=opposed.get(args.id, []),
    )


def _to_answer(memory: Memory, call: Call, notice: str | None = None) -> MemoryAnswer:
    return MemoryAnswer.model_construct(**memory.__dict__, meta=call.build_meta(notice))


async def update_memory(services: Services, call: Call, args: UpdateMemory) -> MemoryAnswer:
    """Change the fields that were sent; a changed text gets new vectors in the same transaction.

    Metadata is merged as RFC 7396 says.

    Raises:
        Failure: `not_found`; `invalid` if the scope would lack its project or its task, or the metadata would be too
            large.
    """
    return await change_memory(services, call, args)


async def change_memory(
    services: Services, call: Call, args: UpdateMemory, check: Callable[[Memory], None] = lambda _: None
) -> MemoryAnswer:
    """Change a memory as `update_memory` does, if a check of it as it is now raises nothing."""
    windows = None
    if args.content is not None:
        windows = await embed_contents(services, call, [args.content])
    now, workspace, zone = services.now(), call.id_for_reading, await find_zone(services, call, args.time_zone)
    async with services.db.write() as connection:
        revision, before = await hold_memory(connection, workspace, args.id, now)
        check(before)
        changes = infer_again(before, args.list_changes(before.metadata), now, zone)
        if args.supersedes:
            own = before if args.linkages is None else before.model_copy(update={"linkages": args.linkages})
            joined = join_links(own, link_to_superseded(args.supersedes), "supersedes")
            changes["linkages"] = to_json_value(joined)
        if problem := find_metadata_problem(changes.get("metadata", {})):
            raise Failure("invalid", f"metadata: {problem}.", field="metadata")
        described: dict[str, Any] = changes | ({"inferred": changes["inferred"] or []} if "inferred" in changes else {})
        after = Memory.model_validate(before.model_dump() | described | {"updated_at": now})
        if problem := find_missing_place(after.scope, after.project, after.task):
            raise Failure("invalid", f"{problem}.", field=problem.partition(" ")[0])
        await check_links(connection, workspace, args.linkages or [], "linkages", own_id=args.id)
        await check_links(connection, workspace, link_to_superseded(args.supersedes), "supersedes", own_id=args.id)
        await services.tombstones.check_texts(connection, workspace, [args.content] if args.content else [])
        moves = {"content", "session"} & changes.keys()
        if moves:
            await renew_followers(connection, workspace, args.id, now)
        await memories.update_memory(connection, args.id, revision, changes | {"updated_at": now})
        if "session" in moves:
            await renew_followers(connection, workspace, args.id, now)
        if args.content is not None:
            await vectors.delete_vectors(connection, args.id)
            if windows is not None:
                await vectors.put_vectors(connection, services.encoder.generation, {args.id: windows[0]})
        change = (args.id, before.model_dump(mode="json"), after.model_dump(mode="json"))
        await journal_memories(connection, workspace, call.actor, now, revision, [change])
    if args.content is not None and windows is None:
        services.encoder.filling.note_gaps()
    await services.projection.project(workspace)
    return _to_answer(after, call, find_expiry_notice([after], now) if "expires_at" in changes else None)


OPERATIONS = (
    Operation(
        name="store_memory",
        description=(
            "Remember one fact for later sessions. Call it when you learn something that will still matter: a "
            "decision and its reason, a preference, a correction, an explanation, a promise. Write one self-contained "
            "sentence or short paragraph, with names instead of 'he' or 'it'. Do not store secrets, or anything that "
            "is already in the files. Name in `supersedes` what it replaces. Returns its id, and in `similar` what it "
            "may replace."
        ),
        routes=(("POST", "/v1/memories"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=StoreMemory,
        returns=StoredMemory,
        handler=store_memory,
    ),
    Operation(
        name="list_memories",
        description=(
            "Browse memories page by page, filtered and sorted, without a query. To find the memories that matter for "
            "a question use retrieve_context instead."
        ),
        routes=(("GET", "/v1/memories"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListMemories,
        returns=MemoryPage,
        handler=list_memories,
    ),
    Operation(
        name="fetch",
        description="Read one memory in full by the id that another tool gave you.",
        routes=(("GET", "/v1/memories/{id}"),),
        scope="memory:read",
        effect=Effect.READ,
        args=MemoryRef,
        returns=FetchedMemory,
        handler=fetch_memory,
    ),
    Operation(
        name="fetch_memories",
        description="Read several memories in full by their ids, in one call.",
        routes=(("POST", "/v1/memories/fetch"),),
        scope="memory:read",
        effect=Effect.READ,
        args=FetchMemories,
        returns=FetchedMemories,
        handler=fetch_memories,
    ),
    Operation(
        name="update_memory",
        description=(
            "Correct a memory that is wrong or out of date: send its id and only the fields that change. Prefer this "
            "to storing a second, contradicting memory."
        ),
        routes=(("PUT", "/v1/memories/{id}"), ("PATCH", "/v1/memories/{id}")),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=UpdateMemory,
        returns=MemoryAnswer,
        handler=update_memory,
    ),
    Operation(
        name="delete_memory",
        description=(
            "Forget one memory by its id, when the person asks for it or it is plainly wrong. It is gone from every "
            "answer at once; its text is overwritten after some weeks, or right away with `erase`."
        ),
        routes=(("DELETE", "/v1/memories/{id}"),),
        scope="memory:write",
        effect=Effect.DELETE,
        args=DeleteMemory,
        returns=DeletedMemory,
        handler=delete_memory,
    ),
    Operation(
        name="restore_memory",
        description=(
            "Bring a deleted memory back by its id, if it was deleted by mistake. It works until its text is erased, "
            "some weeks later."
        ),
        routes=(("POST", "/v1/memories/{id}/restore"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=RestoreMemory,
        returns=RestoredMemory,
        handler=restore_memory,
    ),
)
