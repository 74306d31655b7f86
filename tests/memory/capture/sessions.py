"""Events of a session, in few words."""

from datetime import UTC, datetime, timedelta
from itertools import count

from server.memory.capture.models import CapturedEvent

START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)  # a Monday
FOLDER = "/home/mara/shop"


class Session:
    """A session that grows by one event with each call; the ids are e1, e2 and so on."""

    def __init__(self, at=START):
        self.events: list[CapturedEvent] = []
        self._at = at
        self._numbers = count(1)

    def _add(self, kind, text="", tool=None, arguments=None, result="", *, failed=False):
        number = next(self._numbers)
        at = self._at + timedelta(seconds=number - 1)
        self.events.append(CapturedEvent(f"e{number}", kind, at, text, tool, arguments or {}, result, failed, FOLDER))
        return self

    def prompt(self, text):
        return self._add("prompt", text)

    def reply(self, text):
        return self._add("reply", text)

    def tool(self, name, arguments, result="", *, failed=False):
        return self._add("tool", tool=name, arguments=arguments, result=result, failed=failed)

    def run(self, command, result="", *, failed=False):
        return self.tool("Bash", {"command": command}, result, failed=failed)

    def edit(self, path):
        return self.tool("Edit", {"file_path": f"{FOLDER}/{path}", "old_string": "a", "new_string": "b"})

    def end(self):
        return self._add("end")
