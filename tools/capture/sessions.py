"""Sessions: the conversations of agents, from their start to their end."""

import hashlib
from datetime import datetime
from typing import Any

from pydantic import Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.capture.cleaning import bound_payload, clean_payload
from server.store.record.capture import jobs, sessions
from server.store.record.capture.jobs import Job
from server.store.record.capture.sessions import Session
from server.store.record.people.rights import Right
from server.store.record.workspaces import Workspace
from tools.capture.access import make_not_found
from tools.capture.names import ReportedKey, ReportedName
from tools.capture.recording import Delivery, Report, clean_reports, record_reports
from tools.capture.wire import JobView, SessionView, Wire
from tools.core.access import find_workspace_by_id
from tools.core.answers import Answer
from tools.core.arguments import Args, InWorkspace
from tools.core.call import AccountCall, Call, PlacedCall, ensure_workspace
from tools.core.fields import Id
from tools.core.operation import Effect, Operation
from tools.core.services import Services


class StartSession(InWorkspace):
    """The arguments of `start_session`."""

    cleans_itself = True

    external_id: ReportedKey | None = Field(default=None, description="The id that the agent gave it.")
    content_id: ReportedKey | None = Field(default=None, description="The id of its transcript.")
    agent_id: ReportedKey | None = Field(default=None, description="The agent.")
    agent_type: ReportedName | None = Field(default=None, description="The agent's type.")
    platform: ReportedName | None = Field(default=None, description="The client, such as claude, codex or cursor.")
    metadata: dict[str, Any] = Field(
        default={}, description="Anything else to keep with it. Its `prompt` becomes an event of the session."
    )

    @model_validator(mode="after")
    def _name_platform(self) -> "StartSession":
        if self.platform is not None:
            self.platform = normalize_platform(self.platform)
        return self


class StartedSession(Answer, Wire):
    """The session, and whether it is new."""

    session: SessionView = Field(description="The session.")
    created: bool = Field(description="False if it was started already.")


class SessionRef(Args):
    """The session that a call is about."""

    id: Id = Field(description="The session's id.")


class SessionAnswer(Wire):
    """One session."""

    session: SessionView = Field(description="The session.")


class EndedSession(SessionAnswer):
    """The session, and the job that makes its summary."""

    generation_job: JobView = Field(description="The job that makes its summary.")


def normalize_platform(name: str) -> str:
    """Return the name of a client as it is compared: `claude` for all of Claude's, and so on."""
    plain = name.strip().lower().replace(" ", "-")
    if "codex" in plain or plain == "transcript":
        return "codex"
    return next((each for each in ("cursor", "claude") if each in plain), plain[:100] or "claude")


async def start_session(services: Services, call: Call, args: StartSession) -> StartedSession:
    """Store a session, or return the one that was started with its ids.

    One with an external id stays as it is; one with the id of a transcript only gets the agent and the metadata anew.
    """
    now = services.now()
    metadata: dict[str, Any] = bound_payload(clean_payload({k: v for k, v in args.metadata.items() if k != "prompt"}))
    reports = _report_prompt(args)
    payloads = await clean_reports(reports)
    async with services.db.write() as connection:
        placed = await ensure_workspace(connection, services, call)
        session, is_new = await sessions.insert_session(connection, _make_session(placed, args, metadata, now))
        if args.external_id is None and not is_new:
            await sessions.update_session(
                connection, session.id, agent_type=args.agent_type, metadata=metadata, updated_at=now
            )
            session = await sessions.get_session(connection, session.id) or session
        if reports:
            delivery = Delivery(call=placed, reports=reports, payloads=payloads, now=now, session_id=session.id)
            await record_reports(connection, services.tombstones, [delivery])
    services.meter.count(placed.workspace.account_id, "event", len(reports))
    view = SessionView.make(session, placed.workspace)
    return StartedSession(meta=placed.meta, session=view, created=is_new or args.external_id is None)


def _report_prompt(args: StartSession) -> list[Report]:
    """Return what the person said, which claude-mem's plugin sends with the start of a session and nowhere else."""
    prompt = args.metadata.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        return []
    return [Report(source="hook", type="user_prompt", payload={"prompt": prompt}, platform=args.platform)]


