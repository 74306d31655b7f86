"""The values of capture: the events of a session, and the observations that are made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

#: The origin of the memories that are made of events.
SOURCE = "capture"
#: The kind of a person's statement.
Kind = Literal["preference", "decision", "instruction", "fact"]
EventKind = Literal["prompt", "tool", "reply", "end", "other"]


@dataclass(frozen=True, slots=True)
class CapturedEvent:
    """One thing that happened in a session, as the agent's hook told it.

    Fields that a kind does not use are empty, such as the text of a tool call.
    """

    id: str
    kind: EventKind
    at: datetime  # aware
    text: str  # prompt: the person's words; reply: the agent's last message
    tool: str | None  # the tool's name, as the agent calls it
    arguments: Mapping[str, Any]  # of the tool call
    result: str  # of the tool call, as text
    failed: bool  # whether the tool call failed
    folder: str | None  # the folder in which the agent works


@dataclass(frozen=True, slots=True)
class Observation:
    """A thing worth keeping, which can be read alone."""

    content: str
    type: str  # fact, preference, decision, instruction, observation, or summary
    title: str | None
    said_by: Literal["person", "agent"]
    at: datetime  # the time of the event in which it was said or done
    events: tuple[str, ...]  # the ids of the events that it comes from, in their order
