"""Reads what agents reported: the language model does if there is one, and rules do otherwise.

If the model is down, what it has to read waits for it for some hours, and rules read it then. Rules also read what the
model gave no usable answer about, and what is above an account's daily budget.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, date, datetime, timedelta

import structlog

from server.memory.capture.extract import extract_observations
from server.memory.capture.model_prompt import (
    read_observations,
    read_summary,
    write_extract_question,
    write_summary_question,
)
from server.memory.capture.models import CapturedEvent, Observation
from server.memory.capture.summary import summarize_session
from server.network.llm import Llm, LlmFailed
from server.store.record.capture import llm_usage
from server.store.record.workspaces import get_workspace
from tools.core.services import Services

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: The time that a model is left alone after a failure, and the longest time that its server may ask for.
PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=15)
#: For how long a report waits for the model, from its coming on.
PATIENCE = timedelta(hours=6)
#: The questions that the model is asked at the same time.
AT_ONCE = 4


class ModelDown(Exception):  # noqa: N818 - it names the reason
    """The language model cannot be asked now; it is asked again at a time."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason)
        self.reason = reason
        self.until = until


class Reader:
    """Reads the events of sessions in one round of work. What it learns of the model's state holds for the round."""

    def __init__(self, services: Services, hold_claim: Callable[[], Awaitable[None]]) -> None:
        """`hold_claim` keeps the jobs of the round from others for another while; a model may take its time."""
        self._services = services
        self._hold_claim = hold_claim
        self._down: ModelDown | None = None
        self.turns = asyncio.Semaphore(1 if services.llm is None else AT_ONCE)

    async def extract(
        self,
        workspace_id: str,
        events: Sequence[CapturedEvent],
        new: Collection[str],
        injected: Collection[str],
        since: datetime,
    ) -> list[Observation]:
        """Return the observations of a session's events, of which those with the ids in `new` came `since` a time.

        Raises:
            ModelDown: the model cannot be asked now, and the events have not waited for long.
        """
        if (llm := await self._find_model(workspace_id, since)) is not None:
            answer = await self._ask(llm, workspace_id, *write_extract_question(events, new))
            found = await asyncio.to_thread(read_observations, answer, events, new, injected)
            if found is not None:
                return found
            log.warning("capture.read_by_rules", kind="event")
        return await asyncio.to_thread(extract_observations, events, injected)

    async def summarize(
        self, workspace_id: str, events: Sequence[CapturedEvent], injected: Collection[str], since: datetime
    ) -> Observation | None:
        """Return the summary of a session, None if it has none.

        Raises:
            ModelDown: the model cannot be asked now, and the session has not waited for long.
        """
        if (llm := await self._find_model(workspace_id, since)) is not None:
            answer = await self._ask(llm, workspace_id, *write_summary_question(events))
            is_read, summary = read_summary(answer, events, injected)
            if is_read:
                return summary
            log.warning("capture.read_by_rules", kind="summary")
        return await asyncio.to_thread(summarize_session, events, injected)

    async def _find_model(self, workspace_id: str, since: datetime) -> Llm | None:
        """Return the model if it is to read events that came at a time; None if there is none, or no budget is left.

        Raises:
            ModelDown: it did not answer in this round, and the events have not waited for long.
        """
        services = self._services
        if services.llm is None or services.now() - since > PATIENCE:
            return None
        if self._down is not None:
            raise self._down
        async with services.db.read() as connection:
            workspace = await get_workspace(connection, workspace_id)
            if workspace is None:
                return None
            spent = await llm_usage.count_tokens(connection, workspace.account_id, self._find_day())
        return None if services.llm_daily_tokens and spent >= services.llm_daily_tokens else services.llm

    async def _ask(self, llm: Llm, workspace_id: str, instructions: str, question: str) -> str:
        """Return the model's answer; an empty one if it has none to this question.

        Raises:
            ModelDown: the model cannot be asked now.
        """
        services = self._services
        await self._hold_claim()
        try:
            answer = await llm.ask(instructions, question)
        except LlmFailed as failed:
            if not failed.is_down:
                return ""
            wanted = timedelta(seconds=failed.read_retry_after(services.now(), LONGEST_PAUSE.total_seconds()))
            self._down = ModelDown(failed.reason, services.now() + max(PAUSE, wanted))
            log.warning("capture.model_down", error=failed.reason)
            raise self._down from None
        async with services.db.write() as connection:
            workspace = await get_workspace(connection, workspace_id)
            if workspace is not None:
                await llm_usage.add_tokens(connection, workspace.account_id, self._find_day(), answer.tokens)
        return answer.text

    def _find_day(self) -> date:
        return self._services.now().astimezone(UTC).date()
