"""Storing what agents report: cleaned, once, and with a job for each event of which observations are to be made."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.capture.cleaning import clean_payload
from server.memory.capture.payloads import find_kind
from server.memory.forgetting import describe_origin
from server.store.record.capture import events, jobs, sessions
from server.store.record.capture.events import Event
from server.store.record.capture.jobs import Job
from server.store.record.erasure.tombstones import Forgotten, Tombstones
from server.turns import take_turns
from tools.capture.access import make_not_found
from tools.core.call import PlacedCall

#: How long the steps of an agent wait for the end of its turn.
SETTLED = timedelta(minutes=5)
#: The bytes of JSON from which payloads are cleaned in a thread: other requests go on meanwhile.
_LONG = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One thing that an agent reports. `platform` is None if none was sent, and "" if it has none."""

    source: str
    type: str
    payload: Any
    occurred_at: datetime | None = None
    session_id: str | None = None
    content_id: str | None = None
    platform: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The reports of one call, with their cleaned payloads.

    `session_id` is the session of all of them if the caller has found it; then what the reports say of it is not read.
    """

    call: PlacedCall
    reports: Sequence[Report]
    payloads: Sequence[Any]
    now: datetime
    session_id: str | None = None
    makes_jobs: bool = True


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it is stored, and its job if it has one."""

    event: Event
    job: Job | None


async def clean_reports(reports: Sequence[Report]) -> list[Any]:
    """Return the payloads of reports as they may be stored: without private texts and credentials, and bounded."""
    payloads = [each.payload for each in reports]
    if sum(_guess_size(each) for each in payloads) < _LONG:
        return [clean_payload(each) for each in payloads]
    return await asyncio.to_thread(lambda: [clean_payload(each) for each in payloads])


async def record_reports(
    connection: AsyncConnection, tombstones: Tombstones, deliveries: Sequence[Delivery]
) -> list[list[Recorded]]:
    """Store what calls deliver, in the caller's transaction. A report that is stored already is returned as it is.

    Raises:
        Forgotten: a report was erased, and stays forgotten.
        Failure: `not_found` if the session of a report is not in the workspace.
    """
    for each in deliveries:
        await _check_origins(connection, tombstones, each)
    new = [await _make_events(connection, each) for each in deliveries]
    stored = await events.insert_events(connection, [event for some in new for event in some])
    kept = [[stored[each.event_key] for each in some] for some in new]
    wanted, ended = _plan_jobs(deliveries, kept)
    for session_id, now in sorted(ended.items()):
        await jobs.make_due(connection, session_id, now)
    made = await jobs.insert_jobs(connection, wanted) if wanted else {}
    return [
        [Recorded(event, made[event.id] if each.makes_jobs else None) for event in some]
        for each, some in zip(deliveries, kept, strict=True)
    ]


async def _check_origins(connection: AsyncConnection, tombstones: Tombstones, delivery: Delivery) -> None:
    sent = zip(delivery.reports, delivery.payloads, strict=True)
    origins = [describe_origin(each.source, each.type, payload) async for each, payload in take_turns(sent)]
    for position, tombstone in (await tombstones.find_origins(connection, delivery.call.workspace.id, origins)).items():
        raise Forgotten(tombstone, position)


async def _make_events(connection: AsyncConnection, delivery: Delivery) -> list[Event]:
    workspace, now = delivery.call.workspace.id, delivery.now
    linked = await _find_sessions(connection, delivery)
    # A millisecond for all of them: their ids have the order in which they were sent.
    ids = sorted(new_id(now) for _ in delivery.reports)
    principal, credential_id = delivery.call.principal, delivery.call.actor.credential_id

    def make_event(event_id: str, session_id: str | None, report: Report, payload: Any) -> Event:
        return Event(
            id=event_id,
            workspace_id=workspace,
            session_id=session_id,
            event_key=_make_key(workspace, report, session_id, payload, now),
            source=report.source,
            type=report.type,
            platform=report.platform or None,
            payload=payload,
            user_id=principal.user_id,
            credential_id=credential_id,
            occurred_at=report.occurred_at or now,
            received_at=now,
        )

    made = zip(ids, linked, delivery.reports, delivery.payloads, strict=True)
    return [make_event(*each) async for each in take_turns(made)]


def _plan_jobs(
    deliveries: Sequence[Delivery], kept: Sequence[Sequence[Event]]
) -> tuple[list[Job], dict[str, datetime]]:
    """Return the jobs of stored events, and the sessions in which a turn has ended, with the time.

    Steps that were delivered before the end of their turn, or with it, are due then.
    """
    wanted: dict[str, Job] = {}
    ended: dict[str, datetime] = {}
    for delivery, some in zip(deliveries, kept, strict=True):
        if not delivery.makes_jobs:
            continue
        new = [_make_job(each, delivery.now) for each in some if each.id not in wanted]
        wanted |= {job.source_id: job for job in new}
        now_ended = {job.session_id for job in new if job.session_id is not None and job.due_at == delivery.now}
        ended |= dict.fromkeys(now_ended, delivery.now)
        for source_id, job in wanted.items() if now_ended else ():
            if job.session_id in now_ended:
                wanted[source_id] = replace(job, due_at=delivery.now)
    return list(wanted.values()), ended


def _make_job(event: Event, now: datetime) -> Job:
    """Return the job of an event.

    The actions of an agent are understood as a whole: the job waits until the agent replies, or the person says the
    next thing.
    """
    is_step = event.session_id is not None and find_kind(event.type, event.payload) in {"tool", "other"}
    due_at = now + SETTLED if is_step else now
    return jobs.make_job(new_id(now), event.workspace_id, "event", event.id, event.session_id, now, due_at)


async def _find_sessions(connection: AsyncConnection, delivery: Delivery) -> list[str | None]:
    """Return the id of each report's session: the one that it names, else the newest one with its transcript."""
    workspace_id, reports = delivery.call.workspace.id, delivery.reports
    if delivery.session_id is not None:
        return [delivery.session_id] * len(reports)
    named = {each.session_id for each in reports if each.session_id is not None}
    known = await sessions.list_sessions(connection, named) if named else {}
    by_content: dict[tuple[str, str | None], str | None] = {}
    found: list[str | None] = []
    for index, each in enumerate(reports):
        if each.session_id is not None:
            if each.session_id not in known or known[each.session_id].workspace_id != workspace_id:
                field = "session_id" if len(reports) == 1 else f"events.{index}.session_id"
                raise make_not_found("Session", each.session_id, field)
            found.append(each.session_id)
        elif each.content_id is not None:
            key = (each.content_id, each.platform)
            if key not in by_content:
                by_content[key] = await sessions.find_by_content(
                    connection, workspace_id, each.content_id, each.platform, is_of_any_platform=each.platform is None
                )
            found.append(by_content[key])
        else:
            found.append(None)
    return found


def _make_key(workspace_id: str, report: Report, session_id: str | None, payload: Any, now: datetime) -> str:
    """Return the hash of what makes an event the same one if it is sent again."""
    occurred_at = report.occurred_at or now
    parts = [
        workspace_id,
        report.source,
        report.platform or "",
        report.content_id or session_id or "",
        report.type,
        occurred_at.isoformat(timespec="milliseconds"),
        payload,
    ]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _guess_size(payload: Any) -> int:
    if isinstance(payload, str):
        return len(payload)
    if isinstance(payload, dict):
        return sum(len(str(k)) + _guess_size(v) for k, v in payload.items())  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType] - JSON
    if isinstance(payload, list):
        return sum(map(_guess_size, payload))  # pyright: ignore[reportUnknownArgumentType] - JSON
    return 8
