"""Events of agents' hooks: what each reports, the session that it belongs to, and how both are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.ids import new_id
from server.memory.capture.json_text import read_tool_json
from server.memory.capture.models import EventKind
from server.memory.capture.payloads import find_kind
from server.store.record.capture import sessions, told_texts
from server.store.record.capture.sessions import Session
from server.store.record.capture.told_texts import SessionState
from server.store.record.erasure.tombstones import Forgotten
from tools.capture.added_context import AddedContext
from tools.capture.names import HookId, HookName
from tools.capture.places import SessionPlace, find_session_place
from tools.capture.recording import Delivery, Report, clean_reports, record_reports
from tools.capture.sessions import close_session, make_external_key, normalize_platform
from tools.core.access import find_right_in_account
from tools.core.arguments import InWorkspace
from tools.core.call import Call, PlacedCall, ensure_workspace
from tools.core.services import Services

#: The beginnings of a session after which the agent does not see any more what it was told before.
_FORGETFUL = frozenset({"clear", "compact"})
#: Clients that show their agent what a session's start is answered, and not the answer to a prompt.
_SHOW_STARTS_ONLY = frozenset({"cursor", "vscode"})
HookKind = EventKind | Literal["start"]


class OnEvent(InWorkspace):
    """The arguments of `on_event`: the fields that agents' hooks have."""

    cleans_itself = True
    reads_first = True

    event: HookName = Field(default=None, description="The name of the hook's event, e.g. UserPromptSubmit.")
    session_id: HookId = Field(default=None, description="The id that the agent gave the session.")
    platform: HookName = Field(default=None, description="The client, such as claude or codex.")
    cwd: str | None = Field(default=None, description="The folder in which the agent works.")
    repository: str | None = Field(default=None, description="The URL of the folder's remote repository.")
    source: str | None = Field(default=None, description="Of a session's start: startup, resume, clear or compact.")
    prompt: str | None = Field(default=None, description="The words of the person.")
    tool_name: HookName = Field(default=None, description="The tool that the agent called.")
    tool_input: Any = Field(default=None, description="The tool's arguments: an object, or its JSON.")
    tool_response: Any = Field(default=None, description="The tool's answer: an object, its JSON, or a text.")
    last_assistant_message: str | None = Field(default=None, description="The agent's reply.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """An event, and what is known of its session when it comes in."""

    args: OnEvent
    kind: HookKind
    #: The key by which the session is found; None if the hook names none.
    session_key: str | None
    session: SessionState | None
    place: SessionPlace

    @property
    def reaches_agent(self) -> bool:
        """Whether the agent sees the answer to this event."""
        return self.kind == "start" or (self.kind == "prompt" and name_platform(self.args) not in _SHOW_STARTS_ONLY)

    @property
    def has_lost_context(self) -> bool:
        """Whether the agent does not see any more what it was told in its session."""
        return self.kind == "start" and self.args.source in _FORGETFUL

    @property
    def heard(self) -> SessionState | None:
        """The session with what its agent was told and still sees."""
        if self.session is None or not self.has_lost_context:
            return self.session
        return SessionState(self.session.id, self.session.project, self.session.place_key, is_briefed=False)

    @property
    def is_end(self) -> bool:
        """Whether a session that is known ends."""
        return self.kind == "end" and self.session is not None

    @property
    def is_beginning(self) -> bool:
        """Whether the agent of a session has not been briefed."""
        return self.session_key is not None and (self.heard is None or not self.heard.is_briefed)


def find_hook_kind(event: str | None) -> HookKind:
    """Return the kind of an event by its name; `other` if nothing is made of it."""
    name = event or ""
    return "start" if name.lower().replace("_", "") == "sessionstart" else find_kind(name, {})


async def read_hook(services: Services, call: Call, args: OnEvent, kind: HookKind) -> Hook:
    """Return an event with its session and its place."""
    key = None if args.session_id is None else make_external_key(name_platform(args), args.session_id)
    session = None if key is None else await told_texts.find_session_state(services.db, call.id_for_reading, key)
    if session is not None:
        place = SessionPlace(session.project, session.place_key)
    else:
        account_id = call.workspace.account_id
        if await find_right_in_account(services.db, call.principal, account_id) is None:
            # A person who was given one workspace does not learn the names of others.
            account_id = call.principal.account_id
        async with services.db.read() as connection:
            place = await find_session_place(connection, account_id, args.cwd, args.repository)
    return Hook(args=args, kind=kind, session_key=key, session=session, place=place)


async def capture_hook(services: Services, call: Call, hook: Hook, added: AddedContext) -> None:
    """Store an event, its session, and what the agent is told with it, in one transaction.

    Raises:
        Failure: `quota_exceeded` if the workspace is missing and the account's plan allows no more.
    """
    reports = _list_reports(hook)
    if not (reports or hook.is_end or added.fingerprints or added.has_briefing):
        return
    if not await services.meter.has_room(call.principal.account_id):
        return  # the agent was told what it asked for; nothing of it is stored
    payloads = await clean_reports(reports)
    new = _CapturedHook(services, call, hook, added, reports, payloads, services.now())
    try:
        await services.db.write_together(_store_all, new)
    except Forgotten:
        return  # what the agent reports was erased, and stays forgotten
    services.meter.count(call.workspace.account_id, "event", len(reports))


@dataclass(frozen=True, slots=True)
class _CapturedHook:
    """An event that is to be stored, with what it reports and what the agent is told."""

    services: Services
    call: Call
    hook: Hook
    added: AddedContext
    reports: Sequence[Report]
    payloads: Sequence[Any]
    now: datetime


async def _store_all(connection: AsyncConnection, new: Sequence[_CapturedHook]) -> list[None]:
    """Store events, in the caller's transaction."""
    placed = [await ensure_workspace(connection, each.services, each.call) for each in new]
    sessions = [await _open_session(connection, call, each) for call, each in zip(placed, new, strict=True)]
    deliveries = [
        Delivery(call=call, reports=each.reports, payloads=each.payloads, now=each.now, session_id=session_id)
        for call, session_id, each in zip(placed, sessions, new, strict=True)
        if each.reports
    ]
    if deliveries:
        await record_reports(connection, new[0].services.tombstones, deliveries)
    for call, session_id, each in zip(placed, sessions, new, strict=True):
        if session_id is not None:
            await _change_session(connection, call, session_id, each)
    return [None] * len(new)


async def _change_session(connection: AsyncConnection, call: PlacedCall, session_id: str, new: _CapturedHook) -> None:
    """Note what the agent of a session is told, and whether the session has ended."""
    hook, added = new.hook, new.added
    if hook.has_lost_context:
        await told_texts.forget_told_texts(connection, session_id)
    await told_texts.put_told_texts(connection, session_id, added.fingerprints)
    if added.has_briefing:
        await sessions.update_session(connection, session_id, briefed_at=new.now)
    if hook.is_end:
        await close_session(connection, call.workspace, session_id, new.now)


async def _open_session(connection: AsyncConnection, call: PlacedCall, new: _CapturedHook) -> str | None:
    """Return the id of the event's session, which is stored if it is new; None if the hook names none."""
    hook, now = new.hook, new.now
    if hook.session is not None:
        return hook.session.id
    if hook.session_key is None:
        return None
    session = Session(
        id=new_id(now),
        workspace_id=call.workspace.id,
        session_key=hook.session_key,
        external_id=hook.args.session_id,
        platform=name_platform(hook.args),
        metadata={},
        user_id=call.principal.user_id,
        credential_id=call.actor.credential_id,
        started_at=now,
        updated_at=now,
        project=hook.place.project,
        place_key=hook.place.key,
    )
    return (await sessions.insert_session(connection, session))[0].id


def name_platform(args: OnEvent) -> str | None:
    """Return the name of the client as it is compared; None if the hook names none."""
    return None if args.platform is None else normalize_platform(args.platform)


def _list_reports(hook: Hook) -> list[Report]:
    """Return what a hook reports; nothing if the fields are missing that say it."""
    payload = _make_payload(hook.args, hook.kind)
    if payload is None:
        return []
    if hook.args.cwd is not None:
        payload["cwd"] = hook.args.cwd
    return [Report(source="hook", type=hook.args.event or "", payload=payload, platform=name_platform(hook.args) or "")]


def _make_payload(args: OnEvent, kind: HookKind) -> dict[str, Any] | None:
    if kind == "prompt" and args.prompt:
        return {"prompt": args.prompt}
    if kind == "tool" and args.tool_name:
        return {
            "tool_name": args.tool_name,
            "tool_input": read_tool_json(args.tool_input),
            "tool_response": read_tool_json(args.tool_response),
        }
    if kind == "reply":
        return {"last_assistant_message": args.last_assistant_message or ""}
    return None
