"""How much of what is worth keeping of a session is kept, and how much of what is kept is worth it.

The sessions of `capture_sessions/` are events as the hooks of Claude Code, Codex, Gemini CLI and Cursor give them,
with the facts worth keeping: each fact is the words that one observation must hold. Some of the sessions are *held
out*: the rules were made without a look at what goes wrong in them. An observation is right if it holds a fact that
no observation before it held. The summary of a session does not count. Targets, on the half that is held out:
precision 0.9, recall 0.6.

Run as a script, it prints both halves by kind of work; `--misses` lists what was missed and what was kept in vain in
the half that the rules were made with, and `--misses held_out` in the other half.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from helpers.common import Figure, print_figures

from server.memory.capture.extract import extract_observations
from server.memory.capture.models import CapturedEvent, EventKind, Observation

SESSIONS = Path(__file__).parent / "capture_sessions"
HALVES = ("held_out", "seen")
PRECISION, RECALL = 0.9, 0.6

_PROMPTS = ("UserPromptSubmit", "BeforeAgent", "beforeSubmitPrompt")
_REPLIES = ("Stop", "AfterAgent", "afterAgentResponse")
_CURSOR_TOOLS = {"afterFileEdit": "edit_file", "afterShellExecution": "run_terminal_cmd"}


@dataclass
class Session:
    """A session with the facts that are worth keeping of it."""

    name: str
    kind: str
    facts: list[list[str]]
    events: list[CapturedEvent]


@dataclass
class Score:
    """The figures of some sessions: `right` of `kept` observations, which hold `found` of `facts` facts."""

    sessions: int = 0
    kept: int = 0
    right: int = 0
    facts: int = 0
    found: int = 0
    missed: list[str] = field(default_factory=list)
    in_vain: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """The share of what was kept that is worth it."""
        return self.right / self.kept if self.kept else 1.0

    @property
    def recall(self) -> float:
        """The share of what is worth keeping that was kept."""
        return self.found / self.facts if self.facts else 1.0


def read_sessions(half: str) -> list[Session]:
    """Return the sessions of one half."""
    files = sorted((SESSIONS / half).glob("*.json"))
    return [_read_session(json.loads(path.read_text(encoding="utf-8"))) for path in files]


def score_sessions(sessions: Iterable[Session]) -> Score:
    """Return what is kept of some sessions, held against what is worth keeping."""
    total = Score()
    for session in sessions:
        observations = extract_observations(session.events, ())
        _add_session(total, session, observations)
    return total


def measure(*, quick: bool) -> list[Figure]:
    """Return precision and recall of both halves, and the time that an event takes."""
    del quick  # it takes a second
    figures: list[Figure] = []
    for half in HALVES:
        sessions = read_sessions(half)
        score_sessions(sessions[:1])  # the forms of credentials are loaded with the first text
        started = time.perf_counter()
        score = score_sessions(sessions)
        seconds = time.perf_counter() - started
        held_out = half == "held_out"
        name = "held out" if held_out else "seen while the rules were made"
        for what, value, target, of in (
            ("precision", score.precision, PRECISION, f"{score.right} of {score.kept}"),
            ("recall", score.recall, RECALL, f"{score.found} of {score.facts}"),
        ):
            figures.append(
                Figure(
                    f"capture, {what}, {name}",
                    f"{value:.2f} ({of})",
                    f"{score.sessions} sessions",
                    target=f"{target}" if held_out else "",
                    is_met=value >= target if held_out else None,
                )
            )
        count = sum(len(session.events) for session in sessions)
        figures.append(Figure(f"capture, an event, {name}", f"{seconds / count * 1e6:.0f} µs", f"{count} events"))
    return figures


def _read_session(data: dict[str, Any]) -> Session:
    events = [_read_event(str(place), each) for place, each in enumerate(data["events"], 1)]
    return Session(data["name"], data["kind"], data["worth_keeping"], events)


def _read_event(event_id: str, payload: dict[str, Any]) -> CapturedEvent:
    """Return the event that a hook's payload tells of."""
    name = payload["hook_event_name"]
    text, kind = "", "other"
    tool, arguments, response = None, dict[str, Any](), ""
    if name in _PROMPTS:
        kind, text = "prompt", payload["prompt"]
    elif name in _REPLIES:
        kind = "reply"
        text = next(payload[key] for key in ("last_assistant_message", "prompt_response", "text") if key in payload)
    elif name == "SessionEnd":
        kind = "end"
    elif name in _CURSOR_TOOLS:
        kind, tool, arguments = "tool", _CURSOR_TOOLS[name], payload
        response = payload.get("output", "")
    else:
        kind, tool, arguments = "tool", payload["tool_name"], payload["tool_input"]
        response = payload.get("tool_response", payload.get("error", ""))
    return CapturedEvent(
        id=event_id,
        kind=_check_kind(kind),
        at=datetime.fromisoformat(payload["at"]),
        text=text,
        tool=tool,
        arguments=arguments,
        result=response if isinstance(response, str) else json.dumps(response),
        failed=name == "PostToolUseFailure",
        folder=payload.get("cwd"),
    )


def _check_kind(kind: str) -> EventKind:
    assert kind in {"prompt", "tool", "reply", "end", "other"}
    return kind  # pyright: ignore[reportReturnType]


def _add_session(total: Score, session: Session, observations: list[Observation]) -> None:
    texts = [each.content.casefold() for each in observations]
    found: set[int] = set()
    for observation, text in zip(observations, texts, strict=True):
        held = {place for place, fact in enumerate(session.facts) if all(word.casefold() in text for word in fact)}
        if held - found:
            total.right += 1
        else:
            again = " (again)" if held else ""
            total.in_vain.append(f"{session.name}: [{observation.type}] {observation.content}{again}")
        found |= held
    total.sessions += 1
    total.kept += len(observations)
    total.facts += len(session.facts)
    total.found += len(found)
    total.missed += [
        f"{session.name}: {'; '.join(fact)}" for place, fact in enumerate(session.facts) if place not in found
    ]


def _print_half(half: str, *, with_misses: bool) -> None:
    sessions = read_sessions(half)
    by_kind: dict[str, list[Session]] = defaultdict(list)
    for session in sessions:
        by_kind[session.kind].append(session)
        by_kind["nothing worth keeping" if not session.facts else "something worth keeping"].append(session)
    print(f"\n{half:34} sessions  kept  right  facts  found  precision  recall")
    for kind, some in [*sorted(by_kind.items()), ("all", sessions)]:
        score = score_sessions(some)
        print(
            f"  {kind:32} {score.sessions:8} {score.kept:5} {score.right:6} {score.facts:6} {score.found:6}"
            f"  {score.precision:9.2f}  {score.recall:6.2f}"
        )
        if with_misses and kind == "all":
            print("\n  kept in vain:", *score.in_vain, "\n  missed:", *score.missed, sep="\n    ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", nargs="?", const="seen", choices=HALVES, help="list what went wrong in one half")
    arguments = parser.parse_args()
    print_figures(measure(quick=False))
    for half in HALVES:
        _print_half(half, with_misses=arguments.misses == half)


if __name__ == "__main__":
    main()
