"""The work that checks the golden cases of a workspace, for `python -m server golden`."""

import asyncio
from contextlib import suppress

from auth.principal import READ, Principal, expand
from server.background.work import Outcome
from server.errors import Failure
from server.progress import Progress
from server.store.embedding.source import EmbeddingFailed
from server.store.record.journal import Actor
from tools import golden
from tools.core.operation import Call
from tools.core.services import Services

#: How long to wait for a model that is being loaded.
MODEL_SECONDS = 60.0


async def check_golden_cases(services: Services, argument: str | None, progress: Progress) -> Outcome:
    """Check the golden cases of the workspace whose id is the argument, and return the report.

    Raises:
        Failure: `not_found` if the workspace was deleted; `unavailable` if the search store is down.
    """
    with suppress(EmbeddingFailed, TimeoutError):  # without a model recall ranks by keyword, and that is checked
        async with asyncio.timeout(MODEL_SECONDS):
            await services.encoder.source.wait_ready()
    workspace = await services.directory.by_id(argument or "")
    if workspace is None:
        raise Failure("not_found", "The workspace was deleted meanwhile.")
    # The caller is the person who runs the server, and no user of it.
    operator = Principal("", workspace.account_id, expand([READ]), "api_key", "golden", workspace_id=workspace.id)
    call = Call(operator, workspace, Actor("", "golden", "run_golden", "golden"))
    report = await golden.check(services, call, progress)
    return Outcome(report=report.model_dump(mode="json"))
