"""Jobs: the work of making observations, as its owner sees it, tries it again and cancels it."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from server.errors import Failure
from server.store.record.capture import jobs
from server.store.record.capture.jobs import Job, JobFilter, Kind, State
from server.store.record.journal import journal_change
from server.store.record.people.rights import Right
from server.store.record.workspaces import Workspace
from tools.capture.access import list_own_workspaces, make_not_found
from tools.capture.projects import find_project
from tools.capture.wire import JobView, Wire
from tools.core.access import find_workspace_by_id
from tools.core.arguments import Args
from tools.core.call import AccountCall
from tools.core.fields import Id, Moment, Name
from tools.core.operation import Effect, Operation
from tools.core.services import Services

#: The most jobs that one call queues again.
MOST_REQUEUED = 1000

_KINDS: Mapping[str, Kind] = {"agent_event": "event", "session_summary": "summary"}


class JobRef(Args):
    """The job that a call is about."""

    id: Id = Field(description="The job's id.")


class JobAnswer(Wire):
    """One job."""

    generation_job: JobView = Field(description="The job.")


class RetriedJob(JobAnswer):
    """The job that is to be done again."""

    retried_count: int = Field(description="How often it was queued again in this way.")
    already_queued: bool = Field(description="Whether it waits to be done anyway.")


class CancelledJob(JobAnswer):
    """The job that was cancelled."""

    already_cancelled: bool = Field(description="Whether it was cancelled before.")


class ChooseJobs(Args):
    """The filters of jobs."""

    project: Name | None = Field(default=None, description="Only jobs of this project.")
    team: Name | None = Field(default=None, description="The account; it must be your own.")
    source_type: Literal["agent_event", "session_summary"] | None = Field(
        default=None, description="Only jobs on events, or on sessions."
    )
    since: Moment | None = Field(default=None, description="Only jobs that were made since then.")


class ListJobs(ChooseJobs):
    """The arguments of `list_jobs`."""

    status: State | None = Field(default=None, description="Only jobs in this state.")
    limit: int = Field(default=50, ge=1, le=200, description="The largest number of them.")
    offset: int = Field(default=0, ge=0, le=10_000_000, description="How many to skip first.")


class JobPage(Wire):
    """A page of jobs."""

    jobs: list[JobView] = Field(description="This page, the newest first.")
    total: int = Field(description="How many there are on all pages.")
    limit: int = Field(description="How many a page holds.")
    offset: int = Field(description="The number of jobs before this page.")


class RequeueJobs(ChooseJobs):
    """The arguments of `requeue_jobs`."""

    status: Literal["failed", "cancelled"] = Field(default="failed", description="The state of the jobs to queue.")


class RequeuedJobs(Wire):
    """The jobs that were queued again."""

    requeued: int = Field(description=f"Their number; at most {MOST_REQUEUED}.")
    left: int = Field(description="How many more there are: call it again.")


async def list_jobs(services: Services, call: AccountCall, args: ListJobs) -> JobPage:
    """Return a page of the caller's jobs. Raises `not_found` for a project or an account that is not the caller's."""
    mine = await _choose_workspaces(services, call, args, Right.READ)
    wanted = _to_filter(args, mine, [] if args.status is None else [args.status])
    async with services.db.read() as connection:
        page, total = await jobs.list_jobs(connection, wanted, args.limit, args.offset)
    views = [JobView.make(each, mine[each.workspace_id]) for each in page]
    return JobPage(jobs=views, total=total, limit=args.limit, offset=args.offset)


async def read_job(services: Services, call: AccountCall, args: JobRef) -> JobAnswer:
    """Return one job by its id. Raises `not_found`."""
    job, workspace = await _find_job(services, call, args.id, Right.READ)
    return JobAnswer(generation_job=JobView.make(job, workspace))


async def retry_job(services: Services, call: AccountCall, args: JobRef) -> RetriedJob:
    """Have a failed or cancelled job done again, with the full number of attempts.

    Raises:
        Failure: `not_found`; `conflict` if it is being done or completed.
    """
    job, workspace = await _find_job(services, call, args.id, Right.WRITE)
    changed = await _change(services, call, workspace, job, "requeue")
    if job.state != "queued" and changed is None:
        raise Failure("conflict", f"The job is {job.state}; only one that failed or was cancelled is done again.")
    view = JobView.make(changed or job, workspace)
    return RetriedJob(generation_job=view, retried_count=(changed or job).retries, already_queued=job.state == "queued")


async def cancel_job(services: Services, call: AccountCall, args: JobRef) -> CancelledJob:
    """Cancel a job that is not completed. One that is being done writes nothing any more.

    Raises:
        Failure: `not_found`; `conflict` if it is completed.
    """
    job, workspace = await _find_job(services, call, args.id, Right.WRITE)
    changed = await _change(services, call, workspace, job, "cancel")
    if job.state != "cancelled" and changed is None:
        raise Failure("conflict", "The job is completed; there is nothing to cancel.")
    view = JobView.make(changed or job, workspace)
    return CancelledJob(generation_job=view, already_cancelled=job.state == "cancelled")


async def requeue_jobs(services: Services, call: AccountCall, args: RequeueJobs) -> RequeuedJobs:
    """Have many failed jobs done again, each with the full number of attempts.

    Raises:
        Failure: `not_found` for a project or an account that is not the caller's.
    """
    mine = await _choose_workspaces(services, call, args, Right.WRITE)
    wanted = _to_filter(args, mine, [args.status])
    async with services.db.write() as connection:
        page, total = await jobs.list_jobs(connection, wanted, MOST_REQUEUED)
        done = await jobs.requeue_jobs(connection, [each.id for each in page], services.now())
        for workspace_id in sorted({each.workspace_id for each in done}):
            what = {"jobs": "requeued"}
            await journal_change(connection, workspace_id, call.actor, services.now(), what)
    return RequeuedJobs(requeued=len(done), left=total - len(done))


async def _change(
    services: Services, call: AccountCall, workspace: Workspace, job: Job, how: Literal["requeue", "cancel"]
) -> Job | None:
    """Change the state of a job, and journal that; None if its state does not allow it."""
    change = jobs.requeue_jobs if how == "requeue" else jobs.cancel_jobs
    async with services.db.write() as connection:
        changed = await change(connection, [job.id], services.now())
        if changed:
            await journal_change(connection, workspace.id, call.actor, services.now(), {"job": job.id})
    return changed[0] if changed else None


async def _find_job(services: Services, call: AccountCall, job_id: str, needed: Right) -> tuple[Job, Workspace]:
    async with services.db.read() as connection:
        job = await jobs.get_job(connection, job_id)
    workspace = job and await find_workspace_by_id(services, call, job.workspace_id, needed)
    if job is None or workspace is None:
        raise make_not_found("Job", job_id)
    return job, workspace


async def _choose_workspaces(
    services: Services, call: AccountCall, args: ChooseJobs, needed: Right
) -> dict[str, Workspace]:
    if args.team not in {None, call.principal.account_id}:
        raise make_not_found("Team", args.team or "", "team")
    if args.project is None:
        return await list_own_workspaces(services, call.principal)
    workspace = await find_project(services, call, args.project, needed, "project")
    return {workspace.id: workspace}


def _to_filter(args: ChooseJobs, mine: Mapping[str, Workspace], states: list[State]) -> JobFilter:
    kind = None if args.source_type is None else _KINDS[args.source_type]
    return JobFilter(workspace_ids=list(mine), states=states, kind=kind, since=args.since)


OPERATIONS = (
    Operation(
        name="list_jobs",
        description="List the jobs that make memories of events and sessions, the newest first, by state and project.",
        routes=(
            ("GET", "/v1/jobs"),
            ("GET", "/v1/projects/{project}/jobs"),
            ("GET", "/v1/teams/{team}/jobs"),
        ),
        scope="memory:read",
        effect=Effect.READ,
        args=ListJobs,
        returns=JobPage,
        handler=list_jobs,
        is_listed=False,
    ),
    Operation(
        name="read_job",
        description="Read one job by its id: its state, its attempts, and why the last one failed.",
        routes=(("GET", "/v1/jobs/{id}"),),
        scope="memory:read",
        effect=Effect.READ,
        args=JobRef,
        returns=JobAnswer,
        handler=read_job,
        is_listed=False,
    ),
    Operation(
        name="retry_job",
        description="Have one job done again that failed or was cancelled, with the full number of attempts.",
        routes=(("POST", "/v1/jobs/{id}/retry"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=JobRef,
        returns=RetriedJob,
        handler=retry_job,
        is_listed=False,
    ),
    Operation(
        name="cancel_job",
        description="Cancel one job that is not completed, so that no memories are made of its event or session.",
        routes=(("POST", "/v1/jobs/{id}/cancel"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=JobRef,
        returns=CancelledJob,
        handler=cancel_job,
        is_listed=False,
    ),
    Operation(
        name="requeue_jobs",
        description="Have all failed jobs done again, or the cancelled ones, for instance after an outage of a model.",
        routes=(("POST", "/v1/jobs/requeue"),),
        scope="memory:write",
        effect=Effect.UPDATE,
        args=RequeueJobs,
        returns=RequeuedJobs,
        handler=requeue_jobs,
        is_listed=False,
    ),
)
