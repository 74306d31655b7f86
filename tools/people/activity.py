"""The activity of an account: what agents store and recall right now, and the work that goes on in the background."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from server.memory.models import Timestamp
from server.store.audit.acts import EFFECTS
from server.store.audit.entry import OK, DoorName, EffectName
from server.store.record import activity
from server.store.record.activity import Watched
from server.store.record.capture import jobs
from server.store.record.capture.jobs import JobFilter
from server.store.record.people import accounts
from tools.capture.access import list_own_workspaces
from tools.core.arguments import Args
from tools.core.call import AccountCall
from tools.core.operation import Effect, Operation
from tools.core.services import Services
from tools.memories.citation import make_title

#: What is not shown: that somebody watches, as each look would show itself; logins and the like, which the audit has.
NOT_SHOWN = ("list_activity", "watch_activity", *EFFECTS)


class ListActivity(Args):
    """The arguments of `list_activity`."""

    after: int = Field(
        default=0, ge=0, lt=2**53, description="Only calls with a higher number: `newest` of the answer before."
    )
    limit: int = Field(default=50, ge=1, le=200, description="The largest number of calls.")


class Activity(BaseModel):
    """One call, as people who watch see it."""

    number: int = Field(description="Its number in the account's audit.")
    at: Timestamp = Field(description="When it ended.")
    person: str | None = Field(default=None, description="Who called.")
    app: str | None = Field(default=None, description="The app: the name of the OAuth client or of the API key.")
    door: DoorName = Field(description="rest, mcp, console (a page), or command (of the server's operator).")
    workspace: str | None = Field(default=None, description="The workspace.")
    operation: str = Field(description="The operation.")
    effect: EffectName = Field(description="The change that the operation makes; read: none.")
    outcome: str = Field(description="ok, the code of the refusal, error, or abandoned.")
    count: int | None = Field(default=None, description="The number of memories or other things in the answer.")
    memory_id: str | None = Field(default=None, description="The memory that it wrote, the first if it wrote several.")
    title: str | None = Field(default=None, description="The first line of that memory.")


class Progress(BaseModel):
    """The work that goes on in the background."""

    embedded_percent: float = Field(description="The percentage of the server's memories with vectors; 100: all.")
    embedding_state: str = Field(description="loading, ready, absent or failed.")
    jobs_waiting: int = Field(description="Your jobs that wait to be done.")
    jobs_running: int = Field(description="Your jobs that are being done.")


class ActivityPage(BaseModel):
    """The newest calls, and the work in the background."""

    activity: list[Activity] = Field(description="The calls, newest first.")
    newest: int = Field(description="The number of the newest call there is, shown or not.")
    progress: Progress = Field(description="The work in the background.")
    notice: str | None = Field(default=None, description="What is missing in this answer, if something is.")


async def list_activity(services: Services, call: AccountCall, args: ListActivity) -> ActivityPage:
    """Return the newest calls of the caller's account; of a member who does not own it, their own ones alone.

    The calls of the last second may be missing. Without an audit there are none.
    """
    principal = call.principal
    workspaces = await list_own_workspaces(services, principal)
    async with services.db.read() as connection:
        role = await accounts.find_role(connection, principal.account_id, principal.user_id)
        own = None if role == "owner" else principal.user_id
        watched = Watched(principal.account_id, own, principal.workspace_id, NOT_SHOWN)
        newest = await activity.find_newest_number(connection, principal.account_id)
        rows = await activity.list_activity(connection, watched, args.after, newest, args.limit)
        shown = await _to_activity(connection, rows, workspaces)
        waiting, running = [await _count_jobs(connection, workspaces, state) for state in ("queued", "processing")]
    return ActivityPage(
        activity=shown,
        newest=newest,
        progress=await _read_progress(services, waiting, running),
        notice=_write_notice(services),
    )


async def _to_activity(
    connection: AsyncConnection, rows: Sequence[sa.Row[Any]], workspaces: dict[str, Any]
) -> list[Activity]:
    """Return rows as they are shown, with the memories that they wrote in workspaces that the caller may use."""
    writing = [row for row in rows if row.effect in {"create", "update"} and row.outcome == OK]
    visible = {(row.workspace_id, row.request_id) for row in writing if row.workspace_id in workspaces}
    written = await activity.find_written_memories(connection, visible)
    shown: list[Activity] = []
    for row in rows:
        values = {name: getattr(row, name) for name in Activity.model_fields if hasattr(row, name)}
        if row in writing and (told := written.get((row.workspace_id, row.request_id))) is not None:
            memory_id, content = told
            values |= {"memory_id": memory_id, "title": make_title(content)}
        shown.append(Activity.model_validate(values))
    return shown


async def _count_jobs(connection: AsyncConnection, workspaces: dict[str, Any], state: jobs.State) -> int:
    _, total = await jobs.list_jobs(connection, JobFilter(workspace_ids=list(workspaces), states=[state]), 1)
    return total


async def _read_progress(services: Services, waiting: int, running: int) -> Progress:
    encoder = services.encoder
    at = encoder.filling.counts or await services.gap_counts.count_vectors(None)
    return Progress(
        embedded_percent=at.percent if encoder.generation else 0,
        embedding_state=encoder.source.state,
        jobs_waiting=waiting,
        jobs_running=running,
    )


def _write_notice(services: Services) -> str | None:
    if services.audit.wants(is_read=True):
        return None
    if services.audit.wants(is_read=False):
        return "LOCI_AUDIT=changes: what is only read is not shown."
    return "LOCI_AUDIT=off: no call is shown."


OPERATIONS = (
    Operation(
        name="list_activity",
        description=(
            "List the newest calls of the account: what agents store and recall right now, and the work that goes on "
            "in the background. GET /v1/live sends the same as it happens."
        ),
        routes=(("GET", "/v1/activity"),),
        scope="memory:read",
        effect=Effect.READ,
        args=ListActivity,
        returns=ActivityPage,
        handler=list_activity,
        is_listed=False,
    ),
)
