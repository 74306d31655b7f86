"""The project that an agent works in: the places by which it is known, and the name that a new one gets."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from server.memory.credentials import redact_credentials
from server.names import clean_name

PlaceKind = Literal["path", "repository"]
MOST_CHARACTERS = 1000
LONGEST_NAME = 100

#: `git@host:owner/name.git`, as opposed to a URL. Credentials may hold an `@` in both.
_SCP = re.compile(r"^(?:[^/]*@)?([\w.-]+):(?!//)(.+)$")
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://(?:[^/]*@)?([^/:@]+)(?::\d+)?/([^?#]+)", re.IGNORECASE)
#: The folders in which agents put the worktrees of a repository.
_WORKTREES = re.compile(r"^(.+?)/(?:\.claude/worktrees|\.worktrees|\.codex/worktrees)/[^/]+(?:/.*)?$")
#: Folders in which there are many projects: no one is known by them.
_SHARED = re.compile(
    r"^(?:/|/(?:home|users)(?:/[^/]+)?|/(?:root|mnt|tmp|var|opt|srv|code|workspaces?)|[a-z]:(?:/users(?:/[^/]+)?)?)$",
    re.IGNORECASE,
)
_UNFIT = re.compile(r"[/\x00-\x1f]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or a repository by which a project is known, in the form in which places are compared."""

    kind: PlaceKind
    text: str

    @property
    def key(self) -> str:
        """Return what a place is looked up by."""
        return hashlib.sha256(f"{self.kind}\n{self.text}".encode()).hexdigest()


def read_repository(url: str) -> Place | None:
    """Return the repository of a remote's URL, the same for all its spellings; None if it is empty.

    `git@github.com:Ann/Shop.git` and `https://github.com/ann/shop` are one. Credentials in it are left out.
    """
    text = url.strip().rstrip("/")
    found = _URL.match(text) or _SCP.match(text)
    if found is not None:
        text = f"{found[1]}/{found[2].lstrip('/')}"
    text = redact_credentials(text).rstrip("/").removesuffix(".git").rstrip("/").lower()
    return Place("repository", text[:MOST_CHARACTERS]) if text else None


def read_path(path: str) -> Place | None:
    """Return the folder of a project; None if it is empty. A worktree that an agent made is its repository's folder."""
    text = re.sub(r"/+", "/", redact_credentials(path.strip()).replace("\\", "/"))
    text = text.rstrip("/") or text
    if (worktree := _WORKTREES.match(text)) is not None:
        text = worktree[1]
    return Place("path", text[:MOST_CHARACTERS]) if text else None


def list_project_folders(path: Place) -> list[Place]:
    """Return the folders by which the project of a folder may be known, the nearest first: itself, and those above it.

    A folder that many projects share is not listed, unless it is the folder itself.
    """
    parts = path.text.split("/")
    above = ["/".join(parts[:length]) or "/" for length in range(len(parts) - 1, 0, -1)]
    return [path, *(Place("path", each) for each in above if not _SHARED.match(each))]


def name_project(places: Sequence[Place]) -> str | None:
    """Return the name for a project that is known by these places: the repository's, else the folder's."""
    for place in sorted(places, key=lambda each: each.kind != "repository"):
        name = clean_name(_UNFIT.sub("-", place.text.rstrip("/").rpartition("/")[2])[:LONGEST_NAME])
        if name:
            return name
    return None


def name_apart(place: Place) -> str:
    """Return a name for the project of a repository if the short one is another repository's: with its owner."""
    owner, _, name = place.text.rpartition("/")
    owner = owner.rpartition("/")[2]
    return clean_name(_UNFIT.sub("-", f"{owner}-{name}" if owner else name)[:LONGEST_NAME])
