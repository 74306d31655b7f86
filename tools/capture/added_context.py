"""The context that an agent gets unasked: a briefing when a session begins, and with each prompt the memories that fit.

Within a session nothing is told twice, unless it has changed since.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from server.memory.capture.briefing import Briefing, BriefingMaterial, BriefingText, compose_briefing, squeeze
from server.memory.capture.cleaning import clean_text
from server.memory.capture.fingerprints import fingerprint
from server.memory.capture.models import SOURCE
from server.memory.capture.repeats import ToldTexts
from server.memory.models import Memory
from server.memory.notes.skip import SkipEntry, find_matches
from server.memory.notes.working import Item
from server.memory.recall.packing import as_data, estimate_tokens
from server.store.record.capture import beginnings
from server.store.record.capture.told_texts import SessionState
from server.store.record.notes import identity, skip_list, working_memory
from server.store.record.recall.recalled import RecalledMemory, read_pinned_memories
from tools.capture.places import SessionPlace
from tools.core.call import Call
from tools.core.fields import QUERY_CHARACTERS
from tools.core.services import Services
from tools.core.time_zone import find_zone
from tools.recall.answers import MatchedMemory, list_matches, mark_contradicted
from tools.recall.model import LEAST_SHARES, RecallRequest
from tools.recall.pipeline import recall

#: The most memories of one prompt.
_MOST = 8
#: The tokens of the marks around memories.
_MARKS = 30
#: The most bytes of a skip entry, and the most entries of one prompt.
_LONGEST_ENTRY, _MOST_ENTRIES = 200, 5
#: How much is read for a briefing: most of it will not fit.
_ITEMS, _STANDING, _DONE = 30, 40, 5


@dataclass(slots=True)
class AddedContext:
    """The text that an agent is told now, and the fingerprints of its texts, by the ids of what they are of."""

    texts: list[str] = field(default_factory=list[str])
    fingerprints: dict[str, str] = field(default_factory=dict[str, str])
    has_briefing: bool = False


class _Hearer:
    """The texts that the agent has been told in its session so far."""

    def __init__(self, session: SessionState | None) -> None:
        self.session_id = None if session is None else session.id
        self._earlier = {} if session is None else session.told_texts
        self.now_told: dict[str, str] = {}
        self._met: dict[str, str] = {}

    @property
    def fingerprints(self) -> list[str]:
        """The fingerprints of all that the agent was told, and is told now."""
        return [*self._earlier.values(), *self.now_told.values()]

    def has_heard(self, source_id: str, text: str) -> bool:
        """Whether the agent was told this text of this memory, item or crystal."""
        known = self.now_told.get(source_id, self._earlier.get(source_id))
        return known is not None and known == fingerprint(text)

    def knows(self, memory: RecalledMemory) -> bool:
        """Whether a recall leaves a memory out: the agent was told it, or it comes from its own session.

        A summary of a session is left out, too. The observations that it sums up are found by themselves.
        """
        self._met[memory.id] = memory.content
        is_own = memory.session is not None and memory.session == self.session_id
        return is_own or memory.type == "summary" or self.has_heard(memory.id, memory.content)

    def note_memory(self, memory: RecalledMemory) -> None:
        """Remember that the agent is told a memory which was asked about, or a part of it."""
        self.note(memory.id, self._met[memory.id])

    def note(self, source_id: str, text: str) -> None:
        """Remember that the agent is told a text."""
        self.now_told[source_id] = fingerprint(text)


async def add_context(
    services: Services,
    call: Call,
    prompt: str,
    session: SessionState | None,
    place: SessionPlace,
    *,
    is_beginning: bool,
) -> AddedContext:
    """Return what an agent is told with a prompt ("" for none): at the beginning of its session the briefing as well.

    Raises:
        Failure: `unavailable` if the search store is down.
    """
    hearer, added = _Hearer(session), AddedContext()
    if is_beginning:
        briefing = compose_briefing(await _read_material(services, call, hearer, place))
        _note_briefing(briefing, hearer)
        added.texts += [briefing.text] if briefing.text else []
        added.has_briefing = True
    message = clean_text(prompt)[:QUERY_CHARACTERS].strip()
    # A command of the client is no question.
    if message and not message.startswith("/") and call.workspace.settings.prompt_tokens > 0:
        added.texts += await _recall(services, call, message, hearer)
    added.fingerprints = hearer.now_told
    return added


def _note_briefing(briefing: Briefing, hearer: _Hearer) -> None:
    for each in briefing.texts:
        hearer.note(each.source_id, each.text)


async def _recall(services: Services, call: Call, message: str, hearer: _Hearer) -> list[str]:
    """Return the skip entries and the memories that fit a message, as texts for the agent; none if nothing fits."""
    entries = await skip_list.list_live_entries(services.db, call.id_for_reading, services.now())
    texts = _warn(find_matches(entries, message), hearer)
    room = call.workspace.settings.prompt_tokens - _MARKS - sum(map(estimate_tokens, texts))
    if room <= 0:
        return texts
    request = RecallRequest(
        message=message,
        limit=_MOST,
        max_tokens=room,
        least_share=LEAST_SHARES["hook"],
        zone=await find_zone(services, call),
        is_known=hearer.knows,
    )
    result = await recall(services, call.workspace, request)
    memories = _leave_out_repeats(await mark_contradicted(services.db, list_matches(result)), hearer)
    return [*texts, as_data(memories)] if memories else texts


def _leave_out_repeats(found: list[MatchedMemory], hearer: _Hearer) -> list[MatchedMemory]:
    """Return the memories that are told, and note them. One of an agent's work loses what is told already.

    Such a memory repeats what the person asked for, which may be a memory of its own.
    """
    for each in found:
        if not _is_of_work(each):
            hearer.note_memory(each)
    told_texts = ToldTexts(hearer.fingerprints)
    shown: list[MatchedMemory] = []
    for each in found:
        content = told_texts.leave_out_repeats(each.content) if _is_of_work(each) else each.content
        if content:
            hearer.note_memory(each)
            shown.append(each.model_copy(update={"content": content}))
    return shown


def _is_of_work(memory: RecalledMemory) -> bool:
    return memory.type == "observation" and memory.source == SOURCE


def _warn(matching: list[SkipEntry], hearer: _Hearer) -> list[str]:
    """Return the text that names the skip entries that a message is about, without those that the agent knows."""
    new = [each for each in matching if not hearer.has_heard(each.id, _write_entry(each))][:_MOST_ENTRIES]
    for each in new:
        hearer.note(each.id, _write_entry(each))
    lines = [f"- {squeeze(_write_entry(each), _LONGEST_ENTRY)}" for each in new]
    return ["\n".join(["Leave alone:", *lines])] if lines else []


async def _read_material(services: Services, call: Call, hearer: _Hearer, place: SessionPlace) -> BriefingMaterial:
    """Read what could be told at the beginning of a session, without what the agent was told before."""
    workspace, now = call.id_for_reading, services.now()
    crystal = await identity.get_latest_crystal(services.db, workspace)
    entries = await skip_list.list_live_entries(services.db, workspace, now)
    items, _ = await working_memory.list_active_items(services.db, workspace, _ITEMS)
    pinned = await read_pinned_memories(services.db, workspace)
    async with services.db.read() as connection:
        standing = await beginnings.list_standing_memories(connection, workspace, now, _STANDING)
        done: list[Memory] = []
        if place.key is not None:
            done = await beginnings.list_last_done(connection, workspace, place.key, hearer.session_id, now, _DONE)

    def leave_heard(texts: Iterable[BriefingText]) -> list[BriefingText]:
        return [each for each in texts if not hearer.has_heard(each.source_id, each.text)]

    nearest_first = sorted(standing, key=lambda each: each.project not in {None, place.project})
    decisions = [each for each in items if each.category == "standing_decision"]
    waiting = [each for each in items if each.category in {"active_work", "waiting_for"}]
    crystals = [] if crystal is None else [BriefingText(crystal.id, crystal.crystal)]
    here = [each for each in pinned if each.project in {None, place.project}]
    living = [each for each in here if each.expires_at is None or each.expires_at > now]
    return BriefingMaterial(
        pinned=leave_heard(BriefingText(each.id, each.content) for each in living),
        crystals=leave_heard(crystals),
        avoided=leave_heard(BriefingText(each.id, _write_entry(each)) for each in entries),
        open_items=leave_heard(map(_make_item_text, waiting)),
        project=place.project,
        last_done=leave_heard(BriefingText(each.id, each.content) for each in done),
        standing=leave_heard(
            [*map(_make_item_text, decisions), *(_make_memory_text(each, place) for each in nearest_first)]
        ),
    )


def _write_entry(entry: SkipEntry) -> str:
    return f"{entry.item}: {entry.reason}" if entry.reason else entry.item


def _make_item_text(item: Item) -> BriefingText:
    next_step = f" Next: {item.next_action}" if item.next_action else ""
    return BriefingText(item.id, f"{item.title}.{next_step}" if next_step else item.title)


def _make_memory_text(memory: Memory, place: SessionPlace) -> BriefingText:
    return BriefingText(memory.id, memory.content, memory.project if memory.project != place.project else None)
