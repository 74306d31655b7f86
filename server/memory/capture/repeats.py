"""The texts for an agent, without the sentences that it is told or was told already."""

from collections.abc import Iterable

from server.memory.capture.fingerprints import Guard, fingerprint
from server.memory.capture.statements.sentences import split_line


class ToldTexts:
    """The texts that an agent was told in its session, and those that it is told now."""

    def __init__(self, fingerprints: Iterable[str]) -> None:
        self._guard = Guard(fingerprints)

    def add(self, text: str) -> None:
        """Note that the agent is told a text."""
        self._guard.learn([fingerprint(text)])

    def leave_out_repeats(self, text: str) -> str:
        """Return the sentences of a text that say something new, in their lines; "" if none does."""
        lines = (
            " ".join(each for each in split_line(line) if not self._guard.holds(each)) for line in text.splitlines()
        )
        return "\n".join(line for line in lines if line)
