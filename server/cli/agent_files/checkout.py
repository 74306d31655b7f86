"""The project of a folder, as git tells it: its top folder, the folder of its main worktree, and its remote."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from server.memory.capture.projects import read_repository

_SECONDS = 10
_UNFIT = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A project on this machine.

    Attributes:
        top: the folder with its files.
        main: the folder of the main worktree, which is `top` unless that is another worktree.
        repository: the remote repository, without credentials; None if there is none.
    """

    top: Path
    main: Path
    repository: str | None

    @property
    def notes_folder(self) -> Path:
        """Return the folder in which Claude Code keeps its own notes about the project."""
        home = Path(os.environ.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
        return home / "projects" / _UNFIT.sub("-", str(self.main)) / "memory"


def find_checkout(folder: Path) -> Checkout:
    """Return the project of a folder. Without git, or outside of a repository, it is the folder itself."""
    folder = folder.resolve()
    top = _ask_git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        return Checkout(folder, folder, None)
    shared = _ask_git(folder, "rev-parse", "--path-format=absolute", "--git-common-dir")
    main = Path(shared).parent if shared and Path(shared).name == ".git" else Path(top)
    url = _ask_git(folder, "config", "--get", "remote.origin.url")
    place = read_repository(url) if url else None
    return Checkout(Path(top), main, place.text if place else None)


def _ask_git(folder: Path, *words: str) -> str | None:
    """Return what git answers; None if it has no answer, or is not there."""
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours
            ["git", "-C", str(folder), *words],  # noqa: S607 - the user's own git
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    answer = done.stdout.decode(errors="replace").strip()
    return answer if done.returncode == 0 and answer else None
