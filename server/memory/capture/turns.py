"""The turns of a session: what the person asked, what the agent did for it, and what it answered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from server.memory.capture.fingerprints import Guard, fingerprint
from server.memory.capture.models import CapturedEvent
from server.memory.capture.software_text import split_software_text
from server.memory.capture.statements.sentences import bound_text, find_sentences
from server.memory.capture.work.tool_calls import ToolCall, read_tool_call
from server.memory.credentials import redact_credentials

REDACTED = "[redacted:"
#: A word of so many letters and digits is half of a key, or a dump.
_LONG_WORD = re.compile(r"[A-Za-z0-9+=_]{40,}")


@dataclass(frozen=True, slots=True)
class Step:
    """A tool call of a turn, with its event."""

    event: CapturedEvent
    call: ToolCall


@dataclass(slots=True)
class Turn:
    """A prompt with what followed it, up to the reply; what comes without a prompt is a turn, too."""

    prompt: CapturedEvent | None = None
    asked: list[str] = field(default_factory=list[str])  # the sentences of the prompt
    steps: list[Step] = field(default_factory=list[Step])
    reply: CapturedEvent | None = None
    answered: list[str] = field(default_factory=list[str])  # the sentences of the reply
    end: CapturedEvent | None = None  # the reply, or what else showed that the turn is over; None if it goes on


def split_turns(events: Sequence[CapturedEvent], guard: Guard) -> list[Turn]:
    """Return the turns of a session, without private text, credentials and what the guard holds.

    The guard learns the private text, so that no later event brings it in.
    """
    turns = [Turn()]
    for event in events:
        turn = turns[-1]
        guard.learn(fingerprint(part) for part in split_software_text(event.text)[1])
        if event.kind in {"prompt", "end"} and turn.end is None:
            turn.end = event
        if event.kind == "prompt":
            turns.append(Turn(prompt=event, asked=_read_sentences(event.text, guard)))
        elif event.kind == "tool" and turn.end is not None:
            turns.append(Turn(steps=[Step(event, read_tool_call(event))]))
        elif event.kind == "tool":
            turn.steps.append(Step(event, read_tool_call(event)))
        elif event.kind == "reply" and turn.end is None:
            turn.reply = turn.end = event
            turn.answered = _read_sentences(event.text, guard)
    return turns


def clean_line(text: str) -> str:
    """Return a text in one line without private text, and with the kind of each credential in its place."""
    return " ".join(redact_credentials(split_software_text(text)[0]).split())


def shorten(text: str, most: int) -> str:
    """Return a text of at most so many characters, which ends with a whole word."""
    if len(text) <= most:
        return text
    head = text[: most - 2]
    return f"{head.rpartition(' ')[0] or head} \u2026"


def _read_sentences(text: str, guard: Guard) -> list[str]:
    own = redact_credentials(bound_text(split_software_text(text)[0]))
    return [each for each in find_sentences(own) if _is_open(each, guard)]


def _is_open(sentence: str, guard: Guard) -> bool:
    return REDACTED not in sentence and not _LONG_WORD.search(sentence) and not guard.holds(sentence)
