"""Reads what agents reported: the language model does if there is one, and rules do otherwise.

If the model is down, what it has to read waits for it for some hours, and rules read it then. Rules also read what the
model gave no usable answer about, and what is above an account's daily budget.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

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
from server.network.llm import Llm, LlmFailed, LlmRest
from server.store.record.capture import llm_usage
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


class _Asked(NamedTuple):
    """The model that is asked, and the account that pays for it."""

    llm: Llm
    account_id: str


class Reader:
    """Reads the events of sessions in one round of work. A model that is down is left alone in later rounds, too."""

    def __init__(self, services: Services, hold_claim: Callable[[], Awaitable[None]]) -> None:
        """`hold_claim` keeps the jobs of the round from others for another while; a model may take its time."""
        self._services = services
        self._hold_claim = hold_claim
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
        if (asked := await self._find_model(workspace_id, since)) is not None:
            answer = await self._ask(asked, *write_extract_question(events, new))
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
        if (asked := await self._find_model(workspace_id, since)) is not None:
            answer = await self._ask(asked, *write_summary_question(events))
            is_read, summary = read_summary(answer, events, injected)
            if is_read:
                return summary
            log.warning("capture.read_by_rules", kind="summary")
        return await asyncio.to_thread(summarize_session, events, injected)

    async def _find_model(self, workspace_id: str, since: datetime) -> _Asked | None:
        """Return the model if it is to read events that came at a time; None if there is none, or no budget is left.

        Raises:
            ModelDown: it is left alone after a failure, and the events have not waited for long.
        """
        services = self._services
        llm, now = services.llm, services.now()
        if llm is None or now - since > PATIENCE:
            return None
        if llm.rest is not None and now < llm.rest.until:
            raise ModelDown(llm.rest.reason, llm.rest.until)
        workspace = await services.directory.get_workspace(workspace_id)
        if workspace is None:
            return None
        async with services.db.read() as connection:
            spent = await llm_usage.count_tokens(connection, workspace.account_id, self._find_day())
        is_spent = services.llm_daily_tokens and spent >= services.llm_daily_tokens
        return None if is_spent else _Asked(llm, workspace.account_id)

    async def _ask(self, asked: _Asked, instructions: str, question: str) -> str:
        """Return the model's answer; an empty one if it has none to this question.

        Raises:
            ModelDown: the model cannot be asked now.
        """
        services = self._services
        await self._hold_claim()
        try:
            answer = await asked.llm.ask(instructions, question)
        except LlmFailed as failed:
            if not failed.is_down:
                return ""
            wanted = timedelta(seconds=failed.read_retry_after(services.now(), LONGEST_PAUSE.total_seconds()))
            rest = asked.llm.rest = LlmRest(failed.reason, services.now() + max(PAUSE, wanted))
            log.warning("capture.model_down", error=failed.reason)
            raise ModelDown(rest.reason, rest.until) from None
        async with services.db.write() as connection:
            await llm_usage.add_tokens(connection, asked.account_id, self._find_day(), answer.tokens)
        services.meter.count(asked.account_id, "tokens", answer.tokens)
        return answer.text

    def _find_day(self) -> date:
        return self._services.now().astimezone(UTC).date()
