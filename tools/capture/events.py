"""Events: what agents report while they work, one by one or many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Memory
from server.store.record import memories
from server.store.record.capture import events, observations
from server.store.record.capture.events import Event
from server.store.record.capture.observations import Origin
from server.store.record.people.rights import Right
from server.store.record.workspaces import Workspace
from server.turns import take_turns
from tools.capture.access import make_not_found
from tools.capture.names import ReportedKey, ReportedName, ReportedWord
from tools.capture.recording import Delivery, Recorded, Report, clean_reports, record_reports
from tools.capture.sessions import normalize_platform
from tools.capture.wire import Epoch, EventView, JobView, Observation, Wire
from tools.core.access import find_workspace_by_id
from tools.core.answers import Answer
from tools.core.arguments import Args, InWorkspace
from tools.core.call import AccountCall, Call, PlacedCall, ensure_workspace
from tools.core.fields import Id, Moment
from tools.core.operation import Effect, Operation
from tools.core.services import Services

#: The most events of one call.
MOST = 500
_NOTHING: dict[str, Any] = {}


class NewEvent(BaseModel):
    """One thing that an agent reports."""

    model_config = ConfigDict(extra="forbid")

    type: ReportedWord = Field(description="The kind of event, e.g. user_prompt, tool_use, assistant_message.")
    source: Literal["hook", "worker", "provider", "server", "api"] = Field(
        default="api", description="The part of the agent's software that reports it."
    )
    occurred_at: Moment | None = Field(default=None, description="When it happened, if that is not now. ISO 8601.")
    payload: Any = Field(default=_NOTHING, description="The event, as JSON: the fields of the agent's hook.")
    session_id: Id | None = Field(default=None, description="The id of its session.")
    content_id: ReportedKey | None = Field(default=None, description="The id of its transcript, in place of a session.")
    platform: ReportedName | None = Field(default=None, description="The client, such as claude, codex or cursor.")

    def to_report(self) -> Report:
        """Return the event as it is recorded."""
        return Report(
            source=self.source,
            type=self.type,
            payload=self.payload,
            occurred_at=self.occurred_at,
            session_id=self.session_id,
            content_id=self.content_id,
            platform=None if self.platform is None else normalize_platform(self.platform),
        )


class Generating(InWorkspace):
    """The arguments that say what becomes of events."""

    cleans_itself = True

    generate: bool = Field(default=True, description="False: keep it, and make no observations of it.")
    wait: bool = Field(default=False, description="Accepted for claude-mem's clients: the job is always answered.")


class RecordEvent(NewEvent, Generating):
    """The arguments of `record_event`."""


class RecordEvents(Generating):
    """The arguments of `record_events`."""

    events: list[NewEvent] = Field(
        min_length=1, max_length=MOST, description=f"Up to {MOST} events, in the order in which they happened."
    )


class RecordedEvent(Wire):
    """An event as it is stored."""

    event: EventView = Field(description="The event.")
    generation_job: JobView | None = Field(default=None, description="The job that makes observations of it.")

    @classmethod
    def make(cls, recorded: Recorded, workspace: Workspace) -> "RecordedEvent":
        """Return a stored event as it is answered."""
        job = recorded.job and JobView.make(recorded.job, workspace)
        return cls.model_construct(event=EventView.make(recorded.event, workspace), generation_job=job)


class RecordedEventAnswer(Answer, RecordedEvent):
    """The event that was recorded."""


class RecordedEvents(Answer, Wire):
    """The events that were recorded."""

    events: list[RecordedEvent] = Field(description="The events, in the order in which they were sent.")


class EventRef(Args):
    """The event that a call is about."""

    id: Id = Field(description="The event's id.")


class EventAnswer(Wire):
    """One event."""

    event: EventView = Field(description="The event.")


class ObservationSource(Wire):
    """The event that an observation was made of."""

    id: str = Field(description="The event's id.")
    source_type: Literal["agent_event"] = Field(default="agent_event", description="Always `agent_event`.")
    source_id: str = Field(description="The event's id.")
    generation_job_id: str = Field(description="The job that made it.")
    created_at_epoch: Epoch = Field(description="When it was made, in milliseconds.")


class ObservationView(Observation):
    """A memory that was made of an event."""

    generation_key: str = Field(description="The same for each repeat of the job.")
    created_by_job_id: str = Field(description="The job that made it.")
    source: ObservationSource = Field(description="The event that it was made of.")


class EventObservations(Wire):
    """The memories that were made of an event."""

    event_id: str = Field(description="The event's id.")
    observations: list[ObservationView] = Field(description="The memories, oldest first.")


async def record_event(services: Services, call: Call, args: RecordEvent) -> RecordedEventAnswer:
    """Store one event, and file the job that makes observations of it. It returns when both are on the disk.

    A repeat is answered with the first one and its job.

    Raises:
        Failure: `not_found` for a session that is not in the workspace.
    """
    reports = [args.to_report()]
    new = _NewReports(services, call, reports, await clean_reports(reports), services.now(), args.generate)
    placed, (recorded,) = await services.db.write_together(_store_all, new)
    services.meter.count(placed.workspace.account_id, "event")
    made = RecordedEvent.make(recorded, placed.workspace)
    return RecordedEventAnswer.model_construct(meta=placed.meta, **made.__dict__)


async def record_events(services: Services, call: Call, args: RecordEvents) -> RecordedEvents:
    """Store up to 500 events in one transaction, with their jobs: all of them or none.

    Raises:
        Failure: `not_found` for a session that is not in the workspace; the field names the event.
    """
    reports = [each.to_report() for each in args.events]
    new = _NewReports(services, call, reports, await clean_reports(reports), services.now(), args.generate)
    # Not together with others: it is long enough to be worth a transaction.
    async with services.db.write() as connection:
        ((placed, recorded),) = await _store_all(connection, [new])
    services.meter.count(placed.workspace.account_id, "event", len(recorded))
    made = [RecordedEvent.make(each, placed.workspace) async for each in take_turns(recorded)]
    return RecordedEvents.model_construct(meta=placed.meta, events=made)


@dataclass(frozen=True, slots=True)
class _NewReports:
    """The reports of a call that are to be stored, and whether jobs are made of them."""

    services: Services
    call: Call
    reports: Sequence[Report]
    payloads: Sequence[Any]
    now: datetime
    makes_jobs: bool


async def _store_all(
    connection: AsyncConnection, new: Sequence[_NewReports]
) -> list[tuple[PlacedCall, list[Recorded]]]:
    """Store the reports of calls; return each call in its workspace, with the events as they are stored."""
    deliveries = [
        Delivery(
            call=await ensure_workspace(connection, each.services, each.call),
            reports=each.reports,
            payloads=each.payloads,
            now=each.now,
            makes_jobs=each.makes_jobs,
        )
        for each in new
    ]
    recorded = await record_reports(connection, new[0].services.tombstones, deliveries)
    return [(each.call, some) for each, some in zip(deliveries, recorded, strict=True)]


async def read_event(services: Services, call: AccountCall, args: EventRef) -> EventAnswer:
    """Return one event by its id. Raises `not_found`."""
    event, workspace = await _find_event(services, call, args.id)
    return EventAnswer(event=EventView.make(event, workspace))


async def list_event_observations(services: Services, call: AccountCall, args: EventRef) -> EventObservations:
    """Return the memories that were made of an event. Raises `not_found`."""
    event, workspace = await _find_event(services, call, args.id)
    async with services.db.read() as connection:
        origins = await observations.list_observed(connection, workspace.id, event.id)
        found = [(each, await memories.get_memory(connection, workspace.id, each.memory_id)) for each in origins]
    views = [_view_observation(origin, memory, event, workspace) for origin, memory in found if memory is not None]
    return EventObservations(event_id=event.id, observations=views)


def _view_observation(origin: Origin, memory: Memory, event: Event, workspace: Workspace) -> ObservationView:
    source = ObservationSource(
        id=event.id, source_id=event.id, generation_job_id=origin.job_id, created_at_epoch=origin.created_at
    )
    observation: Any = Observation.make(memory, workspace.name, workspace.account_id).__dict__
    return ObservationView.model_construct(
        **observation | {"server_session_id": event.session_id},
        generation_key=origin.observation_key,
        created_by_job_id=origin.job_id,
        source=source,
    )


async def _find_event(services: Services, call: AccountCall, event_id: str) -> tuple[Event, Workspace]:
    async with services.db.read() as connection:
        event = await events.get_event(connection, event_id)
    workspace = event and await find_workspace_by_id(services, call, event.workspace_id, Right.READ)
    if event is None or workspace is None:
        raise make_not_found("Event", event_id)
    return event, workspace


OPERATIONS = (
    Operation(
        name="record_event",
        description=(
            "Report one thing that happened while an agent works: a prompt, a tool call, a reply. Hooks call it; "
            "memories are made of it later."
        ),
        routes=(("POST", "/v1/events"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=RecordEvent,
        returns=RecordedEventAnswer,
        handler=record_event,
        is_listed=False,
    ),
    Operation(
        name="record_events",
        description="Report up to 500 things that happened while an agent works, in their order: all of them or none.",
        routes=(("POST", "/v1/events/batch"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=RecordEvents,
        returns=RecordedEvents,
        handler=record_events,
        is_listed=False,
    ),
    Operation(
        name="read_event",
        description="Read one event by its id, as it is stored: without private text and credentials.",
        routes=(("GET", "/v1/events/{id}"),),
        scope="memory:read",
        effect=Effect.READ,
        args=EventRef,
        returns=EventAnswer,
        handler=read_event,
        is_listed=False,
    ),
    Operation(
        name="list_event_observations",
        description="List the memories that were made of an event, with the job that made each of them.",
        routes=(("GET", "/v1/events/{id}/observations"),),
        scope="memory:read",
        effect=Effect.READ,
        args=EventRef,
        returns=EventObservations,
        handler=list_event_observations,
        is_listed=False,
    ),
)
