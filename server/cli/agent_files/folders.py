"""The files on this machine: which they are, and reading and writing them without following links."""

import os
import re
import stat
from pathlib import Path

from server.cli.agent_files.checkout import Checkout
from server.cli.connect.files import write_text
from server.memory.capture.file_parts import find_fault
from server.small_files import UnusableFile, read_small_file

MOST_BYTES = 256 * 1024
MOST_FILES = 200
#: What is added to a file's name for the text of the server, if both have changed.
OTHER = ".server"

_INSTRUCTIONS = ("CLAUDE.md", ".claude/CLAUDE.md")
_NOTES = "memory/"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,98}\.md")


class RefusedFile(Exception):  # noqa: N818 - it names the outcome
    """A file is not read, or not written; the text says why, as the end of a sentence."""


class Folders:
    """The files of a project on this machine, by the names that they have on every machine.

    `CLAUDE.md` and `.claude/CLAUDE.md` are in the project, `memory/….md` is in Claude Code's folder of notes.
    """

    def __init__(self, checkout: Checkout, notes: Path) -> None:
        self._top, self._notes = checkout.top, notes

    def list_names(self) -> list[str]:
        """Return the names of the files that are there."""
        found = [name for name in _INSTRUCTIONS if os.path.lexists(self._top / name)]
        if self._notes.is_dir() and not self._notes.is_symlink():
            names = sorted(each.name for each in self._notes.iterdir() if each.suffix == ".md")
            found += [f"{_NOTES}{each}" for each in names]
        return found[:MOST_FILES]

    def locate(self, name: str) -> Path:
        """Return the path of a file.

        Raises:
            RefusedFile: there can be no such file, its path leads through a link, or it is no plain file.
        """
        if name in _INSTRUCTIONS:
            root, rest = self._top, name
        elif name.startswith(_NOTES) and _NAME.fullmatch(name.removeprefix(_NOTES)):
            root, rest = self._notes, name.removeprefix(_NOTES)
        else:
            raise RefusedFile("is no file of Claude Code: only CLAUDE.md, .claude/CLAUDE.md and memory/NAME.md are")
        path = root / rest
        for each in (root if root == self._notes else root / Path(rest).parts[0], path):
            if each.is_symlink():
                raise RefusedFile("is a link, or lies behind one")
        if path.exists() and not stat.S_ISREG(path.lstat().st_mode):
            raise RefusedFile("is no plain file")
        return path

    def read(self, name: str) -> str | None:
        """Return the text of a file; None if it is not there.

        Raises:
            RefusedFile: it cannot be read, is too large, or is no text.
        """
        path = self.locate(name)
        if not path.exists():
            return None
        try:
            text = read_small_file(path, MOST_BYTES).decode()
        except UnusableFile as error:
            raise RefusedFile(f"cannot be read: {error}") from None
        except UnicodeDecodeError:
            raise RefusedFile("is not UTF-8 text") from None
        if (fault := find_fault(text)) is not None:
            raise RefusedFile(fault)
        return text

    def write(self, name: str, text: str) -> None:
        """Write a file at once, with the folders above it.

        Raises:
            RefusedFile: it may not be written.
        """
        path = self.locate(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_text(self.locate(name), text, is_secret=False)

    def find_other(self, name: str) -> Path | None:
        """Return the file with the text of the server, which `write_other` has made; None if there is none."""
        path = self.locate(name)
        other = path.with_name(path.name + OTHER)
        return other if os.path.lexists(other) else None

    def write_other(self, name: str, text: str) -> Path:
        """Write the text of the server beside a file, and return its path."""
        path = self.locate(name)
        other = path.with_name(path.name + OTHER)
        write_text(other, text, is_secret=False)
        return other
