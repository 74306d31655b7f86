"""Observations: drafted from events, and stored as memories with their sources."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncConnection

from server.background.reading import Reader
from server.ids import UserId, new_id
from server.memory.capture.models import SOURCE, Observation
from server.memory.capture.payloads import read_event
from server.memory.models import Memory
from server.store.record import memories
from server.store.record.capture import observations, sessions
from server.store.record.capture.events import Event
from server.store.record.capture.jobs import Job
from server.store.record.capture.observations import Observed
from server.store.record.capture.sessions import Session
from server.store.record.journal import Actor
from server.store.record.people import accounts
from server.store.record.workspaces import WorkspaceGone, get_workspace
from tools.core.services import Services
from tools.memories.storing import insert_new_memories

#: The operation of their entries in the journal.
OPERATION = "observe"
LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """An observation that is to be stored, its job, and the event that it rests on."""

    observation: Observation
    job_id: str
    event: Event

    @property
    def session_id(self) -> str | None:
        """The session that it was made of, if it is not of a single event."""
        return self.event.session_id


async def draft_observations(
    reader: Reader,
    batch: Sequence[Job],
    reported: Sequence[Event],
    context: Sequence[Event],
    injected: Collection[str],
) -> list[Draft]:
    """Return the observations of these events, or the summary of a session.

    `context` are the events before them, `injected` the fingerprints of what the agent was told in the session.

    Raises:
        ModelDown: the language model is to read them, and cannot be asked now.
    """
    if not reported:
        return []
    captured = [
        read_event(each.id, each.type, each.payload, each.occurred_at)
        for each in (*context, *reported)
        if each.payload is not None
    ]
    workspace_id, since = batch[0].workspace_id, min(job.created_at for job in batch)
    if batch[0].kind == "summary":
        summary = await reader.summarize(workspace_id, captured, injected, since)
        return [] if summary is None else [Draft(summary, batch[0].id, reported[-1])]
    by_event = {job.source_id: job for job in batch}
    by_id = {each.id: each for each in reported}
    found = await reader.extract(workspace_id, captured, set(by_id), injected, since)
    drafts: list[Draft] = []
    for each in found:
        # An observation of earlier events alone was made when those were looked at.
        own = [event_id for event_id in each.events if event_id in by_event and event_id in by_id]
        if own:
            drafts.append(Draft(each, by_event[own[-1]].id, by_id[own[-1]]))
    return drafts


async def store_drafts(
    connection: AsyncConnection,
    services: Services,
    workspace_id: str,
    request_id: str,
    drafts: Sequence[Draft],
    now: datetime,
) -> int:
    """Store the observations that were not made before, and return their number. The caller projects the workspace.

    The journal names each event's user and credential, and the request id.

    Raises:
        WorkspaceGone: the workspace was deleted.
        QuotaExceeded: the account's plan allows no more memories.
    """
    if not drafts:
        return 0
    await memories.advance_revision(connection, workspace_id, 0, now)  # holds the workspace
    workspace = await get_workspace(connection, workspace_id)
    if workspace is None:
        raise WorkspaceGone(workspace_id)
    by_key = {_make_key(each.session_id or each.event.id, each.observation): each for each in reversed(drafts)}
    known = await observations.find_known_keys(connection, workspace_id, by_key)
    new = [(key, each) for key, each in reversed(by_key.items()) if key not in known]
    texts = [each.observation.content for _, each in new]
    forgotten = await services.tombstones.find_texts(connection, workspace_id, texts)
    new = [each for place, each in enumerate(new) if place not in forgotten]
    if not new:
        return 0
    names = {each.event.user_id: await _find_name(connection, each.event.user_id) for _, each in new}
    session_keys = await sessions.list_sessions(connection, {each.session_id for _, each in new if each.session_id})
    made = [
        _to_memory(each, names[each.event.user_id], session_keys.get(each.session_id or ""), now) for _, each in new
    ]
    for (user_id, credential_id), pairs in groupby(zip(made, new, strict=True), _find_reporter):
        some = [memory for memory, _ in pairs]
        actor = Actor(user_id, credential_id, OPERATION, request_id)
        await insert_new_memories(connection, services, workspace, actor, some, None, now)
    origins = [
        Observed(memory.id, key, each.session_id, each.job_id, each.observation.events)
        for memory, (key, each) in zip(made, new, strict=True)
    ]
    await observations.insert_observations(connection, workspace_id, origins, now)
    return len(made)


def _find_reporter(pair: tuple[Memory, tuple[str, Draft]]) -> tuple[UserId, str]:
    """Return the user and the credential that reported the event of a memory."""
    _, (_, draft) = pair
    return draft.event.user_id, draft.event.credential_id


def _make_key(origin: str, observation: Observation) -> str:
    """Return the hash of what makes two observations the same: where they come from, and their text."""
    return hashlib.sha256(f"{origin}\n{observation.type}\n{observation.content}".encode()).hexdigest()


def _to_memory(draft: Draft, person: str | None, session: Session | None, now: datetime) -> Memory:
    observation = draft.observation
    metadata = {"said_by": observation.said_by}
    if observation.title:
        metadata["title"] = observation.title[:LONGEST_TITLE]
    return Memory(
        id=new_id(now),
        content=observation.content,
        type=observation.type,
        tags=[],
        scope="global",
        project=None if session is None else session.project,
        author=person if observation.said_by == "person" else draft.event.platform or "agent",
        session=draft.session_id,
        occurred_at=observation.at,
        created_at=now,
        updated_at=now,
        linkages=[],
        relevance=1.0,
        access_count=0,
        consolidated=0,
        source=SOURCE,
        metadata=metadata,
    )


async def _find_name(connection: AsyncConnection, user_id: UserId) -> str | None:
    user = await accounts.get_user(connection, user_id)
    return None if user is None else user.name
