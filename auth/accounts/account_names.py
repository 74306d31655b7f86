"""The names of users: the rule for a new name, and the refusal of a name that is taken."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from server.errors import Failure
from server.store.record.people.accounts import NameTaken

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?")


def check_name(name: str) -> None:
    """Check that a user name can be used.

    Raises:
        Failure: `invalid`.
    """
    if not _NAME.fullmatch(name):
        raise Failure(
            "invalid", "Choose a name of 1 to 64 letters, digits and . _ @ + - (not at its ends).", field="name"
        )


def failure_from_taken_name(name: str) -> Failure:
    """Return the refusal of a name that another user has."""
    return Failure("conflict", f"There is already a user named {name!r}. Choose another name.", field="name")


@contextmanager
def taken_name_as_failure(name: str) -> Generator[None]:
    """Raise the `NameTaken` of the block, which stores a user with this name, as a `Failure`."""
    try:
        yield
    except NameTaken:
        raise failure_from_taken_name(name) from None
