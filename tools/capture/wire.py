"""The shapes of projects, sessions, events and jobs. They are claude-mem's, whose clients and no others know these."""

from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from server.memory.capture.projects import Place
from server.store.record.capture.events import Event
from server.store.record.capture.jobs import Job, Kind, State
from server.store.record.capture.sessions import Session
from server.store.record.workspaces import Workspace

#: How often a job is tried before it fails.
MOST_ATTEMPTS = 3

Epoch = Annotated[
    datetime,
    PlainSerializer(lambda moment: round(moment.timestamp() * 1000), return_type=int),
    WithJsonSchema({"type": "integer"}),
]


class Wire(BaseModel):
    """A part of an answer. Its fields are written as claude-mem writes them: `createdAtEpoch`."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, frozen=True)


class InProject(Wire):
    """A thing of a project."""

    id: str = Field(description="Its id.")
    project_id: str = Field(description="The project: the name of its workspace.")
    team_id: str = Field(description="The account that it belongs to.")


class ProjectView(Wire):
    """A project: a workspace, and the places by which it is found."""

    id: str = Field(description="The name of the workspace, which `projectId` takes.")
    team_id: str = Field(description="The account that it belongs to.")
    name: str = Field(description="Its name.")
    root_path: str | None = Field(default=None, description="The first folder by which it is found.")
    repository: str | None = Field(default=None, description="The repository by which it is found.")
    paths: list[str] = Field(description="All folders by which it is found.")
    created_at_epoch: Epoch = Field(description="When it was made, in milliseconds.")
    updated_at_epoch: Epoch = Field(description="When something in it last changed, in milliseconds.")

    @classmethod
    def make(cls, workspace: Workspace, places: list[Place]) -> "ProjectView":
        """Return a workspace as a project."""
        paths = [each.text for each in places if each.kind == "path"]
        return cls(
            id=workspace.name,
            team_id=workspace.account_id,
            name=workspace.name,
            root_path=paths[0] if paths else None,
            repository=next((each.text for each in places if each.kind == "repository"), None),
            paths=paths,
            created_at_epoch=workspace.created_at,
            updated_at_epoch=workspace.updated_at,
        )


class SessionView(InProject):
    """One conversation of an agent."""

    external_session_id: str | None = Field(default=None, description="The id that the agent gave it.")
    content_session_id: str | None = Field(default=None, description="The id of its transcript.")
    agent_id: str | None = Field(default=None, description="The agent.")
    agent_type: str | None = Field(default=None, description="The agent's type.")
    platform_source: str | None = Field(default=None, description="The client, such as `claude` or `codex`.")
    generation_status: Literal["idle"] = Field(default="idle", description="Always `idle`: its jobs have states.")
    metadata: dict[str, Any] = Field(description="The values that the client keeps with it.")
    started_at_epoch: Epoch = Field(description="When it was started, in milliseconds.")
    ended_at_epoch: Epoch | None = Field(default=None, description="When it was ended.")
    last_generated_at_epoch: Epoch | None = Field(default=None, description="When observations were last made of it.")
    created_at_epoch: Epoch = Field(description="When it was stored.")
    updated_at_epoch: Epoch = Field(description="When it last changed.")

    @classmethod
    def make(cls, session: Session, workspace: Workspace) -> "SessionView":
        """Return a session as it is answered."""
        return cls(
            id=session.id,
            project_id=workspace.name,
            team_id=workspace.account_id,
            external_session_id=session.external_id,
            content_session_id=session.content_id,
            agent_id=session.agent_id,
            agent_type=session.agent_type,
            platform_source=session.platform,
            metadata=session.metadata,
            started_at_epoch=session.started_at,
            ended_at_epoch=session.ended_at,
            last_generated_at_epoch=session.observed_at,
            created_at_epoch=session.started_at,
            updated_at_epoch=session.updated_at,
        )


class EventView(InProject):
    """One thing that an agent reported."""

    server_session_id: str | None = Field(default=None, description="Its session.")
    source_adapter: str = Field(description="The part of the agent's software that reported it.")
    source_event_id: str | None = Field(default=None, description="Always null.")
    event_type: str = Field(description="What happened.")
    platform_source: str | None = Field(default=None, description="The client.")
    payload: Any = Field(default=None, description="The report, as it is stored. Null once it is erased.")
    metadata: dict[str, Any] = Field(default={}, description="Always empty.")
    occurred_at_epoch: Epoch = Field(description="When it happened, in milliseconds.")
    received_at_epoch: Epoch = Field(description="When it was reported.")
    created_at_epoch: Epoch = Field(description="When it was stored.")

    @classmethod
    def make(cls, event: Event, workspace: Workspace) -> "EventView":
        """Return an event as it is answered."""
        return cls.model_construct(
            id=event.id,
            project_id=workspace.name,
            team_id=workspace.account_id,
            server_session_id=event.session_id,
            source_adapter=event.source,
            event_type=event.type,
            platform_source=event.platform,
            payload=event.payload,
            occurred_at_epoch=event.occurred_at,
            received_at_epoch=event.received_at,
            created_at_epoch=event.received_at,
        )


class RememberedMemory(Protocol):
    """The fields of a memory that an observation shows."""

    id: str
    content: str
    type: str
    session: str | None
    metadata: dict[str, Any]
    created_at: datetime

    @property
    def updated_at(self) -> datetime | None: ...  # noqa: D102 - as above


class Observation(InProject):
    """A memory, as claude-mem's clients read it."""

    server_session_id: str | None = Field(default=None, description="Its session.")
    kind: str = Field(description="The type of the memory.")
    content: str = Field(description="What is remembered.")
    metadata: dict[str, Any] = Field(description="Its title, who said it, and so on.")
    created_at_epoch: Epoch = Field(description="When it was stored, in milliseconds.")
    updated_at_epoch: Epoch = Field(description="When it last changed.")

    @classmethod
    def make(cls, memory: RememberedMemory, project: str, account_id: str) -> "Observation":
        """Return a memory of a project as it is answered."""
        return cls(
            id=memory.id,
            project_id=project,
            team_id=account_id,
            server_session_id=memory.session,
            kind=memory.type,
            content=memory.content,
            metadata=memory.metadata,
            created_at_epoch=memory.created_at,
            updated_at_epoch=memory.updated_at or memory.created_at,
        )


