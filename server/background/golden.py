"""The work that checks the golden cases of a workspace, for `loci golden`."""

import asyncio
from contextlib import suppress

from server.background.work import Outcome
from server.errors import Failure
from server.progress import Progress
from server.store.embedding.source import EmbeddingFailed
from tools import golden
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
    workspace = await services.directory.get_workspace(argument or "")
    if workspace is None:
        raise Failure("not_found", "The workspace was deleted meanwhile.")
    report = await golden.check_cases(services, workspace, progress)
    return Outcome(report=report.model_dump(mode="json"))
