"""The result of one check: of `doctor`, or of a page."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `cure` says what to do if it is not ok. A warning is not ok, and the server works."""

    subject: str
    is_ok: bool
    detail: str
    cure: str = ""
    is_warning: bool = False

    @property
    def state(self) -> Literal["ok", "warn", "fail"]:
        """The state in one word."""
        return "ok" if self.is_ok else "warn" if self.is_warning else "fail"