class JobProblem(Wire):
    """Why a job was not done."""

    reason: str = Field(description="The error.")
    classification: str = Field(description="`transient` if it may pass, `permanent` if not.")


_SOURCES: dict[Kind, Literal["agent_event", "session_summary"]] = {"event": "agent_event", "summary": "session_summary"}
_TYPES: dict[Kind, Literal["observation_generate_for_event", "observation_generate_session_summary"]] = {
    "event": "observation_generate_for_event",
    "summary": "observation_generate_session_summary",
}


class JobView(InProject):
    """The work of making observations of one event, or the summary of one session."""

    source_type: Literal["agent_event", "session_summary"] = Field(description="The events that it is made of.")
    source_id: str = Field(description="The id of the event or the session.")
    agent_event_id: str | None = Field(default=None, description="The event.")
    server_session_id: str | None = Field(default=None, description="The session.")
    job_type: Literal["observation_generate_for_event", "observation_generate_session_summary"] = Field(
        description="The kind of work."
    )
    status: State = Field(description="Its state.")
    bullmq_job_id: str = Field(description="The same for each repeat of its event or session.")
    transport: Literal["enqueued"] = Field(default="enqueued", description="Always `enqueued`: the record has it.")
    attempts: int = Field(description="How often it was tried.")
    max_attempts: int = Field(default=MOST_ATTEMPTS, description="How often it is tried.")
    next_attempt_at_epoch: Epoch | None = Field(default=None, description="The next attempt, if there is to be one.")
    completed_at_epoch: Epoch | None = Field(default=None, description="When it was completed.")
    failed_at_epoch: Epoch | None = Field(default=None, description="When it was given up.")
    cancelled_at_epoch: Epoch | None = Field(default=None, description="When it was cancelled.")
    last_error: JobProblem | None = Field(default=None, description="Why the last attempt failed.")
    created_at_epoch: Epoch = Field(description="When it was made, in milliseconds.")
    updated_at_epoch: Epoch = Field(description="When it last changed.")

    @classmethod
    def make(cls, job: Job, workspace: Workspace) -> "JobView":
        """Return a job as it is answered."""
        problem = job.problem and JobProblem(reason=job.problem, classification=job.problem_kind or "transient")
        return cls.model_construct(
            id=job.id,
            project_id=workspace.name,
            team_id=workspace.account_id,
            source_type=_SOURCES[job.kind],
            source_id=job.source_id,
            agent_event_id=job.source_id if job.kind == "event" else None,
            server_session_id=job.session_id,
            job_type=_TYPES[job.kind],
            status=job.state,
            bullmq_job_id=f"{'evt' if job.kind == 'event' else 'sum'}_{job.source_id}",
            attempts=job.attempts,
            next_attempt_at_epoch=job.due_at if job.state == "queued" else None,
            completed_at_epoch=job.finished_at if job.state == "completed" else None,
            failed_at_epoch=job.finished_at if job.state == "failed" else None,
            cancelled_at_epoch=job.finished_at if job.state == "cancelled" else None,
            last_error=problem or None,
            created_at_epoch=job.created_at,
            updated_at_epoch=job.updated_at,
        )
