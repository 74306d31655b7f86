"""The work that undoes a consolidation run, for `loci consolidation undo`."""

from server.background.work import Outcome
from server.ids import new_id
from server.progress import Progress
from server.store.record.journal import Actor
from tools.consolidation.runs import undo_run
from tools.core.services import Services


def name_argument(workspace_id: str, run_id: str) -> str:
    """Return the argument of the work: the workspace and the run."""
    return f"{workspace_id} {run_id}"


async def undo_consolidation(services: Services, argument: str | None, _progress: Progress) -> Outcome:
    """Undo the run that `name_argument` named, and report how many memories are back, gone, and left with a reason.

    Raises:
        Failure: `not_found`; `conflict` if no part of it can be undone.
    """
    workspace_id, _, run_id = (argument or "").partition(" ")
    actor = Actor("loci", "loci", "undo_consolidation", new_id(services.now()))
    undone = await undo_run(services, workspace_id, run_id, actor)
    await services.projection.project(workspace_id)
    report = {"restored": len(undone.restored), "removed": len(undone.removed), "kept": undone.kept}
    return Outcome(workspaces=1, report=report)
