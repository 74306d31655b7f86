"""Commands that failed, and what made them pass."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from server.memory.capture.turns import Step, clean_line, shorten
from server.memory.capture.work.commands import is_looking, name_program, split_command
from server.memory.capture.work.tool_calls import ToolCall

#: An output that tells of a failure though the shell did not: its exit code was another program's, as behind a pipe.
_FAILED = re.compile(
    r"\b[1-9]\d{0,5} (?:failed|failures?|failing)\b|^FAIL(?:ED)?\b|npm ERR!|^Traceback \(most|^error(?:\[\w+\])?: |"
    r"could not compile|BUILD FAILED|\*\* [A-Z]+ FAILED",
    re.MULTILINE,
)
_TELLING = (
    re.compile(r"^E   .*(?:Error|Exception)\b.*", re.MULTILINE),
    re.compile(r"^E   .*", re.MULTILINE),
    re.compile(r"^\W*(?:E\s+)?[\w.]*(?:Error|Exception)\b(?:\[\w+\])?:? .*", re.MULTILINE),
    re.compile(
        r"^.*(?:\b(?:error|fatal|panic|failed|failure|cannot|can't|denied|refused|unauthorized|timed? ?out|not found|"
        r"no such|"
        r"invalid|missing|unable|already in use|expected|there is no)\b|FAIL|ERR!).*$",
        re.MULTILINE | re.IGNORECASE,
    ),
)
_LINE = re.compile(r"^[^\n]*\w[^\n]*$", re.MULTILINE)
_LONGEST_ERROR, _MOST_CURES, _MOST_PATHS = 200, 4, 8
#: So many failures wait for their cure at one time, and so many events are noted of each.
_MOST_PENDING, _MOST_EVENTS = 16, 24


@dataclass(slots=True)
class _Failure:
    step: Step
    command: str  # the whole of it, in one line
    error: str
    cures: list[str] = field(default_factory=list[str])
    paths: list[str] = field(default_factory=list[str])
    events: list[str] = field(default_factory=list[str])

    def note_event(self, step: Step) -> None:
        if len(self.events) < _MOST_EVENTS:
            self.events.append(step.event.id)


@dataclass(frozen=True, slots=True)
class Cure:
    """A command that failed and passed later."""

    command: str
    error: str
    cures: tuple[str, ...]  # the commands that ran before it passed, or it in its new form
    paths: tuple[str, ...]  # the files that were changed before it passed
    last: Step  # the run that passed
    events: tuple[str, ...]


def has_failed(call: ToolCall) -> bool:
    """Whether a command failed, as its shell or its output tells."""
    if call.command is None:
        return False
    return call.failed or (_does_work(call.command) and _FAILED.search(call.output) is not None)


def find_cures(steps: Iterable[Step]) -> tuple[list[Cure], list[str]]:
    """Return the commands of a session that failed and passed later, and those that did not pass again."""
    pending: dict[str, _Failure] = {}
    cured: list[Cure] = []
    for step in steps:
        if step.call.paths:
            _note_change(pending.values(), step)
        if step.call.command is None:
            continue
        programs = {name_program(part): part for part in _find_work(step.call.command)}
        if has_failed(step.call):
            _note_failure(pending, programs, step)
        else:
            cured += _note_success(pending, programs, step)
    return cured, [failure.command for failure in pending.values()]


def _find_work(command: str) -> Iterator[str]:
    return (part for part in split_command(command) if not is_looking(part))


def _does_work(command: str) -> bool:
    return next(_find_work(command), None) is not None


def _note_change(failures: Iterable[_Failure], step: Step) -> None:
    for failure in failures:
        new = [path for path in step.call.paths if path not in failure.paths]
        failure.paths += new[: _MOST_PATHS - len(failure.paths)]
        failure.note_event(step)


def _note_failure(pending: dict[str, _Failure], programs: dict[str, str], step: Step) -> None:
    if not programs:
        return
    program = list(programs)[-1]
    command = clean_line(step.call.command or "")
    error = find_error(step.call.output)
    if known := pending.get(program):
        known.error, known.command = error or known.error, command
        known.note_event(step)
    else:
        if len(pending) >= _MOST_PENDING:
            del pending[next(iter(pending))]
        pending[program] = _Failure(step, command, error, events=[step.event.id])


def _note_success(pending: dict[str, _Failure], programs: dict[str, str], step: Step) -> Iterator[Cure]:
    command = clean_line(step.call.command or "")
    for program in programs:
        failure = pending.pop(program, None)
        if failure is None:
            continue
        changed = [command] if command != failure.command else []
        if failure.cures or failure.paths or changed:
            cures = (*failure.cures[-_MOST_CURES:], *changed)
            events = tuple(dict.fromkeys([*failure.events, step.event.id]))
            yield Cure(failure.command, failure.error, cures, tuple(failure.paths), step, events)
    if programs:
        for failure in pending.values():
            failure.cures = [*failure.cures, command][-_MOST_CURES:]
            failure.note_event(step)


def find_error(output: str) -> str:
    """Return the line of an output that says what went wrong, without credentials; the first line if none does."""
    for pattern in (*_TELLING, _LINE):
        if found := pattern.search(output):
            return shorten(clean_line(found[0][:2000]).removeprefix("E ").strip(), _LONGEST_ERROR)
    return ""
