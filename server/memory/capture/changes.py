"""The files that an agent changed, why, and the commits that hold the changes."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from server.memory.capture.causes import is_cause
from server.memory.capture.commits import Commit, find_commits
from server.memory.capture.failures import has_failed
from server.memory.capture.judging import judge_sentence
from server.memory.capture.models import CapturedEvent
from server.memory.capture.statements import strip_opening, tidy_sentence
from server.memory.capture.turns import Step, Turn, clean_line, shorten

_LONGEST_REASON, _MOST_REASONS, _MOST_NAMED, _MOST_EVENTS = 240, 3, 8, 40
#: Files that tools write by themselves, and places that are emptied.
_UNINTENDED = ("/tmp/", "/private/tmp/", "/var/folders/", "/dev/")  # noqa: S108 - no file is made there
_UNINTENDED_PARTS = frozenset({"node_modules", "__pycache__", ".git", ".venv", "venv", "dist", "build", "target"})
_UNINTENDED_NAMES = frozenset(
    {"package-lock.json", "pnpm-lock.yaml", "yarn.lock", "poetry.lock", "uv.lock", "Cargo.lock", "go.sum", "bun.lockb"}
)
_EMPTY_ANSWERS = frozenset({"done", "noted", "understood", "sure", "ok", "okay", "fixed", "hecho", "fait", "erledigt"})
_FEWEST_WORDS = 3


@dataclass(slots=True)
class Change:
    """Files that were changed in one turn or several, and the commit that holds them."""

    last: CapturedEvent  # the last event in which a file was changed, or the commit
    paths: dict[str, None] = field(default_factory=dict[str, None])  # in their order
    reasons: list[str] = field(default_factory=list[str])  # what the person asked
    results: list[str] = field(default_factory=list[str])  # what the agent said that it did
    events: list[str] = field(default_factory=list[str])
    commit: Commit | None = None

    def note_event(self, event: CapturedEvent) -> None:
        """Note an event that it comes from."""
        if event.id not in self.events and len(self.events) < _MOST_EVENTS:
            self.events.append(event.id)


def find_changes(turns: Iterable[Turn]) -> list[Change]:
    """Return the changes of a session: what was changed for one commit, and what was not committed.

    Changes that share a file are one.
    """
    made: list[Change] = []
    pending = _Pending()
    for turn in turns:
        if not turn.steps:
            continue
        current = Change(turn.steps[0].event)
        for step in turn.steps:
            _note_paths(current, step)
            for commit in _find_commits(step):
                _note_words(current, turn)
                made.append(_commit(commit, [*pending.take(), current], step))
                current = Change(step.event)
        if current.paths:
            _note_words(current, turn)
            pending.add(current)
    return [*made, *pending.take()]


class _Pending:
    """The changes that are not committed: those that share a file are one."""

    def __init__(self) -> None:
        self._by_path: dict[str, Change] = {}

    def add(self, change: Change) -> None:
        sharing = {id(each): each for path in change.paths if (each := self._by_path.get(path))}
        whole, *others = [*sharing.values(), change]
        for each in others:
            _add_change(whole, each)
        self._by_path |= dict.fromkeys(whole.paths if len(others) > 1 else change.paths, whole)

    def take(self) -> list[Change]:
        """Return the changes, in the order in which they began, and forget them."""
        changes = list({id(each): each for each in self._by_path.values()}.values())
        self._by_path = {}
        return changes


def name_path(path: str, folder: str | None) -> str:
    """Return a path as it stands in the folder in which the agent works."""
    base = (folder or "").rstrip("/")
    return path[len(base) + 1 :] if base and path.startswith(f"{base}/") else path


def name_paths(paths: Collection[str]) -> str:
    """Return the names of files as text."""
    named = ", ".join(islice(paths, _MOST_NAMED))
    return named if len(paths) <= _MOST_NAMED else f"{named} and {len(paths) - _MOST_NAMED} more"


def find_reason(turn: Turn) -> str | None:
    """Return what a person asked, without greetings: the first sentences of the prompt."""
    bare = [each for each in map(strip_opening, turn.asked) if len(each.split()) >= _FEWEST_WORDS or not each.isascii()]
    # What is kept by itself need not be told twice.
    said = [each for each in bare if judge_sentence(each) is None] or bare
    return shorten(" ".join(map(tidy_sentence, said[:_MOST_REASONS])), _LONGEST_REASON) or None


def find_result(turn: Turn, paths: Iterable[str]) -> str | None:
    """Return what an agent said that it did: the sentence that names a file, or its first one."""
    files = [path.rsplit("/", 1)[-1] for path in islice(paths, _MOST_NAMED)]
    names = {name for file in files for name in (file, file.rsplit(".", 1)[0]) if name}
    telling = [each for each in turn.answered if each.strip(" .!").lower() not in _EMPTY_ANSWERS and not is_cause(each)]
    chosen = next((each for each in telling if any(name in each for name in names)), None) or next(iter(telling), None)
    return shorten(tidy_sentence(chosen), _LONGEST_REASON) if chosen else None


def _note_paths(change: Change, step: Step) -> None:
    for path in step.call.paths:
        if _is_intended(path):
            change.paths[clean_line(name_path(path, step.event.folder))] = None
    if step.call.paths:
        change.last = step.event
        change.note_event(step.event)


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


def _commit(commit: Commit, changes: list[Change], step: Step) -> Change:
    """Return one change for a commit: it holds everything that was changed since the one before."""
    whole = Change(step.event, commit=commit)
    for change in changes:
        _add_change(whole, change)
    whole.note_event(step.event)
    return whole


def _note_words(change: Change, turn: Turn) -> None:
    if turn.prompt is not None:
        change.events.insert(0, turn.prompt.id)
        if reason := find_reason(turn):
            change.reasons.append(reason)
    if turn.reply is not None and change.paths and (result := find_result(turn, change.paths)):
        change.results.append(result)
        change.note_event(turn.reply)


def _add_change(whole: Change, change: Change) -> None:
    whole.paths |= change.paths
    whole.last = change.last if whole.commit is None else whole.last
    whole.reasons = _join_texts(whole.reasons, change.reasons)
    whole.results = _join_texts(whole.results, change.results)
    whole.events += [event for event in change.events if event not in whole.events][: _MOST_EVENTS - len(whole.events)]


def _join_texts(texts: list[str], more: list[str]) -> list[str]:
    """Return the first and the last of some texts."""
    return list(dict.fromkeys([*texts, *more][:1] + [*texts, *more][1:][1 - _MOST_REASONS :]))


def list_paths(changes: Iterable[Change]) -> Iterator[str]:
    """Yield the files that were changed, each once."""
    yield from dict.fromkeys(path for change in changes for path in change.paths)
