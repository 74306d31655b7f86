"""An agent's work in its own words, if its hooks tell of no tool calls: Codex reports prompts and replies alone."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from server.memory.capture.models import CapturedEvent
from server.memory.capture.statements.finding import strip_opening, tidy_sentence
from server.memory.capture.turns import Turn
from server.memory.capture.work.changes import find_reason

_DID = (
    r"added|adapted|changed|committed|configured|created|deleted|deployed|extended|fixed|implemented|installed|"
    r"merged|migrated|"
    r"moved|pushed|refactored|removed|renamed|replaced|reverted|rewrote|set|switched|turned|updated|upgraded|wrote"
)
_WORK = re.compile(
    rf"^(?:done[:,.]?\s)?(?:i|i've|i have|i also|we)\s(?:have\s|also\s|then\s|now\s)?(?:{_DID})\b|^(?:{_DID})\b|"
    rf"\b(?:is|are|was|were|has been|have been) (?:now )?(?:{_DID})\b|\bcommit(?:ted)? (?:it |this |that |"
    rf"them )?(?:as |is |hash )?`?[0-9a-f]{{7,40}}\b",
    re.IGNORECASE,
)
#: A file, a commit or code: a claim without one tells too little.
_NAMED = re.compile(
    r"`[^`]{2,}`|(?<![\w/])[\w/-]+\.[a-z]\w{0,5}\b|\b(?=[a-f]*\d)[0-9a-f]{7,40}\b|\bcommit", re.IGNORECASE
)
_NOT_DONE = re.compile(r"\b(?:not|never|could|would|should|can|will|if|you)\b", re.IGNORECASE)
_MOST_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class WorkInReply:
    """The work of one turn, as the agent said it."""

    sentences: tuple[str, ...]
    reason: str | None  # what the person asked
    reply: CapturedEvent
    events: tuple[str, ...]


def find_work_in_replies(turns: Iterable[Turn]) -> Iterator[WorkInReply]:
    """Yield what the agent said that it did, up to the first tool call that was reported."""
    for turn in turns:
        if turn.steps:
            return
        if turn.reply is None or turn.prompt is None:
            continue
        if sentences := tuple(tidy_sentence(each) for each in turn.answered if _is_about_work(each))[:_MOST_SENTENCES]:
            yield WorkInReply(sentences, find_reason(turn), turn.reply, (turn.prompt.id, turn.reply.id))


def _is_about_work(sentence: str) -> bool:
    bare = strip_opening(sentence)
    return bool(_WORK.search(bare) and _NAMED.search(bare)) and not _NOT_DONE.search(bare)
