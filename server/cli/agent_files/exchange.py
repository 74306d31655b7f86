"""One exchange of a project's files with a server: each file by itself, with a line that says what was done."""

from dataclasses import dataclass, field

from server.cli.agent_files.choices import Choice, Versions, choose_for_pull, choose_for_push, compute_digest
from server.cli.agent_files.folders import OTHER, Folders, RefusedFile
from server.cli.agent_files.remote import Remote, RemoteFile
from server.cli.agent_files.state import State
from server.memory.capture.file_parts import clean_file, find_fault

_WORDS: dict[Choice, str] = {
    "same": "is the same here and on the server",
    "newer_here": "was changed here: push it",
    "newer_there": "was changed on the server: pull it",
    "gone_here": "is on the server and not here: pull it",
    "gone_there": "is not on the server any more; it stays here",
}
_HIDDEN = "its private parts and credentials stay here"


@dataclass(slots=True)
class Report:
    """The lines of an exchange, and the numbers of files: sent, fetched, and those that need a person."""

    lines: list[str] = field(default_factory=list[str])
    sent: int = 0
    fetched: int = 0
    same: int = 0
    open: int = 0

    def add(self, name: str, said: str, *, is_open: bool = False) -> None:
        """Add the line of a file; `is_open` if a person has to do something."""
        self.lines.append(f"{name} {said}")
        self.open += is_open

    def sum_up(self) -> str:
        """Return the last line."""
        return f"{self.sent} sent, {self.fetched} written, {self.same} the same, {self.open} for you to settle."


@dataclass(frozen=True, slots=True)
class _Here:
    """A file on this machine: its text, and the part of it that may leave."""

    text: str
    clean: str

    @property
    def hides_text(self) -> bool:
        return self.text != self.clean


class Exchange:
    """The exchange of a project's files. With `is_dry`, nothing is written anywhere."""

    def __init__(self, folders: Folders, remote: Remote, state: State, *, is_dry: bool) -> None:
        self._folders, self._remote, self._state, self._is_dry = folders, remote, state, is_dry

    async def push(self) -> Report:
        """Send the files that have changed here."""
        report, files = Report(), await self._remote.list_files()
        for name in sorted({*self._folders.list_names(), *files}):
            try:
                await self._push_file(name, files.get(name), report)
            except RefusedFile as error:
                report.add(name, f"{error}; it was left out", is_open=True)
        return report

    async def pull(self) -> Report:
        """Write the files that have changed on the server."""
        report, files = Report(), await self._remote.list_files()
        for name in sorted(files):
            try:
                self._pull_file(name, files[name].text, report)
            except RefusedFile as error:
                report.add(name, f"{error}; it was left out", is_open=True)
        return report

    async def _push_file(self, name: str, known: RemoteFile | None, report: Report) -> None:
        here = self._read(name)
        if self._folders.find_other(name) is not None:
            raise RefusedFile(f"waits for you: put what you keep of {name}{OTHER} into it, and delete that file")
        clean = None if here is None else here.clean
        choice = choose_for_push(self._compare(name, clean, None if known is None else known.text))
        if here is None or choice != "send":
            self._say(name, choice, clean, report)
            return
        report.sent += 1
        if self._is_dry:
            report.add(name, "would be sent" + (f"; {_HIDDEN}" if here.hides_text else ""))
            return
        self._state.begun[name] = compute_digest(here.clean)
        self._state.save()
        changed = await self._remote.send_file(name, here.clean, known)
        self._settle(name, here.clean)
        report.add(name, f"was sent, {changed} of its parts changed" + (f"; {_HIDDEN}" if here.hides_text else ""))

    def _pull_file(self, name: str, there: str, report: Report) -> None:
        here = self._read(name)
        if self._folders.find_other(name) is not None:
            raise RefusedFile(f"waits for you: put what you keep of {name}{OTHER} into it, and delete that file")
        if (fault := find_fault(there)) is not None:
            raise RefusedFile(f"{fault}, as it is on the server")
        clean = None if here is None else here.clean
        versions = self._compare(name, clean, there)
        choice = choose_for_pull(versions, hides_text=here is not None and here.hides_text)
        if choice == "fetch":
            report.fetched += 1
            if not self._is_dry:
                self._folders.write(name, there)
                self._settle(name, there)
            report.add(name, "would be written" if self._is_dry else "was written")
        elif choice == "keep_both" and not self._is_dry:
            self._folders.write_other(name, there)
            self._settle(name, there)
            said = f"was changed here and on the server: the server's text is in {name}{OTHER}, and yours is as it was"
            report.add(name, said, is_open=True)
        else:
            self._say(name, choice, there, report)

    def _say(self, name: str, choice: Choice, text: str | None, report: Report) -> None:
        """Say of a file that nothing is done, and note that it is the same on both sides if it is."""
        if choice == "same" and text is not None:
            report.same += 1
            if not self._is_dry:
                self._settle(name, text)
            return
        said = _WORDS.get(choice, "was changed here and on the server: pull first, which keeps both")
        report.add(name, said, is_open=choice == "keep_both")

    def _read(self, name: str) -> _Here | None:
        text = self._folders.read(name)
        if text is None:
            return None
        clean = clean_file(text)
        if (fault := find_fault(clean)) is not None:
            raise RefusedFile(f"{fault} without its private parts")
        return _Here(text, clean)

    def _compare(self, name: str, here: str | None, there: str | None) -> Versions:
        return Versions(
            here=None if here is None else compute_digest(here),
            there=None if there is None else compute_digest(there),
            before=self._state.before.get(name),
            begun=self._state.begun.get(name),
        )

    def _settle(self, name: str, text: str) -> None:
        """Note that a text is on both sides, or has been seen here."""
        digest = compute_digest(text)
        if self._state.before.get(name) == digest and name not in self._state.begun:
            return
        self._state.before[name] = digest
        self._state.begun.pop(name, None)
        self._state.save()
