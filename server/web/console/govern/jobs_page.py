"""The page of jobs: the work of making memories of what agents report, and how far the embeddings are."""

from datetime import datetime
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response

from auth.texts import say
from server.errors import Failure
from server.store.record.capture.jobs import State
from server.web.console.door import Visit, make_address, make_page_links, open_visit, read_number

PATH = "/jobs"
ON_A_PAGE = 25
STATES: tuple[State, ...] = get_args(State)


async def serve_jobs_page(request: Request) -> Response:
    """GET a page of jobs, by the query's `status`; POST `action` to do one again, to cancel one, or to do all again."""
    visit = await open_visit(request)
    if isinstance(visit, Response):
        return visit
    if request.method == "POST":
        return await _change(visit)
    query = request.query_params
    status, project = query.get("status", ""), query.get("project", "")
    offset = read_number(query.get("offset")) or 0
    found = await visit.execute("list_jobs", status=status, project=project, limit=ON_A_PAGE, offset=offset)
    counts = {each: (await visit.execute("list_jobs", status=each, project=project, limit=1)).total for each in STATES}
    chosen = {"status": status, "project": project}
    newer, older = make_page_links(PATH, chosen, offset, ON_A_PAGE, found.total)
    return visit.render(
        "jobs.html",
        jobs=[(each, each.created_at_epoch, _read_end(each)) for each in found.jobs],
        counts=counts,
        chosen=chosen,
        progress=(await visit.execute("list_activity", limit=1)).progress,
        projects=[each.name for each in (await visit.execute("list_projects")).projects],
        done=read_number(query.get("done")),
        newer=newer,
        older=older,
    )


async def _change(visit: Visit) -> Response:
    form = await visit.read_form()
    chosen: dict[str, str | None] = {name: form.get(name) for name in ("status", "project")}
    match form.get("action"):
        case "retry":
            await visit.execute("retry_job", id=form.get("id"))
        case "cancel":
            await visit.execute("cancel_job", id=form.get("id"))
        case "requeue":
            done = await visit.execute("requeue_jobs", status=form.get("which"), project=form.get("project"))
            chosen |= {"done": str(done.requeued)}
        case _:
            raise Failure("malformed", say("Go back, and use one of the buttons of the page."))
    return visit.redirect(make_address(PATH, **chosen))


def _read_end(job: Any) -> datetime | None:
    """Return when a job ended, in whichever way; None if it has not."""
    ends = (job.completed_at_epoch, job.failed_at_epoch, job.cancelled_at_epoch)
    return next((each for each in ends if each is not None), None)
