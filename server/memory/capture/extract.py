"""From the events of a session to what is worth keeping of them, without a model.

Of what the person says, sentences are kept that state a preference, a decision, an instruction or a fact; of what the
agent does, changed files and commits with their reasons, commands that failed and what made them pass, packages that
were added, and the causes of errors. Everything else leaves nothing: questions, requests for work now, small talk,
code, logs, quotes and documents in a message, and everything that the server itself told the agent (see
`fingerprints.py`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal

from server.memory.capture.fingerprints import Guard, fingerprint
from server.memory.capture.models import CapturedEvent, Observation
from server.memory.capture.statements.finding import find_statements
from server.memory.capture.statements.moments import resolve_dates
from server.memory.capture.turns import REDACTED, Step, Turn, clean_line, shorten, split_turns
from server.memory.capture.work.causes import find_causes
from server.memory.capture.work.changes import Change, find_changes, name_path, name_paths
from server.memory.capture.work.commands import find_added_packages, split_command
from server.memory.capture.work.failures import Cure, find_cures, has_failed
from server.memory.capture.work.replies import WorkInReply, find_work_in_replies

__all__ = ["extract_observations", "fingerprint"]

#: Characters of an observation, and observations of one session.
LONGEST_CONTENT, MOST_OBSERVATIONS = 1_000, 500
_LONGEST_TITLE, _LONGEST_COMMAND = 100, 160
_OWN_TOOLS = frozenset({"pip", "setuptools", "wheel", "uv"})


def extract_observations(events: Sequence[CapturedEvent], injected: Collection[str]) -> list[Observation]:
    """Return what is worth keeping of a session, in the order in which it was said and done.

    An observation depends on its last event and those before it, and on none after it: a reader of the events as
    they come in finds the same, if each time only what ends with a new event is taken.

    Args:
        events: the events of one session, in their order.
        injected: the fingerprints (`fingerprint`) of the texts that the server gave to the agent in this session; no
            observation repeats a sentence of them.
    """
    guard = Guard(injected)
    turns = split_turns(events, guard)
    found = [*_list_statements(turns), *_list_work(turns, guard)]
    places = {event.id: place for place, event in enumerate(events)}
    found.sort(key=lambda each: places.get(each.events[-1], 0))
    return _drop_repeated(each for each in found if REDACTED not in each.content)[:MOST_OBSERVATIONS]


def _list_statements(turns: Iterable[Turn]) -> Iterator[Observation]:
    for turn in turns:
        if turn.prompt is None:
            continue
        for statement in find_statements(turn.asked):
            content = resolve_dates(statement.text, turn.prompt.at)
            yield _make(content, statement.kind, None, "person", turn.prompt.at, [turn.prompt.id])


def _list_work(turns: Sequence[Turn], guard: Guard) -> Iterator[Observation]:
    steps = [step for turn in turns for step in turn.steps]
    yield from (_tell_change(change) for change in find_changes(turns) if not _is_known(change, guard))
    yield from (_tell_cure(cure) for cure in find_cures(steps)[0] if not _tells_of_known(cure, guard))
    yield from _list_packages(steps)
    yield from (_tell_work(each) for each in find_work_in_replies(turns))
    for turn in turns:
        if turn.reply is not None:
            for cause in find_causes(turn):
                yield _make(cause, "observation", "Cause", "agent", turn.reply.at, [turn.reply.id])


def _is_known(change: Change, guard: Guard) -> bool:
    if change.commit is None:
        return not change.paths
    return guard.holds(change.commit.subject)


def _tells_of_known(cure: Cure, guard: Guard) -> bool:
    return any(guard.holds(each) for each in (cure.error, cure.command, *cure.cures))


def _tell_change(change: Change) -> Observation:
    """Return the observation of changed files: what, why, and the commit."""
    commit, files = change.commit, name_paths(change.paths)
    if commit:
        parts = [f'Committed {commit.hash} on {commit.branch}: "{clean_line(commit.subject)}".']
        parts += [clean_line(commit.body)] if commit.body else []
        parts += [f"Changed {files}."] if files else []
        title = f"Commit {commit.hash}"
    else:
        parts, title = [f"Changed {files}."], f"Changed {files}"
    parts += [f"Asked: {resolve_dates(change.reason, change.at)}"] if change.reason else []
    parts += [f"Done: {change.result}"] if change.result else []
    return _make(" ".join(parts), "observation", title, "agent", change.at, change.events)


def _tell_work(work: WorkInReply) -> Observation:
    """Return the observation of what an agent said that it did."""
    parts = [*work.sentences, *([f"Asked: {resolve_dates(work.reason, work.reply.at)}"] if work.reason else [])]
    return _make(" ".join(parts), "observation", "What the agent did", "agent", work.reply.at, work.events)


def _tell_cure(cure: Cure) -> Observation:
    """Return the observation of a command that failed and passed later."""
    parts = [f"`{shorten(each, _LONGEST_COMMAND)}`" for each in cure.cures]
    if cure.paths:
        parts.append(f"a change of {name_paths([name_path(path, cure.last.event.folder) for path in cure.paths])}")
    error = f": {cure.error.rstrip('.')}" if cure.error else ""
    content = f"`{shorten(cure.command, _LONGEST_COMMAND)}` failed{error}. It passed after {', then '.join(parts)}."
    return _make(content, "observation", "What made a command pass", "agent", cure.last.event.at, cure.events)


def _list_packages(steps: Iterable[Step]) -> Iterator[Observation]:
    """Yield an observation for each command that added packages, or other versions of them."""
    earlier = set[tuple[str, str | None]]()
    for step in steps:
        command = step.call.command
        if command is None or has_failed(step.call):
            continue
        for part in split_command(command):
            packages = [
                each for each in find_added_packages(part, step.call.output) if each[0].lower() not in _OWN_TOOLS
            ]
            if earlier.issuperset(packages):
                continue
            earlier.update(packages)
            named = ", ".join(f"{name} {version}" if version else name for name, version in packages)
            content = f"Added {named} with `{shorten(clean_line(part), _LONGEST_COMMAND)}`."
            yield _make(content, "observation", f"Added {named}", "agent", step.event.at, [step.event.id])


def _make(
    content: str,
    kind: str,
    title: str | None,
    said_by: Literal["person", "agent"],
    at: datetime,
    events: Sequence[str],
) -> Observation:
    return Observation(
        content=shorten(content, LONGEST_CONTENT),
        type=kind,
        title=shorten(title, _LONGEST_TITLE) if title else None,
        said_by=said_by,
        at=at,
        events=tuple(dict.fromkeys(events)),
    )


def _drop_repeated(observations: Iterable[Observation]) -> list[Observation]:
    """Return the observations, each content once."""
    found: dict[str, Observation] = {}
    for each in observations:
        found.setdefault(fingerprint(each.content), each)
    return list(found.values())
