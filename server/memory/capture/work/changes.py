"""The files that an agent changed, why, and the commits that hold the changes."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from server.memory.capture.models import CapturedEvent
from server.memory.capture.statements.finding import strip_opening, tidy_sentence
from server.memory.capture.statements.judging import judge_sentence
from server.memory.capture.turns import Step, Turn, clean_line, shorten
from server.memory.capture.work.causes import is_cause
from server.memory.capture.work.commits import Commit, find_commits
from server.memory.capture.work.failures import has_failed

_LONGEST_REASON, _MOST_REASONS, _MOST_NAMED, _MOST_EVENTS = 240, 3, 8, 40
#: Files that tools write by themselves, and places that are emptied.
_UNINTENDED = ("/tmp/", "/private/tmp/", "/var/folders/", "/dev/")  # noqa: S108 - no file is made there
_UNINTENDED_PARTS = frozenset({"node_modules", "__pycache__", ".git", ".venv", "venv", "dist", "build", "target"})
_UNINTENDED_NAMES = frozenset(
    {"package-lock.json", "pnpm-lock.yaml", "yarn.lock", "poetry.lock", "uv.lock", "Cargo.lock", "go.sum", "bun.lockb"}
)
_EMPTY_ANSWERS = frozenset({"done", "noted", "understood", "sure", "ok", "okay", "fixed", "hecho", "fait", "erledigt"})
_FEWEST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Change:
    """Files that were changed in a turn, or for a commit, and why."""

    at: datetime
    paths: tuple[str, ...]
    reason: str | None  # what the person asked
    result: str | None  # what the agent said that it did
    commit: Commit | None
    events: tuple[str, ...]  # the last one is the commit, or the end of the turn


def find_changes(turns: Iterable[Turn]) -> Iterator[Change]:
    """Yield the commits of a session, and the files that were changed in a turn and not committed in it.

    A file is told once, and again for each commit. A commit of a turn that changed nothing holds what was changed since
    the last commit. Files are told when their turn is over: so a change is the same whether its events are looked at
    all at once or as they come in.
    """
    before = _Files()
    told = set[str]()
    for turn in turns:
        current = _Files(turn)
        for step in turn.steps:
            current.note(step)
            for commit in _find_commits(step):
                yield _tell_commit(commit, current if current.paths else before, step)
                told.update(current.paths)
                before, current = _Files(), _Files(turn)
        if turn.end is not None and not told.issuperset(current.paths):
            yield _tell_turn(current, turn, turn.end)
            told.update(current.paths)
        before.add(current)


class _Files:
    """The files that were changed in a turn, or in several turns, since the last commit."""

    def __init__(self, turn: Turn | None = None) -> None:
        self.paths: dict[str, None] = {}  # in their order
        self.reason = find_reason(turn) if turn and turn.steps else None
        self.events = [turn.prompt.id] if turn and turn.prompt else []
        self.at: datetime | None = None

    def note(self, step: Step) -> None:
        """Note the files that a step changed."""
        for path in step.call.paths:
            if _is_intended(path):
                self.paths[clean_line(name_path(path, step.event.folder))] = None
                self.at = step.event.at
        if step.call.paths:
            self._note_events([step.event.id])

    def add(self, other: "_Files") -> None:
        """Note the files of a later turn."""
        if other.paths:
            self.paths |= other.paths
            self.reason = other.reason or self.reason
            self._note_events(other.events)

    def _note_events(self, events: Iterable[str]) -> None:
        self.events = [*self.events, *events][-_MOST_EVENTS:]


def _tell_commit(commit: Commit, files: _Files, step: Step) -> Change:
    return Change(step.event.at, tuple(files.paths), files.reason, None, commit, (*files.events, step.event.id))


def _tell_turn(files: _Files, turn: Turn, end: CapturedEvent) -> Change:
    result = find_result(turn, files.paths)
    return Change(files.at or end.at, tuple(files.paths), files.reason, result, None, (*files.events, end.id))


def name_path(path: str, folder: str | None) -> str:
    """Return a path as it stands in the folder in which the agent works."""
    base = (folder or "").rstrip("/")
    return path[len(base) + 1 :] if base and path.startswith(f"{base}/") else path


def name_paths(paths: Collection[str]) -> str:
    """Return the names of files as text."""
    named = ", ".join(islice(paths, _MOST_NAMED))
    return named if len(paths) <= _MOST_NAMED else f"{named} and {len(paths) - _MOST_NAMED} more"


def find_reason(turn: Turn) -> str | None:
    """Return why a turn was: what the person asked, or else what they said, without greetings."""
    return find_request(turn) or _join_sentences(_list_sentences(turn))


def find_request(turn: Turn) -> str | None:
    """Return what a person asked, without greetings and without what is kept by itself: the first sentences of it."""
    return _join_sentences([each for each in _list_sentences(turn) if judge_sentence(each) is None])


def _list_sentences(turn: Turn) -> list[str]:
    return [each for each in map(strip_opening, turn.asked) if len(each.split()) >= _FEWEST_WORDS or not each.isascii()]


def _join_sentences(sentences: list[str]) -> str | None:
    return shorten(" ".join(map(tidy_sentence, sentences[:_MOST_REASONS])), _LONGEST_REASON) or None


def find_result(turn: Turn, paths: Iterable[str]) -> str | None:
    """Return what an agent said that it did: the sentence that names a file, or its first one."""
    files = [path.rsplit("/", 1)[-1] for path in islice(paths, _MOST_NAMED)]
    names = {name for file in files for name in (file, file.rsplit(".", 1)[0]) if name}
    telling = [each for each in turn.answered if each.strip(" .!").lower() not in _EMPTY_ANSWERS and not is_cause(each)]
    chosen = next((each for each in telling if any(name in each for name in names)), None) or next(iter(telling), None)
    return shorten(tidy_sentence(chosen), _LONGEST_REASON) if chosen else None


def _is_intended(path: str) -> bool:
    parts = path.replace("\\", "/").split("/")
    return (
        not path.startswith(_UNINTENDED)
        and parts[-1] not in _UNINTENDED_NAMES
        and not _UNINTENDED_PARTS.intersection(parts)
        and not path.isspace()
    )


def _find_commits(step: Step) -> list[Commit]:
    call = step.call
    return [] if call.command is None or (call.failed and has_failed(call)) else find_commits(call.command, call.output)


def list_paths(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the files that were changed, each once."""
    yield from dict.fromkeys(path for change in changes for path in change.paths)
