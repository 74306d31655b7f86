"""The storing of the parts of an export that are not memories. Things that a workspace has already stay as they are."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.entities.names import fold_entity_name
from server.memory.images import MOST_BYTES, MOST_IMAGES, Picture, make_filename, recognize_mimetype
from server.memory.imports.item import Refusal, digest_key
from server.memory.notes.skip import MOST_ENTRIES
from server.memory.notes.working import SEEDS
from server.store.epoch import raise_epoch
from server.store.record import exports, golden, images, imports, memories, settings
from server.store.record.entities import rows as entities
from server.store.record.exports import NoteKind
from server.store.record.imports import Known
from server.store.record.journal import journal_change, journal_memories
from server.store.record.notes import identity, skip_list, working_memory
from server.store.record.workspaces import Workspace
from tools.golden import CASES
from tools.imports.linking import Names
from tools.imports.note_candidates import NoteCandidate
from tools.imports.target import ImportTarget
from tools.memories.images import describe_pictures
from tools.notes.working_memory import OWN_SECTIONS

#: The name of what was stored, None if the workspace has it, or the reason why it cannot be stored.
Outcome = str | None | Refusal


class NoteStore:
    """Stores the lines of one import.

    Args:
        names: what the ids of the file mean here.
        brought: the ids of the memories that this import brought: only they get changes and pictures.
    """

    def __init__(self, target: ImportTarget, names: Names, brought: Collection[str]) -> None:
        self._target = target
        self._names = names
        self._brought = brought
        self._sections = set[str]()
        self._crystals = 0

    async def store_all(
        self,
        connection: AsyncConnection,
        place: Workspace,
        run_id: str,
        wanted: Sequence[NoteCandidate],
        known: Mapping[str, Known],
    ) -> tuple[list[Refusal], int]:
        """Store lines in the caller's transaction: changes of memories, or others.

        Returns:
            The refusals, and the number of what was stored. The workspace has the rest.
        """
        if wanted[0].note.kind == "change":
            outcomes = await self._store_changes(connection, place, wanted)
            return _count_outcomes(outcomes)
        if wanted[0].note.kind == "import_keys":
            return _count_outcomes([await self._store_import_keys(connection, place, run_id, each) for each in wanted])
        outcomes, keys = list[Outcome](), dict[str, str]()
        for each in wanted:
            is_known = each.digest in known and known[each.digest].thing is not None
            outcome = None if is_known else await self._store(connection, place, each)
            outcomes.append(outcome)
            if isinstance(outcome, str) and each.note.kind != "image":
                keys[each.digest] = f"{each.note.kind}:{outcome}"
        await imports.put_keys(connection, place.id, run_id, {}, keys)
        return _count_outcomes(outcomes)

    async def _store(self, connection: AsyncConnection, place: Workspace, each: NoteCandidate) -> Outcome:
        """Store a line, and return the name that it has here."""
        stores: dict[str, Callable[[AsyncConnection, Workspace, NoteCandidate], Awaitable[Outcome]]] = {
            "setting": self._store_setting,
            "entity": self._store_entity,
            "section": self._store_section,
            "item": self._store_item,
            "crystal": self._store_crystal,
            "golden_case": self._store_golden,
            "image": self._store_image,
        }
        return await stores[each.note.kind](connection, place, each)

    async def _store_setting(self, connection: AsyncConnection, place: Workspace, each: NoteCandidate) -> Outcome:
        kept = await settings.load_settings(connection, place.id)
        if each.name in kept.set_at:
            return None
        await settings.change_setting(connection, place.id, each.name, each.line.value, each.line.set_at)
        await raise_epoch(connection)
        return each.name

    async def _store_entity(self, connection: AsyncConnection, place: Workspace, each: NoteCandidate) -> Outcome:
        await entities.hold_reading(connection, place.id)
        names: dict[str, str] = {fold_entity_name(name): name for name in (each.name, *each.line.aliases)}
        if await entities.find_names(connection, place.id, names):
            return None
        now = self._target.now()
        await entities.insert_entities(connection, place.id, [(each.name, each.line.type, True)], now, is_kept=True)
        made = await entities.find_entity(connection, place.id, each.name)
        others = [name for key, name in names.items() if key != fold_entity_name(each.name)]
        if made is None:
            return None
        await entities.insert_names(connection, place.id, made.id, others)
        await journal_change(connection, place.id, self._target.actor, now, {"entity": made.id})
        return made.id

    async def _store_section(self, connection: AsyncConnection, place: Workspace, each: NoteCandidate) -> Outcome:
        if await working_memory.get_section(connection, place.id, each.name) is not None:
            return None
        own = await working_memory.count_own_sections(connection, place.id)
        if each.name not in SEEDS and own >= OWN_SECTIONS:
            return Refusal(each.note.place, f"is a section too many; a workspace may have {OWN_SECTIONS} of its own")
        await self._insert(connection, place, "section", each.line.model_dump() | {"name": each.name})
        self._sections.add(each.name)
        return digest_key(each.name)  # a person has chosen the name, and it is to go with the section

    async def _store_item(self, connection: AsyncConnection, place: Workspace, each: NoteCandidate) -> Outcome:
        if await working_memory.get_item(connection, place.id, each.name) is not None:
            self._names.note_id(f"loci {each.name}", each.name)
            return None
        values = each.line.model_dump()
        if values["category"] == "skip_list" and values["status"] == "active":
            there = (await skip_list.count_entries(connection, place.id, self._target.now()))["active"]
            if there >= MOST_ENTRIES:
                return Refusal(each.note.place, f"is too many for the skip list, which may have {MOST_ENTRIES} entries")
        if not self._sections:  # the text of the section has no such line: another one was there
            values["section_line"] = None
        item_id = await self._choose_id(connection, "item", each.name)
        await self._insert(connection, place, "item", values | {"id": item_id})
        await self._target.plans.check_quota(connection, place.account_id, "items")
        self._names.note_id(f"loci {each.name}", item_id)
        return item_id

    async def _store_crystal(self, connection: AsyncConnection, place: Workspace, each: NoteCandidate) -> Outcome:
        if await exports.find_note(connection, place.id, "crystal", each.name) is not None:
            return None
        if not self._crystals and await identity.get_latest_crystal(connection, place.id) is not None:
            return Refusal(each.note.place, "the workspace has an identity of its own, which stays")
        self._crystals += 1
        crystal_id = await self._choose_id(connection, "crystal", each.name)
        await self._insert(connection, place, "crystal", each.line.model_dump() | {"id": crystal_id})
        return crystal_id

    async def _store_golden(self, connection: AsyncConnection, place: Workspace, each: NoteCandidate) -> Outcome:
        if await exports.find_note(connection, place.id, "golden_case", each.name) is not None:
            return None
        if await golden.count_cases(connection, place.id) >= CASES:
            return Refusal(each.note.place, f"is a golden case too many; a workspace may have {CASES}")
        case_id = await self._choose_id(connection, "golden_case", each.name)
        values = each.line.model_dump() | {"id": case_id, "created_by": self._target.actor.user_id}
        if values["memory_id"] is not None:
            values["memory_id"] = self._names.find(f"loci {values['memory_id']}") or values["memory_id"]
        await self._insert(connection, place, "golden_case", values)
        return case_id

    async def _store_image(self, connection: AsyncConnection, place: Workspace, each: NoteCandidate) -> Outcome:
        memory_id = self._names.find(f"loci {each.line.memory_id}")
        before = None if memory_id is None else await memories.get_memory(connection, place.id, memory_id)
        if before is None:
            return Refusal(each.note.place, "is a picture of a memory that was not imported; import its line as well")
        if before.id not in self._brought or any(image.filename == each.line.filename for image in before.images):
            return None
        picture = _read_picture(each, {image.filename for image in before.images})
        if isinstance(picture, Refusal):
            return picture
        if len(before.images) >= MOST_IMAGES:
            return Refusal(each.note.place, f"is a picture too many; a memory may have {MOST_IMAGES}")
        await images.add_picture(connection, place.id, before.id, len(before.images), picture)
        shown = [*before.images, *describe_pictures([picture], place.name, before.id)]
        changes = {"images": [image.model_dump() for image in shown]}
        now = self._target.now()
        revision = await memories.advance_revision(connection, place.id, 1, now)
        await memories.update_memory(connection, before.id, revision, changes)
        await journal_memories(connection, place.id, self._target.actor, now, revision, [(before.id, None, None)])
        return f"{before.id}/{picture.filename}"

    async def _store_changes(
        self, connection: AsyncConnection, place: Workspace, wanted: Sequence[NoteCandidate]
    ) -> list[Outcome]:
        """Store earlier states of memories that this import brought."""
        ids = {each.name: self._names.find(f"loci {each.name}") for each in wanted}
        kept = await exports.find_kept_changes(connection, [each for each in ids.values() if each is not None])
        rows: list[dict[str, Any]] = []
        outcomes: list[Outcome] = []
        for each in wanted:
            memory_id = ids[each.name]
            line = each.line
            if memory_id is None:
                reason = "is a change of a memory that was not imported; import its line as well"
                outcomes.append(Refusal(each.note.place, reason))
            elif memory_id not in self._brought or (memory_id, line.at, line.operation) in kept:
                outcomes.append(None)
            else:
                rows.append(_make_change(memory_id, line))
                outcomes.append(memory_id)
        revision = await memories.advance_revision(connection, place.id, 0, None) - 1
        actor = self._target.actor
        common = {"user_id": actor.user_id, "credential_id": actor.credential_id, "request_id": actor.request_id}
        await exports.insert_changes(connection, place.id, revision, rows, common)
        return outcomes

    async def _store_import_keys(
        self, connection: AsyncConnection, place: Workspace, run_id: str, each: NoteCandidate
    ) -> Outcome:
        """Store the keys that no import here has made. That of a memory which is gone keeps it from coming back."""
        keys: dict[str, str | None] = each.line.keys
        known = await imports.find_known(connection, place.id, [*keys])
        new = {key: old for key, old in keys.items() if key not in known or known[key].thing is None}
        now = self._target.now()
        ids = {key: (old and self._names.find(f"loci {old}")) or new_id(now) for key, old in new.items()}
        await imports.put_keys(connection, place.id, run_id, ids)
        return each.name if new else None

    async def _insert(
        self, connection: AsyncConnection, place: Workspace, kind: NoteKind, values: dict[str, Any]
    ) -> None:
        await exports.insert_note(connection, place.id, kind, values)
        what = {kind: str(values["name" if kind == "section" else "id"])}
        await journal_change(connection, place.id, self._target.actor, self._target.now(), what)

    async def _choose_id(self, connection: AsyncConnection, kind: NoteKind, wanted: str) -> str:
        """Return the id of the file, or a new one if another workspace has it."""
        is_taken = await exports.is_id_taken(connection, kind, wanted)
        return new_id(self._target.now()) if is_taken else wanted


def _count_outcomes(outcomes: Sequence[Outcome]) -> tuple[list[Refusal], int]:
    refused = [each for each in outcomes if isinstance(each, Refusal)]
    return refused, sum(isinstance(each, str) for each in outcomes)


def _make_change(memory_id: str, line: Any) -> dict[str, Any]:
    states = {
        name: None if state is None else state.model_dump(mode="json") | {"id": memory_id}
        for name, state in (("before", line.before), ("after", line.after))
    }
    at: datetime = line.at
    return {"memory_id": memory_id, "at": at, "operation": line.operation} | states


def _read_picture(each: NoteCandidate, taken: Collection[str]) -> Picture | Refusal:
    try:
        data = base64.b64decode(each.line.data, validate=True)
    except (binascii.Error, ValueError):
        return Refusal(each.note.place, "data: is no base64")
    if len(data) > MOST_BYTES:
        return Refusal(each.note.place, f"data: has {len(data)} bytes; a picture may have {MOST_BYTES}")
    mimetype = recognize_mimetype(data)
    if mimetype is None or mimetype != each.line.mimetype:
        return Refusal(each.note.place, f"data: is no {each.line.mimetype}")
    return Picture(make_filename(each.line.filename, mimetype, taken), mimetype, data)


async def delete_notes(connection: AsyncConnection, workspace_id: str, notes: Sequence[str], now: datetime) -> None:
    """Delete what an import brought beside memories: kind and name of each. What is gone already is passed over."""
    deletions: dict[str, Callable[[AsyncConnection, str, str], Awaitable[object]]] = {
        "item": working_memory.delete_item,
        "golden_case": golden.delete_case,
    }
    for each in notes:
        kind, _, name = each.partition(":")
        if kind == "crystal":
            await identity.delete_crystals(connection, [name])
        elif kind == "entity":
            await entities.hold_reading(connection, workspace_id)
            ids = [one.id for one in (await entities.list_names(connection, [name]))[name]]
            await entities.update_names(connection, ids, {"is_kept": False})
            await entities.prune_names(connection, workspace_id, ids)
            await entities.note_moved_names(connection, workspace_id)
        elif kind == "section":
            written = await working_memory.list_sections(connection, workspace_id)
            for section in (one for one in written if digest_key(one.name) == name):
                await working_memory.delete_section(connection, workspace_id, section.name)
        elif kind == "setting":
            await settings.change_setting(connection, workspace_id, name, None, now)
            await raise_epoch(connection)
        elif kind in deletions:
            await deletions[kind](connection, workspace_id, name)
