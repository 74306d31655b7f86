"""The summary of a session: what was asked, what was done, what was changed and what is open."""

import re
from collections.abc import Collection, Iterable, Sequence

from server.memory.capture.fingerprints import Guard
from server.memory.capture.models import CapturedEvent, Observation
from server.memory.capture.statements.finding import find_statements, strip_opening, tidy_sentence
from server.memory.capture.turns import REDACTED, Turn, clean_line, shorten, split_turns
from server.memory.capture.work.changes import find_changes, find_request, list_paths, name_paths
from server.memory.capture.work.commands import is_looking, split_command
from server.memory.capture.work.failures import find_cures

_MOST_ASKED, _LONGEST_ASKED = 6, 160
_MOST_DONE, _LONGEST_DONE = 6, 200
_MOST_OPEN, _LONGEST_OPEN = 4, 200
LONGEST_SUMMARY, MOST_SOURCES = 3_000, 50
#: The words of an agent for work that is left, and of a person for work on another day.
_LEFT = re.compile(
    r"\b(?:still (?:open|missing|failing|fails?|to do|needs?|has to|have to)|remaining|remains|not (?:yet )?(?:done|"
    r"implemented|fixed|finished|"
    r"covered|tested)|todo|to-do|next steps?|left to do|is left|are left|follow-up|blocked|waiting for|offen|"
    r"noch nicht|"
    r"reste à faire|queda por|pendiente)\b",
    re.IGNORECASE,
)
_LATER = re.compile(
    r"\b(?:tomorrow|later|next time|next week|another (?:day|time)|on monday|continue (?:with|on)|morgen|später|"
    r"demain|plus tard|mañana|luego)\b",
    re.IGNORECASE,
)


def summarize_session(events: Sequence[CapturedEvent], injected: Collection[str] = ()) -> Observation | None:
    """Return the summary of a session; None if nothing was done in it and nothing was said that is worth keeping.

    Args:
        events: the events of one session, in their order.
        injected: the fingerprints of the texts that the server gave to the agent in this session.
    """
    guard = Guard(injected)
    turns = split_turns(events, guard)
    if not any(_has_work(turn) or find_statements(turn.asked) for turn in turns):
        return None
    changes = list(find_changes(turns))
    commits = [f'Committed {each.commit.hash}: "{clean_line(each.commit.subject)}".' for each in changes if each.commit]
    paths = name_paths(list(list_paths(changes)))
    parts = (
        ("Asked", _list_asked(turns)),
        ("Done", [*_list_done(turns), *commits[-_MOST_DONE:]]),
        ("Changed", [f"{paths}."] if paths else []),
        ("Open", _list_open(turns, guard)),
    )
    lines = [f"{name}: {' '.join(texts)}" for name, texts in parts if texts]
    content = shorten("\n".join(lines), LONGEST_SUMMARY)
    if not lines or REDACTED in content:
        return None
    ends = [event for turn in turns for event in (turn.prompt, turn.reply) if event is not None]
    return make_summary(content, ends, events)


def make_summary(content: str, sources: Sequence[CapturedEvent], events: Sequence[CapturedEvent]) -> Observation:
    """Return a session's summary as an observation. It rests on the last sources, or else on the last events."""
    return Observation(
        content=content,
        type="summary",
        title="Summary of the session",
        said_by="agent",
        at=events[-1].at,
        events=tuple(dict.fromkeys(event.id for event in (sources or events)[-MOST_SOURCES:])),
    )


def _has_work(turn: Turn) -> bool:
    return any(
        step.call.paths or any(not is_looking(part) for part in split_command(step.call.command or ""))
        for step in turn.steps
    )


def _list_asked(turns: Iterable[Turn]) -> list[str]:
    asked = [shorten(reason, _LONGEST_ASKED) for turn in turns if (reason := find_request(turn))]
    return _take_edges(asked, _MOST_ASKED)


def _list_done(turns: Iterable[Turn]) -> list[str]:
    """Return what the agent said in the turns in which it worked: the first sentence of each reply."""
    done = [
        shorten(tidy_sentence(turn.answered[0]), _LONGEST_DONE) for turn in turns if turn.answered and _has_work(turn)
    ]
    return _take_edges(done, _MOST_DONE)


def _list_open(turns: Sequence[Turn], guard: Guard) -> list[str]:
    """Return what is left: what the last turns say of it, and the commands that failed and did not pass again."""
    said = [each for turn in turns[-2:] for each in turn.answered if _LEFT.search(each)]
    said += [each for turn in turns[-1:] for each in turn.asked if _LATER.search(each) and not each.endswith("?")]
    _, failing = find_cures(step for turn in turns for step in turn.steps)
    failed = [f"`{shorten(command, _LONGEST_ASKED)}` failed last." for command in failing if not guard.holds(command)]
    left = [shorten(tidy_sentence(strip_opening(each)), _LONGEST_OPEN) for each in said[-_MOST_OPEN:]]
    return left + failed[-_MOST_OPEN:]


def _take_edges(texts: list[str], most: int) -> list[str]:
    """Return the texts, each once; of many, the first half and the last half of so many."""
    once = list(dict.fromkeys(texts))
    return once if len(once) <= most else [*once[: most // 2], "\u2026", *once[-most // 2 :]]
