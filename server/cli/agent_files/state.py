"""The files that were the same here and on the server after the last exchange, in a file of our own."""

import hashlib
import json
from pathlib import Path
from typing import Any

from server.cli.connect.clients import find_own_folder
from server.cli.connect.files import write_text


class State:
    """The digests of a project's files after the last exchange, and of texts whose sending was begun."""

    def __init__(self, server: str, project: str, folder: Path) -> None:
        name = hashlib.sha256(json.dumps([server, project, str(folder)]).encode()).hexdigest()[:32]
        self._path = find_own_folder() / "files" / f"{name}.json"
        self.before: dict[str, str] = {}
        self.begun: dict[str, str] = {}
        try:
            held: Any = json.loads(self._path.read_bytes())
            self.before, self.begun = dict(held["before"]), dict(held["begun"])
        except (OSError, ValueError, TypeError, KeyError):
            pass  # nothing was exchanged, or nobody knows: then nothing here and nothing there is overwritten

    def save(self) -> None:
        """Write the file; only its owner may read it."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = json.dumps({"before": self.before, "begun": self.begun}, indent=2) + "\n"
        write_text(self._path, text, is_secret=True)
