"""The choice for a file that is here, on the server, or on both, by its state after the last exchange."""

import hashlib
from dataclasses import dataclass
from typing import Literal

Choice = Literal["same", "send", "fetch", "keep_both", "newer_here", "newer_there", "gone_here", "gone_there"]


@dataclass(frozen=True, slots=True)
class Versions:
    """A file's digests: here, on the server, after the last exchange, and of a text whose sending was begun."""

    here: str | None
    there: str | None
    before: str | None = None
    begun: str | None = None


def compute_digest(text: str) -> str:
    """Return the digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def choose_for_push(versions: Versions) -> Choice:
    """Return what `push` does: it sends what has changed here alone."""
    here, there, before = versions.here, versions.there, versions.before
    if here is None:
        return "gone_here"
    if here == there:
        return "same"
    if there is None:
        return "gone_there" if here == before else "send"
    if there == before or here == versions.begun:
        return "send"
    return "newer_there" if here == before else "keep_both"


def choose_for_pull(versions: Versions, *, hides_text: bool) -> Choice:
    """Return what `pull` does: it fetches what has changed on the server alone, or is not here.

    `hides_text` says that the file here has text which was not sent: it is never overwritten.
    """
    here, there, before = versions.here, versions.there, versions.before
    if there is None:
        return "gone_there"
    if here is None:
        return "fetch"
    if here == there:
        return "same"
    if there == before or here == versions.begun:
        return "newer_here"
    return "fetch" if here == before and not hides_text else "keep_both"