def _make_session(call: PlacedCall, args: StartSession, metadata: dict[str, Any], now: datetime) -> Session:
    return Session(
        id=new_id(now),
        workspace_id=call.workspace.id,
        session_key=_make_key(args),
        external_id=args.external_id,
        content_id=args.content_id,
        agent_id=args.agent_id,
        agent_type=args.agent_type,
        platform=args.platform,
        metadata=metadata,
        user_id=call.principal.user_id,
        credential_id=call.actor.credential_id,
        started_at=now,
        updated_at=now,
    )


def _make_key(args: StartSession) -> str | None:
    """Return the hash of what makes a session the same one if it is started again; None if nothing does."""
    if args.external_id is not None:
        return make_external_key(args.platform, args.external_id)
    if args.content_id is not None:
        return _hash_parts("content", args.platform or "", args.content_id, args.agent_id or "")
    return None


def make_external_key(platform: str | None, external_id: str) -> str:
    """Return what makes a session the same one by the id that the agent gave it."""
    return _hash_parts("external", platform or "", external_id)


def _hash_parts(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


async def end_session(services: Services, call: AccountCall, args: SessionRef) -> EndedSession:
    """Note that a session has ended, and file the job of its summary. To repeat it changes nothing.

    Raises:
        Failure: `not_found`.
    """
    now = services.now()
    session, workspace = await find_session(services, call, args.id, Right.WRITE)
    async with services.db.write() as connection:
        made = await close_session(connection, workspace, session.id, now)
        session = await sessions.get_session(connection, session.id) or session
    return EndedSession(session=SessionView.make(session, workspace), generation_job=JobView.make(made, workspace))


async def close_session(connection: AsyncConnection, workspace: Workspace, session_id: str, now: datetime) -> Job:
    """Note that a session has ended, and return the job of its summary, in the caller's transaction."""
    await sessions.end_session(connection, session_id, now)
    job = jobs.make_job(new_id(now), workspace.id, "summary", session_id, session_id, now)
    made = (await jobs.insert_jobs(connection, [job]))[session_id]
    await jobs.make_due(connection, session_id, now)
    return made


async def read_session(services: Services, call: AccountCall, args: SessionRef) -> SessionAnswer:
    """Return one session by its id. Raises `not_found`."""
    session, workspace = await find_session(services, call, args.id, Right.READ)
    return SessionAnswer(session=SessionView.make(session, workspace))


async def find_session(
    services: Services, call: AccountCall, session_id: str, needed: Right
) -> tuple[Session, Workspace]:
    """Return a session, and its workspace with which the caller may do what is needed. Raises `not_found`."""
    async with services.db.read() as connection:
        session = await sessions.get_session(connection, session_id)
    workspace = session and await find_workspace_by_id(services, call, session.workspace_id, needed)
    if session is None or workspace is None:
        raise make_not_found("Session", session_id)
    return session, workspace


OPERATIONS = (
    Operation(
        name="start_session",
        description=(
            "Tell that a conversation of an agent begins, so that what happens in it is kept together. Hooks call it; "
            "to repeat it returns the same session."
        ),
        routes=(("POST", "/v1/sessions/start"),),
        scope="memory:write",
        effect=Effect.CREATE,
        args=StartSession,
        returns=StartedSession,
        handler=start_session,
        is_listed=False,
    ),
    Operation(
        name="end_session",
        description="Tell that a conversation of an agent has ended; a summary of it is made later.",
        routes=(("POST", "/v1/sessions/{id}/end"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=SessionRef,
        returns=EndedSession,
        handler=end_session,
        is_listed=False,
    ),
    Operation(
        name="read_session",
        description="Read one session of an agent by its id: when it began and ended, and in which client.",
        routes=(("GET", "/v1/sessions/{id}"),),
        scope="memory:read",
        effect=Effect.READ,
        args=SessionRef,
        returns=SessionAnswer,
        handler=read_session,
        is_listed=False,
    ),
)
